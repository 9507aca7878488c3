"""The views that tuning reads: pool, augmentation, targets."""

import numpy as np
import pytest
import torch

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.render.draw import draw_views
from align3d_cli.render.settings import ViewSettings
from align3d_cli.tuning.tune_data import (
    BACKGROUND,
    DEFECT,
    GOOD,
    ROLLED_SHARE,
    SCAN_POINTS,
    Batch,
    ViewPool,
    _roll,
    _rotation,
    add_noise,
    crop_views,
    inside_out,
    turn_views,
    views_of,
)

from .streams import SIZE, scans


def test_the_pool_keeps_the_newest_views():
    """Once full, the oldest views give way."""
    pool, stream = ViewPool(4, SIZE, "cpu"), scans()
    for _ in range(3):
        pool.add(next(stream))
    newest = next(s for i, s in enumerate(scans()) if i == 2)
    assert len(pool) == 4
    assert torch.equal(pool.depth[:2], torch.from_numpy(newest.depth_px))


def test_the_pool_draws_all_views_of_a_scan_where_asked():
    """In runs of two: each run is one scan's two views in their order."""
    pool, stream = ViewPool(8, SIZE, "cpu"), scans()
    for _ in range(3):
        pool.add(next(stream))
    drawn = pool.draw(20, torch.Generator().manual_seed(0), views=2)
    places = [int((pool.depth == depth).all(dim=(1, 2)).nonzero()) for depth in drawn.depth]
    assert places[1::2] == [first + 1 for first in places[::2]]
    assert set(places[::2]) == {0, 2, 4}
    assert torch.equal(drawn.pixel, pool.pixel[places]) and torch.equal(drawn.target, pool.target[places])


def test_turns_move_depth_and_target_together():
    """Whatever the turn, the defect's pixels keep their depth, and every point of the scan the pixel that shows it."""
    views = next(s for i, s in enumerate(scans()) if i == 1)
    batch = Batch(*map(torch.from_numpy, (views.depth_px, views.target, views.pixel)))

    def shown(seen: Batch) -> torch.Tensor:
        return torch.where(seen.pixel < 0, torch.nan, seen.depth.flatten(1).gather(1, seen.pixel.clamp(min=0).long()))

    turned = [turn_views(batch, torch.Generator().manual_seed(seed)) for seed in range(64)]
    assert len({tuple(seen.depth[0, :2, :2].flatten().tolist()) for seen in turned}) == 8
    for seen in turned:
        assert (seen.depth[seen.target == DEFECT] > 3).all() and (seen.depth[seen.target == GOOD] < 1).all()
        torch.testing.assert_close(shown(seen), shown(batch), equal_nan=True, rtol=0, atol=0)


def test_noise_is_seeded_and_keeps_the_relief():
    """The same generator gives the same noise; under white noise a dent of 4 px stays a relief of 4 px."""
    views = torch.from_numpy(next(s for i, s in enumerate(scans()) if i == 1).depth_px)
    first, second = (add_noise(views, torch.Generator().manual_seed(3), 0.3) for _ in range(2))
    assert torch.equal(first, second)
    grainy = add_noise(views, torch.Generator().manual_seed(3), 0.0)
    dent = grainy[:, 20:36, 20:36].mean((1, 2)) - grainy[:, 44:, 44:].mean((1, 2))
    assert not torch.equal(grainy, first) and torch.allclose(dent, torch.full((2,), 4.0), atol=0.1)


def test_a_quarter_of_the_views_is_turned_inside_out():
    """Each keeps its depth or has all of it negated."""
    depth = torch.rand(400, 4, 4) + 1
    turned = inside_out(depth, torch.Generator().manual_seed(0))
    behind = (turned < 0).all(dim=(1, 2))
    assert torch.equal(turned, torch.where(behind[:, None, None], -depth, depth))
    assert 0.2 < behind.float().mean() < 0.3


def test_waves_come_to_their_share_of_the_views():
    """On flat views what remains of white noise in windows of 16 px is below 0.05 px; waves are not."""
    flat = torch.zeros(200, 64, 64)

    def waved(share: float) -> float:
        coarse = torch.nn.functional.avg_pool2d(add_noise(flat, torch.Generator().manual_seed(5), share), 16)
        return float((coarse.std(dim=(1, 2)) > 0.05).float().mean())

    assert waved(0.0) == 0 and abs(waved(0.2) - 0.2) < 0.1 and waved(1.0) > 0.8


def test_crops_are_parts_of_the_views_and_half_of_them_hold_the_defect_in_their_middle():
    """Image and labels are cut alike; of many crops of a view with one small defect about half are centred on it."""
    count, side, size = 400, 64, 32
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    images = torch.stack([row, column]).float().expand(count, 2, side, side)
    target = torch.full((count, side, side), GOOD, dtype=torch.uint8)
    target[:, 30, 34] = DEFECT
    crops, labels = crop_views(images, target, size, torch.Generator().manual_seed(0))
    assert crops.shape == (count, 2, size, size)
    rows, columns = crops[:, 0, :, 0].long(), crops[:, 1, 0].long()
    assert (rows.diff(dim=1) == 1).all() and (columns.diff(dim=1) == 1).all()
    for crop, found in zip(crops, labels, strict=True):
        there = (crop[0] == 30) & (crop[1] == 34)
        assert torch.equal(found == DEFECT, there)
    centred = (labels[:, size // 2, size // 2] == DEFECT).float().mean()
    assert 0.4 < centred < 0.6


@pytest.mark.parametrize("grid", [None, (60, 60)])
def test_targets_show_the_defect_at_the_pixels_of_its_points(grid):
    """Of every view kept, pixels of defect points are DEFECT, other points GOOD, the rest BACKGROUND without depth."""
    x, y = np.meshgrid(np.linspace(-1, 1, 60), np.linspace(-1, 1, 60))
    cloud = PointCloud(np.stack([x, y, 2 + 0.2 * x * y], axis=-1).reshape(-1, 3), grid=grid)
    defect = np.hypot(x, y).ravel() < 0.3
    plan = ViewSettings(count=3, size_px=SIZE)
    made = views_of(LabelledCloud(cloud, defect), plan, 2, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    turn = _roll(rng) if grid else _rotation(rng)
    views = draw_views(prepare(cloud), plan, turn=turn, roll=rng.random() < ROLLED_SHARE)
    keep = np.sort(rng.permutation(len(views.depth))[:2])
    shown = views.index.numpy()[keep]
    expected = np.where(shown < 0, BACKGROUND, np.where(defect[np.maximum(shown, 0)], DEFECT, GOOD))
    np.testing.assert_array_equal(made.target, expected)
    assert {BACKGROUND, GOOD, DEFECT} == set(np.unique(made.target))
    points = rng.integers(len(cloud.xyz), size=SCAN_POINTS)
    visible, at = views.visible.numpy()[keep][:, points], views.pixel_of_point.numpy()[keep][:, points]
    np.testing.assert_array_equal(made.pixel, np.where(visible, at, -1))
    np.testing.assert_array_equal(np.isfinite(made.depth_px), expected != BACKGROUND)
