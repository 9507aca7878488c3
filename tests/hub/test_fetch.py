"""Fetching against a real server on this machine that cuts, lies, redirects and sends too much."""

import hashlib
import os
import resource
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from safetensors.torch import save

from align3d_cli.encoders.sources import WeightsSource, source_of
from align3d_cli.errors import EnvironmentMissing, InputRejected
from align3d_cli.helpers.manifest import require_stated, sidecar_of, stated
from align3d_cli.hub.fetch import fetch
from align3d_cli.hub.installed import state_of

from .server import Site, answering, cut_after, properly, serving

CONTENT = save({"a": torch.from_numpy(np.random.default_rng(0).integers(0, 256, 300_000, np.uint8))})
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = "tower.openai.safetensors"


@pytest.fixture
def site():
    with serving(Site(CONTENT)) as running:
        yield running


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def source(site, **changes):
    return WeightsSource(**{"url": site.url(), "filename": NAME, "sha256": DIGEST, "trust": "given"} | changes)


def kept(cache):
    """Names in the cache, the lock left out."""
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock") if cache.is_dir() else []


def test_a_whole_file(site, cache):
    """Content, hash and size are those of the file, and nothing but the file and its hash is left in the cache."""
    told = []
    fetched = fetch(source(site), cache, advance=lambda done, total: told.append((done, total)))
    assert (fetched.path, fetched.sha256, fetched.n_bytes) == (cache / NAME, DIGEST, len(CONTENT))
    assert fetched.path.read_bytes() == CONTENT and kept(cache) == [NAME, NAME + ".sha256"]
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert stated(fetched.path).sha256 == DIGEST and state_of(fetched.path)[0] == "verified"


def test_a_killed_fetch_leaves_no_file_and_no_lock(site, cache):
    """Killed with SIGKILL while bytes come in: no file of that name; the next call neither waits nor leaves rests."""
    going = threading.Event()

    def half_and_wait(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        handler.wfile.write(CONTENT[:200_000])
        handler.wfile.flush()
        going.wait(60)

    site.answers = [half_and_wait]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, site.url(), NAME, DIGEST, str(cache)])
    partial = cache / ".tower.openai.fetching" / NAME
    try:
        while not partial.is_file():
            assert process.poll() is None, "the fetch ended on its own"
        process.kill()
    finally:
        process.kill()
        process.wait()
        going.set()
    assert NAME not in kept(cache)
    assert fetch(source(site), cache).path.read_bytes() == CONTENT
    assert kept(cache) == [NAME, NAME + ".sha256"]


PROGRAM = """
import sys
from pathlib import Path
from align3d_cli.errors import Align3DError
from align3d_cli.encoders.sources import WeightsSource
from align3d_cli.hub.fetch import fetch
url, name, digest, cache = sys.argv[1:5]
try:
    fetched = fetch(WeightsSource(url, name, digest, "given"), Path(cache))
    print(fetched.there)
except Align3DError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def program(*arguments, **keywords):
    """The same fetch in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)], capture_output=True, text=True, **keywords
    )


def test_a_wrong_hash_keeps_nothing(site, cache):
    """One line with exit code 4, nothing in the cache, and the next call begins anew instead of going on."""
    with pytest.raises(InputRejected, match="nothing was kept") as caught:
        fetch(source(site, sha256="0" * 64), cache)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 4
    assert kept(cache) == [] and len(site.requests) == 1
    assert fetch(source(site), cache).sha256 == DIGEST


@pytest.mark.parametrize(
    ("answer", "finding"),
    [(answering(200, b"<html>sign in</html>", Content_Type="text/html; charset=utf-8"), "web page"),
     (answering(200, b""), "empty file")],
)  # fmt: skip
def test_what_is_no_file_is_not_taken_for_one(site, cache, answer, finding):
    """A page to sign in, or nothing at all, is no file of weights even where no hash is known."""
    site.answers = [answer]
    with pytest.raises(InputRejected, match=finding):
        fetch(source(site, sha256=None, trust="first use"), cache)
    assert kept(cache) == []


def test_a_body_without_an_end_is_cut(site, cache):
    """More bytes than a file of weights may have, announced or not, are not kept."""
    with pytest.raises(InputRejected, match=r"300,\d{3} bytes, more than the limit of 1,000"):
        fetch(source(site), cache, max_bytes=1000)
    site.answers = [answering(200, CONTENT, length=False)]
    with pytest.raises(InputRejected, match="sends more than the 1,000 bytes"):
        fetch(source(site), cache, max_bytes=1000)
    assert kept(cache) == []


def test_a_cut_transfer_is_no_file(site, cache):
    """The connection ends early: exit code 5 with what to do by hand, nothing kept; the next call brings it whole."""
    site.answers = [cut_after(100_000)]
    with pytest.raises(EnvironmentMissing, match=r"the connection ended .*put it at"):
        fetch(source(site), cache)
    assert kept(cache) == []
    assert fetch(source(site), cache).path.read_bytes() == CONTENT


def test_an_untold_size_needs_a_hash(site, cache):
    """Without size and hash nobody could tell a cut file from a whole one."""
    site.answers = [answering(200, CONTENT, length=False)] * 2
    with pytest.raises(InputRejected, match="does not tell the file's size"):
        fetch(source(site, sha256=None, trust="first use"), cache)
    assert fetch(source(site), cache).sha256 == DIGEST


def test_numbers_beyond_any_file_are_no_sizes(site, cache):
    """A Content-Length of thousands of digits is no number to us and ends in one line."""
    site.answers = [answering(200, CONTENT, length=False, Content_Length="9" * 5000)]
    with pytest.raises(InputRejected, match="does not tell the file's size"):
        fetch(source(site, sha256=None, trust="first use"), cache)


def test_redirects_to_another_host_are_followed(site, cache):
    """The hub sends to where the bytes lie; the hash is still checked."""
    with serving(Site(CONTENT)) as elsewhere:
        site.answers = [answering(302, Location=elsewhere.url("/far", host="localhost"))]
        assert fetch(source(site), cache).sha256 == DIGEST
        assert [path for _, path in elsewhere.requests] == ["/far"]


@pytest.mark.parametrize("target", ["file:///etc/hostname", "data:,x", "ftp://127.0.0.1/x", "http://[::1", ""])
def test_redirects_out_of_http_are_refused(site, cache, target):
    """No other scheme is ever opened, and no address that is none: one line, exit code 5, nothing kept."""
    site.answers = [answering(302, Location=target)] * 3
    with pytest.raises(EnvironmentMissing) as caught:
        fetch(source(site), cache)
    assert "\n" not in str(caught.value) and kept(cache) == []


def test_a_redirect_into_the_open_needs_a_hash(site, cache, monkeypatch):
    """Where nothing tells a forged file, no unencrypted address may be on the way; with a hash it may."""
    monkeypatch.setattr("align3d_cli.encoders.sources.LOOPBACK", ("127.0.0.1",))  # so that localhost is another host
    with serving(Site(CONTENT)) as elsewhere:
        answer = answering(302, Location=elsewhere.url("/far", host="localhost"))
        site.answers = [answer, answer]
        with pytest.raises(InputRejected, match=r"redirects to http://localhost\S+, which is not encrypted"):
            fetch(source(site, sha256=None, trust="first use"), cache)
        assert kept(cache) == []
        assert fetch(source(site), cache).sha256 == DIGEST


def test_endless_redirects_end(site, cache):
    """A circle is left after a few steps: exit code 5, one line with the address and the place."""
    site.answers = [answering(302, Location="/weights/tower.safetensors")] * 99
    with pytest.raises(EnvironmentMissing, match=r"redirects in circles.*put it at") as caught:
        fetch(source(site), cache)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_refusals_say_what_to_do_by_hand(site, cache, status):
    """Exit code 5 with the status, the address, the hash and the place; servers in trouble are asked again."""
    site.answers = [answering(status)] * 3
    with pytest.raises(EnvironmentMissing) as caught:
        fetch(source(site), cache)
    for part in (str(status), site.url(), DIGEST, str(cache / NAME)):
        assert part in str(caught.value)
    assert len(site.requests) == (3 if status == 500 else 1)


def test_no_network_says_what_to_do_by_hand(site, cache):
    """A closed port: exit code 5 at once, with the address, the file's name, its hash and the place."""
    with serving(Site(b"")) as closed:
        url = closed.url()
    with pytest.raises(EnvironmentMissing) as caught:
        fetch(source(site, url=url), cache)
    for part in ("take tower.safetensors from", url, DIGEST, f"put it at {cache / NAME}"):
        assert part in str(caught.value)


def test_what_the_message_says_works(site, cache):
    """The file put where the message says is accepted without the server, and another file there is refused."""
    cache.mkdir()
    (cache / NAME).write_bytes(CONTENT)
    fetched = fetch(source(site), cache)
    assert fetched.there and fetched.trust == "given" and site.connections == 0
    (cache / NAME).write_bytes(b"another")
    with pytest.raises(InputRejected, match="remove the file"):
        fetch(source(site), cache)
    assert (cache / NAME).read_bytes() == b"another", "a user's file is never removed"


def test_a_tampered_file_is_refused_everywhere(site, cache):
    """One flipped byte: verify, fetch and every load refuse the file before anything reads it."""
    path = fetch(source(site, sha256=None, trust="first use"), cache).path
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    assert state_of(path)[0] == "damaged"
    with pytest.raises(InputRejected, match="damaged"):
        require_stated(path)
    with pytest.raises(InputRejected, match="remove the file"):
        fetch(source(site, sha256=None, trust="first use"), cache)
    sidecar_of(path).write_text("no hash here\n")
    for refuse in (require_stated, lambda file: fetch(source(site), cache)):
        with pytest.raises(InputRejected, match="no single SHA-256"):
            refuse(path)


def test_two_fetches_download_once(site, cache):
    """A second process waits for the first and finds its file."""
    started, go = threading.Event(), threading.Event()

    def slowly(handler):
        started.set()
        go.wait(60)
        properly(handler)

    site.answers = [slowly]
    runs = []
    threads = [threading.Thread(target=lambda: runs.append(program(site.url(), NAME, DIGEST, cache))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert started.wait(60)
    said = []
    mine = threading.Thread(target=lambda: fetch(source(site), cache, say=lambda t: (said.append(t), go.set())))
    mine.start()
    for thread in (*threads, mine):
        thread.join()
    assert said == ["tower.openai: another process is fetching it; waiting"]
    assert sorted(run.stdout.strip() for run in runs) == ["False", "True", "True"], [run.stderr for run in runs]
    assert len(site.requests) == 1


GUARD = """
import sys
def refuse(event, details):
    if event.startswith("socket."):
        raise SystemExit(f"{event} {details}")
sys.addaudithook(refuse)
"""


def test_offline_opens_no_socket(site, cache):
    """Told to stay offline, a process that may not even make a socket ends with exit code 5 and the instructions."""
    run = [sys.executable, "-c", GUARD + PROGRAM, site.url(), NAME, DIGEST, str(cache)]
    online = subprocess.run(run, capture_output=True, text=True)
    assert "socket." in online.stderr, "the guard must notice a fetch that is allowed"
    for variable in ("ALIGN3D_OFFLINE", "HF_HUB_OFFLINE"):
        offline = subprocess.run(run, capture_output=True, text=True, env=os.environ | {variable: "1"})
        assert offline.returncode == 5 and site.url() in offline.stderr and f"{variable} is set" in offline.stderr
    assert site.connections == 0


@pytest.mark.parametrize("place", ["file/cache", "file"])
def test_a_cache_that_cannot_be_written_is_said(site, tmp_path, place):
    """A cache folder that cannot be: exit code 5 with the folder and the way out, no request sent."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(EnvironmentMissing, match="ALIGN3D_CACHE"):
        fetch(source(site), tmp_path / place)
    assert site.requests == []


@pytest.mark.skipif(os.geteuid() == 0, reason="no folder is closed to root")
def test_a_closed_cache_is_said(site, cache):
    """No right to write: exit code 5 likewise."""
    cache.mkdir(mode=0o500)
    with pytest.raises(EnvironmentMissing, match="Permission denied"):
        fetch(source(site), cache)


def test_a_disk_that_fills_up_is_said(site, cache):
    """The file may not grow beyond 100 kB here: exit code 5 with the reason, at once, and no file of that name."""

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    run = program(site.url(), NAME, DIGEST, cache, preexec_fn=small_files, cwd=cache.parent)
    assert run.returncode == 5 and "File too large" in run.stderr, run.stderr
    assert len(run.stderr.splitlines()) == 1 and len(site.requests) == 1 and NAME not in kept(cache)


COMMIT = "c" * 40


def hub_answer(etag=DIGEST, **more):
    """What the hub answers to HEAD: the commit, and where the bytes of a large file lie."""
    return answering(302, X_Repo_Commit=COMMIT, X_Linked_Etag=f'"{etag}"', **{"X_Linked_Size": len(CONTENT)} | more)


@pytest.fixture
def hub_source(site, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", site.url(""))
    return lambda **given: source_of("ViT-B-16", "laion", {"hf_hub": "owner/clip/"}, **given)


def test_the_hub_pins_commit_and_hash(site, cache, hub_source):
    """HEAD tells commit, hash and size; the bytes are asked for at that commit and must have that hash."""
    with serving(Site(CONTENT)) as storage:
        site.answers = [hub_answer(Location=storage.url("/blob"))] * 2
        fetched = fetch(hub_source(), cache)
    assert (fetched.sha256, fetched.revision, fetched.path.name) == (DIGEST, COMMIT, "ViT-B-16.laion.safetensors")
    assert [path for _, path in site.requests] == [
        f"/owner/clip/resolve/{revision}/open_clip_model.safetensors" for revision in ("main", COMMIT)
    ]
    assert kept(cache) == [fetched.path.name, fetched.path.name + ".sha256"]
    assert COMMIT in sidecar_of(fetched.path).read_text()


def test_a_cut_transfer_from_the_hub_is_taken_up_again(site, cache, hub_source):
    """huggingface_hub goes on with what it has, in steps of 10 MB, so here from the beginning."""
    with serving(Site(CONTENT)) as storage:
        site.answers = [hub_answer(Location=storage.url("/blob"))] * 2
        storage.answers = [cut_after(100_000)]
        assert fetch(hub_source(), cache).path.read_bytes() == CONTENT
    assert len(storage.requests) == 2


def test_a_hub_that_is_not_there_is_told_in_words(site, cache, monkeypatch):
    """A closed port, and a page that is no hub's: exit code 5, one line, in no library's words."""
    with serving(Site(b"")) as closed:
        monkeypatch.setenv("HF_ENDPOINT", closed.url(""))
    with pytest.raises(EnvironmentMissing, match=r": the hub cannot be reached; take open_clip_model\.safetensors"):
        fetch(source_of("ViT-B-16", "laion", {"hf_hub": "owner/clip/"}), cache)
    monkeypatch.setenv("HF_ENDPOINT", site.url(""))
    with pytest.raises(EnvironmentMissing, match="the server is no model hub, see HF_ENDPOINT; take") as caught:
        fetch(source_of("ViT-B-16", "laion", {"hf_hub": "owner/clip/"}), cache)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 5


def test_the_hub_has_other_bytes_than_it_says(site, cache, hub_source):
    """The hash that the hub itself states is held against what comes."""
    with serving(Site(CONTENT[::-1])) as storage:
        site.answers = [hub_answer(Location=storage.url("/blob"))] * 2
        with pytest.raises(InputRejected, match="nothing was kept"):
            fetch(hub_source(), cache)
    assert kept(cache) == []


def test_the_hub_has_another_file_than_wanted(site, cache, hub_source):
    """A hash given by the user and the limit are compared with what the hub states before any bytes are asked for."""
    site.answers = [hub_answer(etag="1" * 64, Location="http://storage.invalid/blob")] * 2
    with pytest.raises(InputRejected, match="another --revision"):
        fetch(hub_source(sha256=DIGEST), cache)
    with pytest.raises(InputRejected, match="more than the limit of 1,000"):
        fetch(hub_source(), cache, max_bytes=1000)
    assert len(site.requests) == 2


def test_the_hub_offers_the_older_file(site, cache, hub_source):
    """Where there is no safetensors file, the .bin is taken and named so; where there is none, exit code 5."""
    with serving(Site(CONTENT)) as storage:
        at_storage = storage.url("/blob")
        site.answers = [answering(404), *[hub_answer(Location=at_storage)] * 2]
        assert fetch(hub_source(), cache).path.name == "ViT-B-16.laion.bin"
    site.answers = [answering(404)] * 2
    with pytest.raises(EnvironmentMissing, match="404"):
        fetch(hub_source(), cache / "other")
