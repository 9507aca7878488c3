"""Losses of both stages on cases worked by hand."""

import math

import pytest
import torch

from align3d_cli.training.losses import (
    alignment_loss,
    consistency_weights,
    contrastive_loss,
    dice_loss,
    focal_loss,
    holistic_consistency,
    map_loss,
)


def test_dice_by_hand():
    """Half the mass on the target: 1 - (2 * 1 + 1) / (2 + 1 + 1) = 1/4 for p = (1, 1), t = (1, 0)."""
    loss = dice_loss(torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx(0.25)


def test_dice_is_per_sample():
    """Two samples give the mean of their own losses, not the loss of their pooled pixels."""
    probability = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    target = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    assert dice_loss(probability, target).item() == pytest.approx((0 + 3 / 4) / 2)
    empty = torch.zeros(1, 5)
    assert dice_loss(empty, empty).item() == 0  # nothing to find, nothing found


def test_focal_by_hand():
    """p = 0.8 on a defect pixel: -(1 - pt)^2 log pt, with pt = 0.8 (1 - s) + 0.2 s + s and s = 1e-5."""
    probability = torch.tensor([0.2, 0.8]).reshape(1, 2, 1, 1)
    true_class = 0.8 * (1 - 1e-5) + 0.2 * 1e-5 + 1e-5
    wanted = -((1 - true_class) ** 2) * math.log(true_class)
    assert focal_loss(probability, torch.ones(1, 1, 1)).item() == pytest.approx(wanted, rel=1e-5)
    swapped = focal_loss(probability.flip(1), torch.zeros(1, 1, 1, 1))
    assert swapped.item() == pytest.approx(wanted, rel=1e-5)


def test_focal_stays_finite_when_certain_and_wrong():
    """Smoothing bounds the loss of a pixel that is certainly of the other class."""
    certain = torch.tensor([1.0, 0.0]).reshape(1, 2, 1)
    loss = focal_loss(certain, torch.ones(1, 1))
    assert torch.isfinite(loss) and loss.item() == pytest.approx(-math.log(2e-5), rel=1e-3)


@pytest.mark.parametrize("mask", [0.0, 1.0])
@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_views_without_and_full_of_defect(mask, kind):
    """Empty and full masks of a 336 px view: finite, with gradient, near 0 for the right map, in every precision."""
    target = torch.full((1, 336, 336), mask)
    right = torch.stack([1 - target, target], dim=1)
    assert map_loss(right.to(kind), target).item() == pytest.approx(0, abs=1e-4)
    unsure = torch.full((1, 2, 336, 336), 0.5, dtype=kind, requires_grad=True)
    loss = map_loss(unsure, target)
    pixels, half = 336 * 336, 336 * 336 / 2
    there = 1 - (2 * half + 1) / (half + pixels + 1)  # the class that fills the view
    absent = 1 - 1 / (half + 1)  # the one that is nowhere in it
    focal = -((1 - 0.5 - 1e-5) ** 2) * math.log(0.5 + 1e-5)
    assert loss.item() == pytest.approx(focal + there + absent, rel=1e-4)
    loss.backward()
    assert torch.isfinite(unsure.grad).all()


def test_map_loss_is_its_three_parts():
    """Focal and both dice terms, and masks with or without a channel axis."""
    maps = torch.rand(3, 2, 4, 5, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    masks = torch.zeros(3, 4, 5)
    masks[1, 2:, 3:] = 1
    parts = focal_loss(maps, masks) + dice_loss(maps[:, 1], masks) + dice_loss(maps[:, 0], 1 - masks)
    torch.testing.assert_close(map_loss(maps, masks), parts)
    torch.testing.assert_close(map_loss(maps, masks[:, None].bool()), parts)


def test_map_loss_prefers_the_right_map():
    """The map that shows the defect costs less than one that misses it and than one that shows it elsewhere."""
    masks = torch.zeros(1, 4, 4)
    masks[0, :2, :2] = 1
    costs = [map_loss(torch.stack([1 - m, m], dim=1), masks).item() for m in (masks, masks * 0 + 0.5, masks.flip(1))]
    assert costs == sorted(costs) and costs[0] < 1e-3


def test_consistency_is_the_mean_cosine():
    """Token by token the mean cosine to every RGB token of the same view, written out."""
    rng = torch.Generator().manual_seed(0)
    render, rgb = (torch.nn.functional.normalize(torch.randn(2, 5, 7, generator=rng), dim=-1) for _ in range(2))
    wanted = torch.tensor([[sum(float(r @ c) for c in rgb[b]) / 5 for r in render[b]] for b in range(2)])
    torch.testing.assert_close(holistic_consistency(render, rgb), wanted)


def test_reweighting_forms():
    """The three named forms at s = -1, 0, 1 and strength 2."""
    s = torch.tensor([-1.0, 0.0, 1.0])
    sigmoid = [1 / (1 + math.exp(-v)) for v in (-1, 0, 1)]
    assert consistency_weights(s, "none", 2.0).tolist() == [1, 1, 1]
    assert consistency_weights(s, "published", 2.0).tolist() == pytest.approx([1 + 2 * v for v in sigmoid])
    assert consistency_weights(s, "discrepancy", 2.0).tolist() == [3, 2, 1]


def test_alignment_loss_by_hand():
    """Global cosine 0 costs 1; token cosines 1 and 0 cost (0 + 1) / 2; weights multiply token by token."""
    aligned_global, rgb_global = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    aligned = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    rgb = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    assert alignment_loss(aligned_global, aligned, rgb_global, rgb).item() == pytest.approx(1.5)
    weights = torch.tensor([[5.0, 3.0]])
    assert alignment_loss(aligned_global, aligned, rgb_global, rgb, weights).item() == pytest.approx(1 + 3 / 2)


def test_contrastive_by_hand():
    """Positive cosine 0.6, negative cosine 0: -log(e^0.6 / (e^0.6 + e^0)) for both classes."""
    text = torch.eye(3)[:2]
    other = torch.tensor([[0.6, 0.0, 0.8], [0.0, 0.6, 0.8]])
    assert contrastive_loss(text, other).item() == pytest.approx(math.log(1 + math.exp(-0.6)))


def test_contrastive_moves_only_its_own_branch():
    """The other branch is the fixed positive: no gradient flows into it."""
    text, other = (torch.randn(2, 4, requires_grad=True) for _ in range(2))
    contrastive_loss(text, other).backward()
    assert text.grad.abs().sum() > 0 and other.grad is None
