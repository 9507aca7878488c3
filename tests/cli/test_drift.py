"""`align3d score` warns when parts no longer look like those that its model was calibrated on."""

import json
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow  # each test starts programs


def write_balls(folder: Path, count: int, seed: int, n: int) -> Path:
    """Bumpy balls of n points, each its own draw."""
    folder.mkdir()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        xyz = rng.normal(size=(n + number, 3))
        xyz *= (1 + rng.normal(0, 0.02, (len(xyz), 1))) / np.linalg.norm(xyz, axis=1, keepdims=True)
        np.savetxt(folder / f"{number:03d}.xyz", xyz)
    return folder


def test_parts_that_are_scanned_more_coarsely_are_told_once(align3d, model, tmp_path):
    """Six good balls; the same ones and six others of their kind are no drift, nine with half the points are: one
    warning, one field, whatever form the results have."""
    good, line = write_balls(tmp_path / "good", 6, 0, 1000), tmp_path / "line3.safetensors"
    run = align3d("calibrate", good, "--model", model, "--out", line)
    assert run.code == 0 and "0 of 6 lie above it, which allows 0 to 46 %" in run.out
    alike = write_balls(tmp_path / "alike", 6, 1, 1000)
    run = align3d("score", good, alike, "--model", line, "--json", "--quiet")
    told = [one["drift"] for one in json.loads(run.out)]
    assert told[:-1] == [None] * 11 and "warning" not in run.err
    assert (told[-1]["good_parts"], told[-1]["parts"], told[-1]["enough"], told[-1]["moved"]) == (6, 12, True, [])
    coarse = write_balls(tmp_path / "coarse", 9, 2, 500)
    run = align3d("score", coarse, "--model", line, "--jsonl", "--quiet")
    told = [json.loads(text)["drift"] for text in run.out.splitlines()]
    assert {"points", "spacing"} <= {one["quantity"] for one in told[-1]["moved"]} and told[:-1] == [None] * 8
    assert run.err.count("warning: these 9 parts are not like the 6 good parts") == 1
    assert "check the scanner" in run.err
