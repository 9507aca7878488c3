"""Fetching against a real server on this machine that cuts, lies, redirects and sends too much."""

import contextlib
import hashlib
import os
import random
import re
import resource
import subprocess
import sys
import threading
import time

import pytest

from align3d_cli.encoders.sources import Source, source_of
from align3d_cli.errors import EnvironmentMissing, InputRejected, UsageError
from align3d_cli.helpers.manifest import require_stated, sidecar_of, stated
from align3d_cli.hub.fetch import fetch, state_of
from align3d_cli.hub.transfer import Limits

from .server import Site, answering, cut_after, properly, serving

CONTENT = random.Random(0).randbytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = "tower.openai.safetensors"
QUICK = Limits(attempts=3, progress_bytes=1, timeout_s=5, pause_s=0)


@pytest.fixture
def site():
    with serving(Site(CONTENT, etag='"one"')) as running:
        yield running


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def source(site, **changes):
    return Source(**{"url": site.url(), "filename": NAME, "sha256": DIGEST, "trust": "given"} | changes)


def kept(cache):
    """Names in the cache, the lock left out."""
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock") if cache.is_dir() else []


def test_a_whole_file(site, cache):
    """Content, hash and size are those of the file, and nothing but the file and its hash is left in the cache."""
    told = []
    fetched = fetch(source(site), cache, limits=QUICK, advance=lambda done, total: told.append((done, total)))
    assert (fetched.path, fetched.sha256, fetched.n_bytes) == (cache / NAME, DIGEST, len(CONTENT))
    assert fetched.path.read_bytes() == CONTENT and kept(cache) == [NAME, NAME + ".sha256"]
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert stated(fetched.path).sha256 == DIGEST and state_of(fetched.path)[0] == "verified"


def test_a_broken_transfer_goes_on_where_it_was_cut(site, cache):
    """Cut twice within one call: every next request asks for the rest only."""
    site.answers = [cut_after(100_000), cut_after_part(50_000)]
    assert fetch(source(site), cache, limits=QUICK).path.read_bytes() == CONTENT
    assert site.ranges_asked() == [None, "bytes=100000-", "bytes=150000-"]


def cut_after_part(n_bytes):
    """A rightful part of the file, cut after n_bytes."""

    def answer(handler):
        start = int(handler.headers["Range"][6:-1])
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        handler.send_header("Content-Length", str(len(CONTENT) - start))
        handler.end_headers()
        handler.wfile.write(CONTENT[start : start + n_bytes])
        handler.close_connection = True

    return answer


def test_a_later_call_goes_on_too(site, cache):
    """A call that gives up keeps what it has, under another name than the file's; the next call asks for the rest."""
    site.answers = [cut_after(100_000), *[answering(503)] * 3]
    with pytest.raises(EnvironmentMissing, match="503"):
        fetch(source(site), cache, limits=QUICK)
    assert NAME not in kept(cache)
    site.requests.clear()
    assert fetch(source(site), cache, limits=QUICK).path.read_bytes() == CONTENT
    assert site.ranges_asked() == ["bytes=100000-"]


def test_a_killed_fetch_goes_on(site, cache):
    """Killed with SIGKILL while bytes come in, the next call continues them."""
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
    partial = cache / f".{NAME}.part"
    try:
        while not (partial.is_file() and partial.stat().st_size):
            assert process.poll() is None, "the fetch ended on its own"
        process.kill()
    finally:
        process.kill()
        process.wait()
        going.set()
    held = partial.stat().st_size
    site.requests.clear()
    assert fetch(source(site), cache, limits=QUICK).path.read_bytes() == CONTENT
    assert site.ranges_asked() == [f"bytes={held}-"]


PROGRAM = """
import sys
from pathlib import Path
from align3d_cli.errors import Align3DError
from align3d_cli.encoders.sources import Source
from align3d_cli.hub.fetch import fetch
from align3d_cli.hub.transfer import Limits
url, name, digest, cache = sys.argv[1:5]
try:
    limits = Limits(attempts=2, pause_s=0, timeout_s=20)
    fetched = fetch(Source(url, name, digest, "given"), Path(cache), limits=limits)
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


def test_a_server_without_ranges_starts_over(site, cache):
    """200 with the whole file instead of the rest: the file is right, not the part twice."""
    site.ranges, site.answers = False, [cut_after(100_000)]
    assert fetch(source(site), cache, limits=QUICK).path.read_bytes() == CONTENT
    assert site.ranges_asked() == [None, "bytes=100000-"]


@pytest.mark.parametrize(
    "said", ["bytes 0-199999/300000", "bytes 10000-299999/300000", "bytes 1000000-2/*", "nonsense", ""]
)
def test_another_part_than_asked_for_is_thrown_away(site, cache, said):
    """206 for another start, or without saying which: nothing of it is used, the file is fetched from its beginning."""
    site.answers = [cut_after(100_000), answering(206, b"x" * 200_000, Content_Range=said)]
    assert fetch(source(site), cache, limits=QUICK).path.read_bytes() == CONTENT
    assert site.ranges_asked() == [None, "bytes=100000-", None]


def test_a_part_of_the_rest_is_followed_by_the_rest(site, cache):
    """206 with less than all that is missing: the file has the size that Content-Range tells, not the sum so far."""
    part = answering(206, CONTENT[100_000:150_000], ETag='"one"', Content_Range="bytes 100000-149999/300000")
    site.answers = [cut_after(100_000), part]
    fetched = fetch(source(site, sha256=None, trust="first use"), cache, limits=QUICK)
    assert fetched.sha256 == DIGEST and site.ranges_asked() == [None, "bytes=100000-", "bytes=150000-"]


def test_the_rest_of_another_version_is_thrown_away(site, cache):
    """206 under another ETag, from a server that does not mind If-Range: the file is fetched from its beginning."""
    mixed = answering(206, b"x" * 200_000, ETag='"two"', Content_Range="bytes 100000-299999/300000")
    site.answers = [cut_after(100_000), mixed]
    fetched = fetch(source(site, sha256=None, trust="first use"), cache, limits=QUICK)
    assert fetched.sha256 == DIGEST and site.ranges_asked() == [None, "bytes=100000-", None]


def test_the_file_changed_between_two_calls(site, cache):
    """Another ETag: the server sends the whole new file, which is what counts."""
    site.content, site.etag = b"old" * 100_000, '"old"'
    site.answers = [cut_after(100_000), *[answering(503)] * 3]
    with pytest.raises(EnvironmentMissing):
        fetch(source(site), cache, limits=QUICK)
    site.content, site.etag = CONTENT, '"one"'
    assert fetch(source(site), cache, limits=QUICK).path.read_bytes() == CONTENT


def test_bytes_without_etag_or_hash_are_not_continued(site, cache):
    """Nobody can tell whether the rest belongs to the same file, so it is fetched anew."""
    site.etag, site.answers = None, [cut_after(100_000)]
    fetched = fetch(source(site, sha256=None, trust="first use"), cache, limits=QUICK)
    assert fetched.sha256 == DIGEST and site.ranges_asked() == [None, None]


def test_a_finished_partial_file_is_not_fetched_again(site, cache):
    """All bytes came and the process died before the move: 416 says that nothing is missing."""
    cache.mkdir()
    (cache / f".{NAME}.part").write_bytes(CONTENT)
    assert fetch(source(site), cache, limits=QUICK).sha256 == DIGEST
    assert site.ranges_asked() == [f"bytes={len(CONTENT)}-"]


def test_a_wrong_hash_keeps_nothing(site, cache):
    """One line with exit code 4, nothing in the cache, and the next call begins anew instead of going on."""
    with pytest.raises(InputRejected, match="nothing was kept") as caught:
        fetch(source(site, sha256="0" * 64), cache, limits=QUICK)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 4
    assert kept(cache) == [] and site.ranges_asked() == [None]
    assert fetch(source(site), cache, limits=QUICK).sha256 == DIGEST


def test_a_rotten_partial_file_is_not_continued_for_ever(site, cache):
    """A continuation that comes out wrong is fetched once more from the beginning, and that is right."""
    cache.mkdir()
    (cache / f".{NAME}.part").write_bytes(b"rotten" * 1000)
    assert fetch(source(site), cache, limits=QUICK).path.read_bytes() == CONTENT
    assert site.ranges_asked() == ["bytes=6000-", None]
    assert kept(cache) == [NAME, NAME + ".sha256"]


def test_a_rotten_rest_within_one_call_is_fetched_once_more(site, cache):
    """Cut, continued with other bytes, wrong as a whole: once more from the beginning, and no third time."""
    rotten = answering(206, b"x" * 200_000, Content_Range="bytes 100000-299999/300000")
    site.answers = [cut_after(100_000), rotten]
    assert fetch(source(site), cache, limits=QUICK).path.read_bytes() == CONTENT
    assert site.ranges_asked() == [None, "bytes=100000-", None]
    (cache / NAME).unlink()
    site.answers = [cut_after(100_000), rotten] * 3
    with pytest.raises(InputRejected, match="nothing was kept"):
        fetch(source(site), cache, limits=QUICK)
    assert kept(cache) == [NAME + ".sha256"]


@pytest.mark.parametrize(
    ("answer", "finding"),
    [(answering(200, b"<html>sign in</html>", Content_Type="text/html; charset=utf-8"), "web page"),
     (answering(200, b""), "empty file")],
)  # fmt: skip
def test_what_is_no_file_is_not_taken_for_one(site, cache, answer, finding):
    """A page to sign in, or nothing at all, is no file of weights even where no hash is known."""
    site.answers = [answer]
    with pytest.raises(InputRejected, match=finding):
        fetch(source(site, sha256=None, trust="first use"), cache, limits=QUICK)
    assert kept(cache) == []


def trickle(start: bytes, drop: bytes):
    """Some bytes, then one a tenth of a second without an end, until the other side has gone."""

    def answer(handler):
        handler.wfile.write(start)
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(drop)
                handler.wfile.flush()
                time.sleep(0.1)

    return answer


@pytest.mark.parametrize(
    ("start", "drop"),
    [(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
     (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
     (b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", b"x")],
    ids=["header", "chunk size", "body"],
)  # fmt: skip
def test_a_server_that_trickles_is_left(site, cache, start, drop):
    """A byte now and then, wherever in its answer, does not hold the fetch: it ends and says what to do by hand."""
    site.answers = [trickle(start, drop)] * 9
    limits = Limits(attempts=2, timeout_s=5, stall_s=0.5, pause_s=0)
    with pytest.raises(EnvironmentMissing, match=r"less than 500 bytes a second.*put it at"):
        fetch(source(site), cache, limits=limits)


def test_more_bytes_than_announced_stop_the_transfer(site, cache):
    """A body without an end is cut at the size that is known of the file; nothing is kept."""
    site.answers = [answering(200, CONTENT * 2, length=False)]
    with pytest.raises(InputRejected, match="more than the 300,000 bytes"):
        fetch(source(site, n_bytes=len(CONTENT)), cache, limits=QUICK)
    assert kept(cache) == []


def test_another_size_than_known_is_refused_before_reading(site, cache):
    """The announced size is compared before a byte of the body is taken, and so is the limit."""
    with pytest.raises(InputRejected, match="300,000 bytes instead of 299,999"):
        fetch(source(site, n_bytes=299_999), cache, limits=QUICK)
    with pytest.raises(InputRejected, match="more than the limit of 1,000"):
        fetch(source(site), cache, limits=Limits(max_bytes=1000, pause_s=0))
    assert kept(cache) == []


def test_an_untold_size_needs_a_hash(site, cache):
    """Without size and hash nobody could tell a cut file from a whole one."""
    site.answers = [answering(200, CONTENT, length=False)] * 2
    with pytest.raises(InputRejected, match="does not tell the file's size"):
        fetch(source(site, sha256=None, trust="first use"), cache, limits=QUICK)
    assert fetch(source(site), cache, limits=QUICK).sha256 == DIGEST


def test_numbers_beyond_any_file_are_no_sizes(site, cache):
    """A Content-Length of thousands of digits is no number to us and ends in one line."""
    site.answers = [answering(200, CONTENT, length=False, Content_Length="9" * 5000)]
    with pytest.raises(InputRejected, match="does not tell the file's size"):
        fetch(source(site, sha256=None, trust="first use"), cache, limits=QUICK)


def test_packed_answers_are_refused(site, cache):
    """A server that compresses although told not to would break size and continuation."""
    site.answers = [answering(200, b"packed", Content_Encoding="gzip")]
    with pytest.raises(InputRejected, match="packs the file"):
        fetch(source(site), cache, limits=QUICK)


def test_redirects_to_another_host_are_followed(site, cache):
    """The hub sends to where the bytes lie; the hash is still checked."""
    with serving(Site(CONTENT)) as elsewhere:
        site.answers = [answering(302, Location=elsewhere.url("/far", host="localhost"))]
        assert fetch(source(site), cache, limits=QUICK).sha256 == DIGEST
        assert [path for _, path, _ in elsewhere.requests] == ["/far"]


@pytest.mark.parametrize(
    ("target", "error", "finding"),
    [
        ("file:///etc/hostname", EnvironmentMissing, "Redirection to url 'file:///etc/hostname' is not allowed"),
        ("data:,x", EnvironmentMissing, "Redirection to url 'data:,x' is not allowed"),
        ("ftp://127.0.0.1/x", InputRejected, "redirects to ftp://127.0.0.1/x, which is no HTTP address"),
        ("http://example.org/x", InputRejected, "redirects to http://example.org/x, which is not encrypted"),
    ],
)
def test_redirects_out_of_http_or_into_the_open_are_refused(site, cache, target, error, finding):
    """No other scheme is ever opened, and no unencrypted address on the way from a protected one; nothing is kept."""
    site.answers = [answering(302, Location=target)] * 3
    with pytest.raises(error, match=re.escape(finding)):
        fetch(source(site), cache, limits=QUICK)
    assert kept(cache) == [] and len(site.requests) == 1


def test_endless_redirects_end(site, cache):
    """A circle is left after a few steps: exit code 5, one line with the address and the place."""
    site.answers = [answering(302, Location="/weights/tower.safetensors")] * 50
    with pytest.raises(EnvironmentMissing, match=r"302.*put it at") as caught:
        fetch(source(site), cache, limits=QUICK)
    assert "\n" not in str(caught.value) and len(site.requests) < 10


@pytest.mark.parametrize("target", ["http://[::1", "http://127.0.0.1:port/", ""])
def test_redirects_to_nowhere_end_in_one_line(site, cache, target):
    """An address that is none is an answer of the server's like a 404."""
    site.answers = [answering(302, Location=target)] * 10
    with pytest.raises(EnvironmentMissing) as caught:
        fetch(source(site), cache, limits=QUICK)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_refusals_say_what_to_do_by_hand(site, cache, status):
    """Exit code 5 with the status, the address, the hash and the place; servers in trouble are asked again."""
    site.answers = [answering(status)] * 3
    with pytest.raises(EnvironmentMissing) as caught:
        fetch(source(site), cache, limits=QUICK)
    for part in (str(status), site.url(), DIGEST, str(cache / NAME)):
        assert part in str(caught.value)
    assert len(site.requests) == (3 if status == 500 else 1)


def test_no_network_says_what_to_do_by_hand(site, cache):
    """A closed port: exit code 5 at once, with the address, the file's name, its hash and the place."""
    with serving(Site(b"")) as closed:
        url = closed.url()
    with pytest.raises(EnvironmentMissing) as caught:
        fetch(source(site, url=url), cache, limits=Limits(pause_s=600))
    for part in ("take tower.safetensors from", url, DIGEST, f"put it at {cache / NAME}"):
        assert part in str(caught.value)


def test_what_the_message_says_works(site, cache):
    """The file put where the message says is accepted without the server, and another file there is refused."""
    cache.mkdir()
    (cache / NAME).write_bytes(CONTENT)
    fetched = fetch(source(site), cache, limits=QUICK)
    assert fetched.there and fetched.trust == "given" and site.connections == 0
    (cache / NAME).write_bytes(b"another")
    with pytest.raises(InputRejected, match="remove the file"):
        fetch(source(site), cache, limits=QUICK)
    assert (cache / NAME).read_bytes() == b"another", "a user's file is never removed"


def test_a_tampered_file_is_refused_everywhere(site, cache):
    """One flipped byte: verify, fetch and every load refuse the file before anything reads it."""
    path = fetch(source(site, sha256=None, trust="first use"), cache, limits=QUICK).path
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    assert state_of(path)[0] == "damaged"
    with pytest.raises(InputRejected, match="damaged"):
        require_stated(path)
    with pytest.raises(InputRejected, match="remove the file"):
        fetch(source(site, sha256=None, trust="first use"), cache, limits=QUICK)
    sidecar_of(path).write_text("no hash here\n")
    for refuse in (require_stated, lambda file: fetch(source(site), cache, limits=QUICK)):
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
    mine = threading.Thread(
        target=lambda: fetch(source(site), cache, limits=QUICK, say=lambda t: (said.append(t), go.set()))
    )
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
    """With ALIGN3D_OFFLINE=1 a process that may not even make a socket ends with exit code 5 and the instructions."""
    run = [sys.executable, "-c", GUARD + PROGRAM, site.url(), NAME, DIGEST, str(cache)]
    online = subprocess.run(run, capture_output=True, text=True)
    assert "socket." in online.stderr, "the guard must notice a fetch that is allowed"
    offline = subprocess.run(run, capture_output=True, text=True, env=os.environ | {"ALIGN3D_OFFLINE": "1"})
    assert offline.returncode == 5 and site.url() in offline.stderr and "ALIGN3D_OFFLINE is set" in offline.stderr
    assert site.connections == 0


@pytest.mark.parametrize("place", ["file/cache", "file"])
def test_a_cache_that_cannot_be_written_is_said(site, tmp_path, place):
    """A cache folder that cannot be: exit code 5 with the folder and the way out, no request sent."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(EnvironmentMissing, match="ALIGN3D_CACHE"):
        fetch(source(site), tmp_path / place, limits=QUICK)
    assert site.requests == []


@pytest.mark.skipif(os.geteuid() == 0, reason="no folder is closed to root")
def test_a_closed_cache_is_said(site, cache):
    """No right to write: exit code 5 likewise."""
    cache.mkdir(mode=0o500)
    with pytest.raises(EnvironmentMissing, match="Permission denied"):
        fetch(source(site), cache, limits=QUICK)


def test_a_disk_that_fills_up_is_said(site, cache):
    """The file may not grow beyond 100 kB here: exit code 5 with the reason, at once, and no file of that name."""

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    run = program(site.url(), NAME, DIGEST, cache, preexec_fn=small_files, cwd=cache.parent)
    assert run.returncode == 5 and "File too large" in run.stderr, run.stderr
    assert len(run.stderr.splitlines()) == 1 and len(site.requests) == 1 and NAME not in kept(cache)


OPENAI = {"url": f"https://openaipublic.azureedge.net/clip/models/{DIGEST}/ViT-L-14-336px.pt", "hf_hub": "timm/vit/"}


def test_sources_of_a_model():
    """OpenAI's address and hash come first; the hub, another address and a hash of one's own can be asked for."""
    own = source_of("ViT-L-14-336", "openai", OPENAI)
    assert (own.url, own.sha256, own.trust, own.filename) == (
        OPENAI["url"],
        DIGEST,
        "published",
        "ViT-L-14-336.openai.pt",
    )
    hub = source_of("ViT-L-14-336", "openai", OPENAI, hub=True, revision="a" * 40)
    assert hub.url.endswith(f"/timm/vit/resolve/{'a' * 40}/open_clip_model.safetensors") and hub.trust == "first use"
    mirror = source_of("ViT-L-14-336", "openai", OPENAI, url="http://mirror.example/x.pt")
    assert mirror.sha256 == DIGEST, "the published hash holds wherever the file comes from"
    given = source_of("ViT-L-14-336", "openai", OPENAI, sha256="A" * 64)
    assert (given.sha256, given.trust) == ("a" * 64, "given")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host/x.pt", "//host/x.pt", "x.pt", "http://[::1/x.pt", "http://host:port/x.pt",
     "http://ho st/x.pt", "http://mirror.example/x.pt", "https://host/x.zip", "https:///x.pt"],
)  # fmt: skip
def test_addresses_that_cannot_be_meant(url):
    """Other schemes, broken addresses, unencrypted ones without a hash and other files are usage errors."""
    with pytest.raises(UsageError):
        source_of("ViT-B-32", "laion", {}, url=url)


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
        site.answers = [hub_answer(Location=storage.url("/blob")), answering(302, Location=storage.url("/blob"))]
        fetched = fetch(hub_source(), cache, limits=QUICK)
    assert (fetched.sha256, fetched.revision, fetched.path.name) == (DIGEST, COMMIT, "ViT-B-16.laion.safetensors")
    assert [request[:2] for request in site.requests] == [
        ("HEAD", "/owner/clip/resolve/main/open_clip_model.safetensors"),
        ("GET", f"/owner/clip/resolve/{COMMIT}/open_clip_model.safetensors"),
    ]
    assert COMMIT in sidecar_of(fetched.path).read_text()


def test_the_hub_has_other_bytes_than_it_says(site, cache, hub_source):
    """The hash that the hub itself states is held against what comes."""
    with serving(Site(CONTENT[::-1])) as storage:
        site.answers = [hub_answer(Location=storage.url("/blob")), answering(302, Location=storage.url("/blob"))]
        with pytest.raises(InputRejected, match="nothing was kept"):
            fetch(hub_source(), cache, limits=QUICK)
    assert kept(cache) == []


def test_the_hub_has_another_file_than_wanted(site, cache, hub_source):
    """A hash given by the user is compared with the hub's before the bytes are asked for."""
    site.answers = [hub_answer(etag="1" * 64, Location="/blob")]
    with pytest.raises(InputRejected, match="another --revision"):
        fetch(hub_source(sha256=DIGEST), cache, limits=QUICK)
    assert len(site.requests) == 1


def test_the_hub_offers_the_older_file(site, cache, hub_source):
    """Where there is no safetensors file, the .bin is taken and named so; where there is none, exit code 5."""
    with serving(Site(CONTENT)) as storage:
        at_storage = storage.url("/blob")
        site.answers = [answering(404), hub_answer(Location=at_storage), answering(302, Location=at_storage)]
        assert fetch(hub_source(), cache, limits=QUICK).path.name == "ViT-B-16.laion.bin"
    site.answers = [answering(404)] * 2
    with pytest.raises(EnvironmentMissing, match="404"):
        fetch(hub_source(), cache / "other", limits=QUICK)
