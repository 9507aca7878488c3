"""The order of whole scans: scores and loss by hand, and a step that widens the gap."""

import math
from dataclasses import replace

import pytest
import torch

from align3d_cli.encoders.lite import LiteEncoder
from align3d_cli.errors import UsageError
from align3d_cli.model.prompts import VectorPrompts
from align3d_cli.render.geometry import NORMAL_Z
from align3d_cli.tuning.ranking import ranking_loss, scan_scores
from align3d_cli.tuning.tune import TuneConfig
from align3d_cli.tuning.tune_data import DEFECT, GOOD, SCAN_POINTS, SampleViews, ViewPool
from align3d_cli.tuning.tuner import Tuner


def test_the_score_of_a_scan_by_hand():
    """Two views of a scan of 334 points in an image of 8 x 8 px with 2 x 2 tokens: the best point is the score.

    View 0 says 0.9 in the lower left token and sees point 7 there at cosine 1, view 1 says 0.3 in the upper right and
    sees it at cosine 0.5: (0.9 + 0.5 * 0.3) / 1.5 = 0.7. All other points are seen by view 1 alone, at 0.3.
    """
    probability = torch.tensor([[0.1, 0.1, 0.9, 0.1], [0.1, 0.3, 0.1, 0.1]])
    images = torch.zeros(2, 7, 8, 8)
    images[0, NORMAL_Z], images[1, NORMAL_Z] = 1.0, 0.5
    pixel = torch.full((2, 334), -1, dtype=torch.int32)
    pixel[0, 7] = 5 * 8 + 3
    pixel[1] = 2 * 8 + 6
    assert scan_scores(probability, images, pixel, (2, 2), 2).tolist() == pytest.approx([0.7])


def test_points_that_no_view_sees_score_nothing():
    """A scan whose points are all unseen has the score 0, not NaN."""
    pixel = torch.full((2, 400), -1, dtype=torch.int32)
    assert scan_scores(torch.ones(2, 4), torch.ones(2, 7, 8, 8), pixel, (2, 2), 2).tolist() == [0.0]


def test_ranking_loss_by_hand():
    """Odds of 3 against 1 and 1/3: the two pairs lose ln(1 + 1/3) and ln(1 + 1/9); without a pair there is no loss."""
    scores = torch.tensor([0.75, 0.5, 0.25])
    loss = ranking_loss(scores, torch.tensor([True, False, False]))
    assert loss.item() == pytest.approx((math.log(4 / 3) + math.log(10 / 9)) / 2, rel=1e-5)
    assert ranking_loss(scores, torch.zeros(3, dtype=torch.bool)).item() == 0.0


@pytest.mark.slow
def test_a_run_that_ranks_widens_the_gap():
    """Twenty steps on two scans: the loss of their order falls by half."""
    torch.manual_seed(0)
    size, views = 64, 2
    config = TuneConfig(
        steps=20, batch=8, views_per_sample=views, pool_views=4, warm_samples=2, rank_weight=1.0, learning_rate=3e-2
    )
    pool = ViewPool(4, size, "cpu")
    generator = torch.Generator().manual_seed(1)
    for kind in (GOOD, DEFECT):
        depth = 0.05 * torch.randn(views, size, size, generator=generator)
        target = torch.full((views, size, size), GOOD, dtype=torch.uint8)
        if kind == DEFECT:
            depth[:, 20:36, 20:36] += 4
            target[:, 20:36, 20:36] = DEFECT
        pixel = torch.randint(size * size, (views, SCAN_POINTS), generator=generator, dtype=torch.int32)
        pool.add(SampleViews(depth.numpy(), target.numpy(), pixel.numpy()))
    learner = Tuner(LiteEncoder(image_size=size, embed_dim=8, width=16), VectorPrompts(8), config)
    losses = [float(learner.train_step(pool)["rank"]) for _ in range(20)]
    assert sum(losses[-5:]) < sum(losses[:5]) / 2


@pytest.mark.parametrize("change", [{"crop_px": 224}, {"batch": 17}])
def test_ranking_needs_whole_scans(change):
    """Crops show parts, and one scan has nothing to be compared with: refused in one line."""
    with pytest.raises(UsageError, match="--batch 18 at least, and no --crop"):
        replace(TuneConfig(rank_weight=0.5), **change)
