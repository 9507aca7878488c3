"""`align3d score DIR --watch`: a line of JSON for every scan that arrives, until somebody interrupts."""

import json
import os
import signal
import subprocess
import sys

import pytest

from .conftest import PATHS

pytestmark = pytest.mark.slow  # each test starts programs


def test_scans_are_scored_as_they_arrive(model, tmp_path, write_ball):
    """One that is there, one that comes, one that is damaged; an interrupt ends with 130 and leaves the heat maps."""
    (tmp_path / "in").mkdir()
    write_ball(tmp_path / "in" / "a.ply")
    words = ["score", str(tmp_path / "in"), "--watch", "--out-dir", str(tmp_path / "heat"), "--model", str(model)]
    command = [sys.executable, "-m", "align3d_cli", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": PATHS}, **pipes) as running:
        first = json.loads(running.stdout.readline())
        (tmp_path / "in" / "bad.ply").write_bytes(b"ply\n")
        second = json.loads(running.stdout.readline())
        write_ball(tmp_path / "in" / "b.ply")
        third = json.loads(running.stdout.readline())
        running.send_signal(signal.SIGINT)
        rest, err = running.communicate(timeout=60)
    assert running.returncode == 130 and rest == b"" and b"Traceback" not in err
    assert [os.path.basename(one["input"]) for one in (first, second, third)] == ["a.ply", "bad.ply", "b.ply"]
    assert second["error"]["kind"] == "input" and b"error: " in err
    assert sorted(path.name for path in (tmp_path / "heat").iterdir()) == ["a.ply", "b.ply"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--report", "r.html"], "--watch and --report: give one; a watch has no end at which --report could be done"),
        (["--among"], "--watch and --among: give one; "),
        (["none.ply"], "--watch none.ply: is no folder; name the folder that scans arrive in"),
    ],
)
def test_what_a_watch_cannot_do(align3d, tmp_path, more, told):
    """What needs all parts, and what is no folder."""
    run = align3d("score", tmp_path, "--watch", *more, cwd=tmp_path)
    assert run.code == 2 and run.err.startswith(f"error: {told}"), run.err
