"""`align3d align` and `prompt-train` killed with SIGKILL and started again end as a run does that nobody disturbed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from .conftest import PATHS
from .plates import write_folder

pytestmark = pytest.mark.slow  # each test starts programs

EPOCHS = 120  # some seconds with these few small scans: long enough to be met half-way
SAMPLES = 24
ENVIRONMENT = {"PYTHONPATH": PATHS, "OMP_NUM_THREADS": "1"}
PATIENCE_S = 120
CHECKPOINT = "checkpoint.safetensors"


def kill_when(ready: Callable[[], bool], arguments: Sequence) -> None:
    """Start the program and kill it as soon as `ready()`; fails when it ended on its own before."""
    command = [sys.executable, "-m", "align3d_cli", *map(str, arguments)]
    process = subprocess.Popen(command, env=os.environ | ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    give_up = time.monotonic() + PATIENCE_S
    try:
        while not ready() and process.poll() is None and time.monotonic() < give_up:
            time.sleep(0.002)
    finally:
        process.kill()
        errors = process.communicate()[1]
    assert process.returncode == -signal.SIGKILL, f"ended before it was killed: {errors}"
    assert ready(), f"nothing to be seen after {PATIENCE_S} s: {errors}"


def stage_of(name: str, folder: Path, aligner: Path, clip_model: Path, data: Path, epochs: int = EPOCHS) -> list:
    """The command line of a stage that keeps all it writes in `folder`."""
    start = ("--model", clip_model) if name == "align" else ("--aligner", aligner)
    return [name, "--dataset", "folder", "--root", data, *start, "--store", folder / "store",
            "--epochs", epochs, "--batch", 3, "--out", folder / f"{name}.safetensors"]  # fmt: skip


def logged_epochs(store: Path, stage: str) -> list[str]:
    """Lines of the log of the one run of a stage ("align" or "prompts") whose checkpoint is there."""
    logs = [path for path in store.glob(f"runs/{stage}-*/losses.jsonl") if path.with_name(CHECKPOINT).exists()]
    return logs[0].read_text().splitlines() if logs else []


def stored(store: Path) -> dict[str, tuple[int, int]]:
    """Which feature files there are: inode and time by name; a file that is written anew gets others."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in store.glob("samples/*.safetensors")}


def assert_same_model(one: Path, other: Path) -> None:
    """The same weights and, record and all, the same bytes."""
    expected, found = load_file(one), load_file(other)
    assert expected.keys() == found.keys() and expected
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []
    assert one.read_bytes() == other.read_bytes()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Six plates, three of them with a bump."""
    return write_folder(tmp_path_factory.mktemp("data") / "plates", n=6)


@pytest.fixture(scope="module")
def undisturbed(align3d, clip_model, data, tmp_path_factory):
    """The folder of both stages, each run from start to end."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for name in ("align", "prompt-train"):
        done = align3d(*stage_of(name, folder, folder / "align.safetensors", clip_model, data), **ENVIRONMENT)
        assert done.code == 0, done.err
    return folder


@pytest.mark.parametrize(("name", "stage"), [("align", "align"), ("prompt-train", "prompts")])
def test_a_stage_killed_between_its_epochs_ends_as_if_it_had_not_been(
    name, stage, align3d, clip_model, data, undisturbed, tmp_path
):
    """SIGKILL before the last epochs, where another loss sets in, then the same command: same tensors, same losses."""
    shutil.copytree(undisturbed / "store", tmp_path / "store", ignore=shutil.ignore_patterns("runs"))
    command = stage_of(name, tmp_path, undisturbed / "align.safetensors", clip_model, data)
    kill_when(lambda: len(logged_epochs(tmp_path / "store", stage)) >= 5, command)
    assert 5 <= len(logged_epochs(tmp_path / "store", stage)) < EPOCHS - EPOCHS // 3
    assert not (tmp_path / f"{name}.safetensors").exists()
    resumed = align3d(*command, **ENVIRONMENT)
    assert resumed.code == 0, resumed.err
    assert_same_model(undisturbed / f"{name}.safetensors", tmp_path / f"{name}.safetensors")
    log = logged_epochs(tmp_path / "store", stage)
    assert len(log) == EPOCHS and log == logged_epochs(undisturbed / "store", stage)


def test_a_run_killed_while_it_extracts_features_keeps_those_it_has(align3d, clip_model, tmp_path):
    """The second call leaves the files of the first alone, adds the others, and ends as an undisturbed call does."""
    data = write_folder(tmp_path / "many", n=SAMPLES)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = stage_of("align", killed, killed, clip_model, data, epochs=2)
    kill_when(lambda: len(stored(killed / "store")) >= 2, command)
    before = stored(killed / "store")
    assert 2 <= len(before) < SAMPLES and not (killed / "store" / "runs").exists()
    resumed = align3d(*command, **ENVIRONMENT)
    assert resumed.code == 0, resumed.err
    after = stored(killed / "store")
    assert len(after) == SAMPLES and {name: after[name] for name in before} == before
    assert align3d(*stage_of("align", whole, whole, clip_model, data, epochs=2), **ENVIRONMENT).code == 0
    assert_same_model(whole / "align.safetensors", killed / "align.safetensors")
