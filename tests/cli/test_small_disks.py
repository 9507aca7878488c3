"""Disks that are full or read only: one line, exit 5, nothing half-written; mounting one needs root on Linux."""

import shutil
import subprocess

import pytest

pytestmark = pytest.mark.slow  # each test starts programs

DISK = "tmpfs"


@pytest.fixture
def mount(tmp_path):
    """`mount(options)`: a small disk of its own at tmp_path/disk, mounted anew with other options when called again."""
    place, mounted = tmp_path / "disk", []

    def run(options: str):
        place.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", DISK, "-o", options, DISK, place], capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
        mounted.append(place)
        return place

    if shutil.which("mount") is None:
        pytest.skip("there is no mount on this system")
    yield run
    if mounted:
        subprocess.run(["umount", place], check=True)


def commands(model, parts, disk):
    """Calls that write a heat map, a folder of them, a page and a model onto the disk."""
    ball = parts / "ball.ply"
    yield ["score", ball, "--model", model, "--out", disk / "heat.ply"]
    yield ["score", ball, "--model", model, "--out-dir", disk / "heat"]
    yield ["score", ball, "--model", model, "--report", disk / "report.html"]
    yield ["weights", "average", model, model, "--out", disk / "mean.safetensors"]


def assert_told(run, disk):
    """One line with the place at fault; of a heat map's folder the record alone may stay."""
    assert run.code == 5, run.err
    last = run.err.splitlines()[-1]
    assert last.startswith(f"error: {disk}") and "Traceback" not in run.err
    assert [path for path in disk.rglob("*") if path.is_file() and path.suffix != ".jsonl"] == []


def test_a_full_disk(align3d, model, parts, mount):
    """4 kB hold none of the outputs."""
    disk = mount("size=4k")
    for call in commands(model, parts, disk):
        run = align3d(*call)
        assert_told(run, disk)
        assert "No space left" in run.err


def test_a_disk_that_is_read_only(align3d, model, parts, mount):
    """Nothing can be written, and nothing removed."""
    disk = mount("ro")
    for call in commands(model, parts, disk):
        run = align3d(*call)
        assert_told(run, disk)
        assert "Read-only" in run.err
