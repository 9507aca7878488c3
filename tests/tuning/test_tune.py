"""Tuning of the rendering tower: targets and loss by hand, the pool, and a run that is cut and goes on."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from align3d_cli.encoders.lite import LiteEncoder
from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.model.prompts import VectorPrompts
from align3d_cli.training.loop import train
from align3d_cli.training.run import LossLog, Run
from align3d_cli.tuning.steps import Steps
from align3d_cli.tuning.tune import TuneConfig, learning_rate, token_targets, tune_loss
from align3d_cli.tuning.tune_data import DEFECT, GOOD, ViewPool
from align3d_cli.tuning.tune_job import TuneJob
from align3d_cli.tuning.tuner import Tuner

from .streams import SIZE, scans

CONFIG = TuneConfig(steps=4, batch=4, samples_per_step=1.0, views_per_sample=2, pool_views=8, warm_samples=2)


def tuner(config: TuneConfig = CONFIG) -> Tuner:
    torch.manual_seed(0)
    return Tuner(LiteEncoder(image_size=SIZE, embed_dim=8, width=16), VectorPrompts(8), config)


def work(learner: Tuner, size_px: int = SIZE) -> Steps:
    """The learner on a pool of eight views of that stream."""
    return Steps(learner, ViewPool(8, size_px, "cpu"), scans)


def losses_of(learner: Tuner) -> list[dict[str, float]]:
    """Terms of the loss of every step."""
    lines = train(work(learner), learner.config.steps, Run(), LossLog("step"))
    return [{name: value for name, value in line.items() if name != "step"} for line in lines]


def test_token_targets_count_the_defect_among_surface_pixels_only():
    """A token with 8 surface pixels of 16, 2 of them defective, has target 1/4 and surface 1/2."""
    target = torch.zeros(1, 4, 4, dtype=torch.uint8)
    target[0, :2] = GOOD
    target[0, 0, :2] = DEFECT
    share, surface = token_targets(target, (1, 1))
    assert (share.item(), surface.item()) == (0.25, 0.5)


def test_loss_of_two_tokens_by_hand():
    """One defective and one good token at probability 1/2: focal 0.25 ln 2, Dice 1 - (2 * 0.5 + 1) / (1 + 1 + 1)."""
    target = torch.full((1, 4, 8), GOOD, dtype=torch.uint8)
    target[0, :, 4:] = DEFECT
    text = torch.eye(2, 3)
    level = torch.tensor([0.0, 0.0, 1.0])
    terms = tune_loss(level.expand(1, 2, 3), level[None], text, target, (1, 2), CONFIG)
    assert terms["focal"].item() == pytest.approx(10 * 0.25 * np.log(2), rel=1e-5)
    assert terms["dice"].item() == pytest.approx(1 - 2 / 3, rel=1e-5)
    assert terms["view"].item() == pytest.approx(CONFIG.view_loss_weight * 1.3 * np.log(2), rel=1e-5)


@pytest.mark.parametrize("starved", [{"warm_samples": 0}, {"pool_views": 8}])
def test_a_pool_without_views_is_refused(starved):
    """The first step needs views to read: what would leave none is told before anything is made."""
    with pytest.raises(UsageError, match="--warm-samples 1 and --pool-views 9 at least"):
        TuneConfig(**starved)


def test_frozen_stages_stay_as_they_are_and_the_rest_learns():
    """Neither the weights nor the running means of stem and first stages move in a step."""
    learner = tuner(replace(CONFIG, frozen_stages=2))
    before = {key: value.clone() for key, value in learner.tensors().items()}
    work(learner).advance()
    moved = {key for key, value in learner.tensors().items() if not torch.equal(value, before[key])}
    assert not any(
        key.startswith(("encoder.trunk.stem", "encoder.trunk.stages.0", "encoder.trunk.stages.1")) for key in moved
    )
    assert {"encoder.trunk.stages.3.0.body.0.0.weight", "encoder.to_token.weight", "text.rendering"} <= moved


def test_an_encoder_for_smaller_images_reads_parts_of_the_views():
    """Views of 64 px train an encoder of 32 px, and a side the trunk cannot halve five times is refused."""
    learner = Tuner(LiteEncoder(image_size=32, embed_dim=8, width=16), VectorPrompts(8), CONFIG)
    assert all(np.isfinite(float(t)) for t in work(learner).advance().values())
    with pytest.raises(UsageError, match="multiple of 32"):
        replace(CONFIG, crop_px=100)


def test_the_rate_warms_up_and_falls():
    """A two-hundredth at the start, the peak after the warm-up, a hundredth at the end."""
    config = replace(CONFIG, steps=10_000, learning_rate=1.0)
    assert learning_rate(0, config) == pytest.approx(1 / 200, rel=1e-3)
    assert learning_rate(200, config) == pytest.approx(1.0, rel=1e-2)
    assert learning_rate(10_000, config) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.slow
def test_tuning_lowers_the_loss():
    """Forty steps on the same kind of scan bring the loss down by a third."""
    learner = tuner(replace(CONFIG, steps=40, samples_per_step=0.1, learning_rate=3e-2))
    losses = [sum(terms.values()) for terms in losses_of(learner)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) * 2 / 3


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({}, [13.17900, 14.19156, 13.42674]),
        ({"frozen_stages": 2, "frozen_norms": True}, [11.14728, 10.14568, 10.38815]),
        ({"rank_weight": 1.0}, [13.30702, 14.88764, 15.22771]),
    ],
)
def test_three_steps_have_known_losses(changes, known):
    """From a fixed seed: equal to the bit on one machine; half precision rounds otherwise on another processor."""
    learner = tuner(replace(CONFIG, steps=3, **changes))
    losses = [sum(terms.values()) for terms in losses_of(learner)]
    assert losses == pytest.approx(known, rel=0.03)


def test_frozen_norms_keep_their_means_and_learn_their_scales():
    """The running means stay as they were, scale and shift of the norms move."""
    learner = tuner(replace(CONFIG, frozen_norms=True))
    before = {key: value.clone() for key, value in learner.tensors().items()}
    work(learner).advance()
    moved = {key for key, value in learner.tensors().items() if not torch.equal(value, before[key])}
    assert not any("running" in key or "num_batches" in key for key in moved)
    assert "encoder.trunk.stages.3.0.body.0.1.weight" in moved


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_a_run_that_was_cut_ends_with_the_same_weights(tmp_path, seconds):
    """One step a call, by the clock, with a checkpoint after every step or at the call's end only: the weights and the
    log of four steps in one go, bit for bit."""
    whole, every = tuner(), 3
    lines = train(work(whole), 4, Run(), LossLog("step", every))
    for step in range(1, 5):
        cut = tuner()
        told = train(work(cut), 4, Run(tmp_path, max_minutes=0, save_seconds=seconds), LossLog("step", every))
        assert cut.step == step
    assert [line["step"] for line in told] == [3, 4] and told == lines
    assert [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()] == lines
    for mine, other in ((whole.average, cut.average), (whole.tensors(), cut.tensors())):
        assert all(torch.equal(value, other[key]) for key, value in mine.items())


def test_a_pool_that_was_full_is_filled_again_from_its_oldest_scan(tmp_path):
    """A run that goes on makes the scans that the pool held, not all there were, and puts each where it was."""
    config = replace(CONFIG, steps=6, samples_per_step=2.0)
    whole = work(tuner(config))
    train(whole, 6, Run())
    cut = work(tuner(config))
    for _ in range(5):
        cut.advance()
    asked = []
    resumed = Steps(tuner(config), ViewPool(8, SIZE, "cpu"), lambda first: asked.append(first) or scans(first))
    resumed.restore(cut.state())
    resumed.advance()
    assert asked == [2 + 5 * 2 - 4]
    assert torch.equal(resumed.pool.depth, whole.pool.depth) and resumed.pool.added == whole.pool.added


def test_a_run_of_other_settings_or_meshes_is_not_gone_on_with(tmp_path):
    """What decides the result is named with both values; --force begins anew."""
    job = TuneJob(tmp_path / "out.safetensors", CONFIG, {"image_size": SIZE, "embed_dim": 8, "width": 16})
    run = Run(job.folder, job.identity())
    train(work(tuner()), 1, run)
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "a.stl").write_bytes(b"")
    for other, named in (
        (replace(job, config=replace(CONFIG, seed=1)), "seed: 0 there, 1 asked"),
        (replace(job, meshes=(tmp_path / "meshes",)), "meshes: "),
    ):
        with pytest.raises(InputRejected, match=rf"other settings \({named}.*--force to begin anew"):
            other.run(log=print, advance=print)
    run.forget()
    assert not job.folder.exists()
