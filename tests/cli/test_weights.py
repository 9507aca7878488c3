"""`align3d weights` through real processes and a server on this machine."""

import functools
import hashlib
import http.server
import os
import subprocess
import sys
import threading

import pytest
import torch
from safetensors.torch import load_file

from align3d_cli.encoders.lite_trunk import LiteTrunk

pytestmark = pytest.mark.slow  # each test starts programs

CONTENT = b"not really weights, but bytes with a hash\n" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path):
    """A file server on the loopback; gives the address of its one file."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "tower.safetensors").write_bytes(CONTENT)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/tower.safetensors"
        running.shutdown()


def weights(tmp_path, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "align3d_cli", "weights", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"ALIGN3D_CACHE": str(tmp_path / "cache")} | environment,
    )


def test_fetch_brings_a_file_whose_hash_is_right(tmp_path, server):
    """The file lies in the cache under model and tag, and a second fetch finds it there without the server."""
    run = weights(tmp_path, "fetch", "ViT-B-32", "--pretrained", "openai", "--url", server, "--sha256", DIGEST)
    assert run.returncode == 0, run.stderr
    (found,) = (tmp_path / "cache").glob("ViT-B-32.openai.*[!6]")
    assert found.read_bytes() == CONTENT
    again = weights(
        *(tmp_path, "fetch", "ViT-B-32", "--pretrained", "openai", "--url", server, "--sha256", DIGEST),
        ALIGN3D_OFFLINE="1",
    )
    assert again.returncode == 0 and "was there" in again.stdout


def test_fetch_keeps_nothing_whose_hash_is_wrong(tmp_path, server):
    """Other bytes than asked for: exit 4, and no file in the cache."""
    run = weights(tmp_path, "fetch", "ViT-B-32", "--pretrained", "openai", "--url", server, "--sha256", "0" * 64)
    assert run.returncode == 4 and "SHA-256" in run.stderr
    assert not list((tmp_path / "cache").glob("ViT-B-32*"))


def test_fetch_needs_a_model_with_weights(tmp_path):
    """A model that open_clip lists no weights of cannot be fetched, with an address neither: exit 2, nothing sent."""
    for more in ((), ("--url", "https://example.org/x.pt", "--sha256", DIGEST)):
        run = weights(tmp_path, "fetch", "ViT-M-16-alt", *more)
        assert run.returncode == 2 and "lists no weights of this model" in run.stderr, run.stderr


def test_verify_finds_a_tampered_file(tmp_path, server):
    """A fetched file that was changed later: verify names it and exits 5, and a second fetch refuses it too."""
    fetch = ("fetch", "ViT-B-32", "--pretrained", "laion2b_s34b_b79k", "--url", server, "--sha256", DIGEST)
    assert weights(tmp_path, *fetch).returncode == 0
    (found,) = (tmp_path / "cache").glob("*.safetensors")
    found.write_bytes(CONTENT[::-1])
    run = weights(tmp_path, "verify")
    assert run.returncode == 5 and f"damaged    {found}" in run.stdout and len(run.stderr.splitlines()) == 1
    again = weights(tmp_path, *fetch)
    assert again.returncode == 5 and "remove the file" in again.stderr


def test_offline_says_what_to_put_where(tmp_path):
    """ALIGN3D_OFFLINE=1: exit 5 with the address, the hash and the place for a file put there by hand."""
    run = weights(tmp_path, "fetch", "ViT-L-14-336", "--pretrained", "openai", ALIGN3D_OFFLINE="1")
    assert run.returncode == 5
    assert "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02" in run.stderr
    assert str(tmp_path / "cache") in run.stderr


def test_the_shipped_model_is_listed_and_verified(tmp_path):
    """The default model is there and is the file of its manifest."""
    assert "align3d-lite" in weights(tmp_path, "list").stdout
    run = weights(tmp_path, "verify")
    assert run.returncode == 0, run.stderr
    assert any(line.startswith("verified") and "align3d-lite" in line for line in run.stdout.splitlines())


def test_files_that_no_load_takes_fail_verification(tmp_path):
    """Not what was fetched, or with no hash known and yet no weights: exit 5 and both names."""
    (tmp_path / "cache").mkdir(exist_ok=True)
    broken, foreign = (tmp_path / "cache" / f"{name}.safetensors" for name in ("broken", "foreign"))
    broken.write_bytes(b"noise")
    broken.with_name(broken.name + ".sha256").write_text("0" * 64 + "  broken.safetensors\n")
    foreign.write_bytes(b"noise")
    run = weights(tmp_path, "verify")
    assert run.returncode == 5
    assert run.stderr.splitlines()[-1].startswith(f"error: {broken}, {foreign}: ")


@pytest.mark.parametrize("zipped", [True, False])
def test_an_imagenet_checkpoint_becomes_a_trunk(tmp_path, zipped):
    """A .pth of today's or torch's old format, as released: our trunk in fp16 comes out, without the head."""
    trunk = LiteTrunk("lite0")
    state = {f"_layer.{number}": value for number, value in enumerate(trunk.state_dict().values())}
    published = state | {"_fc.weight": torch.zeros(10, 1280)}
    torch.save(published, tmp_path / "lite.pth", _use_new_zipfile_serialization=zipped)
    out = tmp_path / "lite0.safetensors"
    run = weights(tmp_path, "import", str(tmp_path / "lite.pth"), "--kind", "efficientnet-lite", "--out", str(out))
    assert run.returncode == 0, run.stderr
    assert "pickled" in run.stderr
    found = load_file(out)
    assert found.keys() == trunk.state_dict().keys()
    assert torch.allclose(found["stem.0.weight"].float(), trunk.state_dict()["stem.0.weight"], atol=1e-3)


def test_other_pickles_and_kinds_are_refused(tmp_path):
    """A checkpoint without prompts gives exit 4 by its finding, an unknown kind exit 2; nothing is written."""
    torch.save({"something": {"else": torch.zeros(2)}}, tmp_path / "odd.pth")
    out = tmp_path / "m.safetensors"
    assert weights(tmp_path, "import", str(tmp_path / "odd.pth"), "--out", str(out)).returncode == 4
    assert weights(tmp_path, "import", str(tmp_path / "odd.pth"), "--kind", "x", "--out", str(out)).returncode == 2
    assert not out.exists()


def test_the_average_of_the_shipped_model_with_itself_is_itself_without_its_calibration(tmp_path):
    """From the command line: tower, aligner and the prompts of both branches come back."""
    from align3d_cli.model.bundle import load_bundle
    from align3d_cli.model.calibration import Calibration
    from align3d_cli.model.find import find_model

    shipped, out = str(find_model("align3d-lite")), tmp_path / "mean.safetensors"
    run = weights(tmp_path, "average", shipped, shipped, "--share", "1", "--share", "2", "--out", str(out))
    assert run.returncode == 0, run.stderr
    before, after = load_bundle(shipped), load_bundle(out)
    assert before.tensors.keys() == after.tensors.keys()
    for key, value in after.tensors.items():
        torch.testing.assert_close(value, before.tensors[key], rtol=0, atol=1e-6 if key.startswith("text.") else 0)
    assert after.calibration == Calibration()
    again = weights(tmp_path, "average", shipped, shipped, "--share", "1", "--out", str(out), "--force")
    assert again.returncode == 2 and "share" in again.stderr
