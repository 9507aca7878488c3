"""What the README promises of every call: no network, and no file beside the outputs and the caches."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WATCHED = """
import os, sys
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

def hook(event, args):
    if event.startswith("socket.") and event != "socket.__new__":
        print("SOCKET", event, file=sys.stderr)
    if event == "open" and (set(str(args[1] or "")) & set("wax+") or args[2] & WRITING):
        print("WRITES", args[0], file=sys.stderr)

sys.addaudithook(hook)
sys.argv = ["align3d", *sys.argv[1:]]
from align3d_cli.cli.app import main
main()
"""
CALLS = (
    ("score", "examples/chessman/dent/001.ply", "--out", "heat.ply"),
    (
        "score",
        "examples/shaft/dent/003.ply",
        "--good",
        "examples/shaft/good",
        "--out-dir",
        "heat",
        "--report",
        "r.html",
    ),
    ("teach", "examples/shaft/good", "--out", "line.safetensors"),
    ("export", "align3d-lite", "--out", "model.onnx"),
)


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
def test_a_call_opens_no_socket_and_writes_its_outputs_only(call, tmp_path):
    """Every socket and every file opened for writing is seen by Python's own audit events."""
    words = [str(ROOT / word) if word.startswith("examples/") else word for word in call]
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *words], cwd=tmp_path, env=os.environ | paths, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "SOCKET" not in done.stderr
    written = [Path(line.removeprefix("WRITES ")) for line in done.stderr.splitlines() if line.startswith("WRITES ")]
    assert written  # the hook sees the outputs
    others = [path for path in written if not (tmp_path in (tmp_path / path).parents or "__pycache__" in path.parts)]
    assert not [path for path in others if path != Path(os.devnull)]
