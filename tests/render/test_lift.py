"""Lifting: view maps come back to the points that were seen there, and only to them."""

import numpy as np
import pytest
import torch

from align3d_cli.render.cameras import fitted_cameras, preset_rotations
from align3d_cli.render.lift import fill_unseen, flags_of_array_neighbours, lift, smooth_points
from align3d_cli.render.splat import splat


def test_lift_by_definition():
    """Every point's score is the mean over the views that see it; NaN where none does."""
    rng = np.random.default_rng(0)
    maps, pixels = torch.from_numpy(rng.random((4, 5, 6))), torch.from_numpy(rng.integers(-1, 30, (4, 50)))
    visible = torch.from_numpy(rng.random((4, 50)) < 0.4)
    lifted = lift(maps, pixels, visible)
    for point in range(50):
        seen = [maps[v].flatten()[pixels[v, point]] for v in range(4) if visible[v, point] and pixels[v, point] >= 0]
        if seen:
            assert lifted[point].item() == pytest.approx(float(sum(seen)) / len(seen))
        else:
            assert lifted[point].isnan()
    assert lifted.isnan().any()


def test_lift_with_weights_by_hand():
    """Weights 1 and 3 on scores 0.2 and 0.6 give 0.5; weights that are all 0 leave the point unseen."""
    maps = torch.tensor([[[0.2]], [[0.6]]])
    pixels, visible = torch.zeros(2, 2, dtype=torch.int32), torch.ones(2, 2, dtype=torch.bool)
    lifted = lift(maps, pixels, visible, torch.tensor([[1.0, 0.0], [3.0, 0.0]]))
    assert lifted[0].item() == pytest.approx(0.5)
    assert lifted[1].isnan()


def test_lift_by_another_power_by_hand():
    """The root of the mean square of 0.2 and 0.6 is sqrt(0.2), with weights 1 and 3 sqrt(0.28); unseen stays unseen."""
    maps = torch.tensor([[[0.2]], [[0.6]]])
    pixels, visible = torch.zeros(2, 2, dtype=torch.int32), torch.tensor([[True, False], [True, False]])
    weights = torch.tensor([[1.0, 1.0], [3.0, 1.0]])
    plain, weighted = (lift(maps, pixels, visible, given, power=2) for given in (None, weights))
    assert plain[0].item() == pytest.approx(0.2**0.5) and weighted[0].item() == pytest.approx(0.28**0.5)
    assert plain[1].isnan() and weighted[1].isnan()


def test_lift_carries_gradients():
    """The Dice loss on points trains through the lifting: each pixel gets the share of its points."""
    maps = torch.rand(2, 2, 2, requires_grad=True)
    pixels = torch.tensor([[0, 0, 3], [1, 2, -1]])
    lifted = lift(maps, pixels, torch.ones(2, 3, dtype=torch.bool))
    lifted.sum().backward()
    torch.testing.assert_close(maps.grad, torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.5], [0.5, 0.0]]]))


def test_a_map_painted_on_one_side_stays_on_that_side(cube, spacing):
    """A map of ones in the views that face the top of a cube appears on the top's points and nowhere below."""
    xyz, normals = cube(50_000)
    views = splat(xyz, fitted_cameras(xyz, preset_rotations("sphere:8"), 150), spacing=spacing(6e4, len(xyz)))
    facing = torch.from_numpy(preset_rotations("sphere:8")[:, 2, 2] > 0).float()
    lifted = lift(facing[:, None, None].expand(-1, 150, 150), views.pixel_of_point, views.visible).numpy()
    top, bottom = normals[:, 2] > 0, normals[:, 2] < 0
    inner = np.abs(xyz[:, :2]).max(axis=1) < 44  # at 83 degrees the depth tolerance reaches round the edge
    assert (lifted[top & inner] > 0.99).mean() > 0.999
    assert (lifted[bottom & inner] < 0.01).mean() > 0.999


def test_unseen_points_take_their_nearest_neighbours_score():
    """NaN becomes the score of the nearest seen point and is counted; seen scores are untouched."""
    xyz = np.array([[0.0, 0, 0], [1, 0, 0], [5, 0, 0], [5.5, 0, 0]])
    scores = np.array([0.1, np.nan, 0.9, np.nan], np.float32)
    filled, n_unseen = fill_unseen(xyz, scores)
    np.testing.assert_array_equal(filled, np.array([0.1, 0.1, 0.9, 0.9], np.float32))
    assert n_unseen == 2 and np.isnan(scores[1])
    assert np.isnan(fill_unseen(xyz, np.full(4, np.nan))[0]).all()


def test_smoothing_by_definition():
    """Where points lie further apart than a third of the radius it is the Gaussian mean over all within the radius."""
    rng = np.random.default_rng(1)
    xyz, scores = np.mgrid[:8, :8, :8].reshape(3, -1).T / 20 + rng.uniform(-0.001, 0.001, (512, 3)), rng.random(512)
    distance = np.linalg.norm(xyz[:, None] - xyz[None], axis=2)
    weight = np.where(distance < 0.12, np.exp(-2 * (distance / 0.12) ** 2), 0)
    expected = (weight * scores).sum(axis=1) / weight.sum(axis=1)
    np.testing.assert_allclose(smooth_points(xyz, scores, 0.12), expected, rtol=1e-4)


def test_smoothing_a_dense_cloud(tilted_plane):
    """On a dense sheet cells stand for points: close to the definition, constants stay, a step moves nowhere."""
    xyz = tilted_plane(20_000, 0.1, 0.0)
    scores = (np.sin(xyz[:, 0] / 4) * np.cos(xyz[:, 1] / 5)).astype(np.float32)
    distance = np.linalg.norm(xyz[:500, None] - xyz[None], axis=2)
    weight = np.where(distance < 4, np.exp(-2 * (distance / 4) ** 2), 0)
    expected = (weight * scores).sum(axis=1) / weight.sum(axis=1)
    error = np.abs(smooth_points(xyz, scores, 4.0)[:500] - expected)
    assert np.median(error) < 0.015 and error.max() < 0.08
    np.testing.assert_allclose(smooth_points(xyz, np.ones(len(xyz)), 4.0), 1.0, rtol=1e-6)
    step = (xyz[:, 0] > 0).astype(np.float32)
    smooth = smooth_points(xyz, step, 4.0)
    assert np.abs(smooth - step)[np.abs(xyz[:, 0]) > 6.7].max() < 1e-6
    assert smooth[np.abs(xyz[:, 0]) < 0.2].mean() == pytest.approx(0.5, abs=0.06)
    assert smooth_points(xyz, np.random.default_rng(2).normal(size=len(xyz)), 4.0).std() < 0.25


def test_smoothing_leaves_unknown_scores_out():
    """NaN neither spreads nor turns into a number."""
    xyz = np.column_stack([np.arange(10.0), np.zeros(10), np.zeros(10)])
    scores = np.where(np.arange(10) == 4, np.nan, 2.0)
    smooth = smooth_points(xyz, scores, 2.5)
    assert np.isnan(smooth[4])
    np.testing.assert_allclose(np.delete(smooth, 4), 2.0)


def test_smoothing_several_times_is_one_time_after_the_other():
    """The cells are laid once for all rounds; the values are the same to the last bit, NaN included."""
    rng = np.random.default_rng(0)
    xyz, scores = rng.random((4000, 3)), rng.random(4000).astype(np.float32)
    scores[:30] = np.nan
    once = smooth_points(xyz, scores, 0.1)
    np.testing.assert_array_equal(smooth_points(xyz, scores, 0.1, times=2), smooth_points(xyz, once, 0.1))
    assert np.nanstd(smooth_points(xyz, scores, 0.1, times=2)) < np.nanstd(once)


def test_flags_of_the_neighbour_in_the_array_by_a_plain_loop():
    """A point no view sees has the flags of the nearest row that is seen, of two equally near those of the earlier."""
    rng = np.random.default_rng(4)
    visible = torch.from_numpy((rng.random((3, 60)) < 0.3) & (rng.random(60) < 0.4))
    visible[:, 20:31] = False
    found, seen = flags_of_array_neighbours(visible), np.flatnonzero(visible.any(dim=0))
    for row in range(60):
        nearest = min(seen, key=lambda other, row=row: (abs(other - row), other))
        assert found[:, row].tolist() == visible[:, nearest].tolist()
    assert torch.equal(flags_of_array_neighbours(torch.zeros(2, 5, dtype=torch.bool)), torch.zeros(2, 5).bool())
