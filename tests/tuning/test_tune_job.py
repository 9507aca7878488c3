"""A tuning run on real generated scans: what it leaves, and that a run in two calls leaves the same."""

import json
from dataclasses import replace

import pytest

from align3d_cli.errors import UsageError
from align3d_cli.model.bundle import load_bundle
from align3d_cli.tuning.tune import TuneConfig
from align3d_cli.tuning.tune_job import TuneJob

CONFIG = TuneConfig(steps=2, batch=2, samples_per_step=1.0, views_per_sample=2, pool_views=4, warm_samples=1)
ENCODER = {"image_size": 64, "embed_dim": 8, "width": 16}


@pytest.mark.slow
def test_a_run_in_two_calls_leaves_the_bytes_of_a_run_in_one(tmp_path):
    """Stopped by the clock after one step of two and called again: model and log are equal, and a third call is done
    at once; without --force a model that no run stands beside is left alone."""
    whole = TuneJob(tmp_path / "whole.safetensors", CONFIG, ENCODER, jobs=1)
    told, steps = [], []
    whole.run(told.append, steps.append)
    assert sum(steps) == 2 and [json.loads(line)["step"] for line in told] == [2]
    cut = replace(whole, out=tmp_path / "cut.safetensors", max_minutes=0)
    for _ in range(2):
        cut.run(told.append, steps.append)
    assert sum(steps) == 4
    assert cut.out.read_bytes() == whole.out.read_bytes()
    assert (cut.folder / "losses.jsonl").read_text() == (whole.folder / "losses.jsonl").read_text() == told[0] + "\n"
    cut.run(told.append, steps.append)
    assert sum(steps) == 4 and cut.out.read_bytes() == whole.out.read_bytes()
    assert load_bundle(cut.out).record["tune"]["steps_done"] == 2
    (cut.folder / "checkpoint.safetensors").unlink()
    with pytest.raises(UsageError, match=r"cut\.safetensors: exists already"):
        cut.run(told.append, steps.append)
