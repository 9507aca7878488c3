"""What an inspection keeps of its views: enough for pictures, and no more for a larger scan."""

import numpy as np
import torch

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.model.drawn import drawn_of
from align3d_cli.render.draw import draw_views
from align3d_cli.render.geometry import incidence
from align3d_cli.render.settings import ViewSettings


def ball(n: int) -> PointCloud:
    xyz = np.random.default_rng(0).normal(size=(n, 3))
    return PointCloud(xyz / np.linalg.norm(xyz, axis=1, keepdims=True))


def bytes_of(tensors: list[torch.Tensor]) -> int:
    """Memory behind tensors, shared memory counted once."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


def test_views_are_kept_at_eight_bytes_a_pixel():
    """Neither the size of the scan nor what is seen of each of its points adds to it."""
    for n in (3_000, 30_000):
        scan = prepare(ball(n))
        drawn = drawn_of(scan.index, draw_views(scan, ViewSettings(preset="sphere:4", size_px=64)))
        kept = drawn.views
        held = bytes_of([kept.index, kept.depth, kept.surface, kept.pixel_of_point, kept.visible])
        assert held == 8 * 4 * 64 * 64
        np.testing.assert_array_equal(drawn.rows, scan.index)


def test_shading_is_that_of_the_whole_views():
    """How a surface faces the eye is the same, read from what was kept."""
    scan = prepare(ball(5_000))
    views = draw_views(scan, ViewSettings(preset="sphere:4", size_px=64))
    torch.testing.assert_close(incidence(drawn_of(scan.index, views).views), incidence(views), rtol=0, atol=0)
