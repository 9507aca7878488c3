"""Which side of a surface is outside: the side that views show it from."""

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.model.drawn import drawn_of
from align3d_cli.model.seen_from import seen_from
from align3d_cli.render.draw import draw_views
from align3d_cli.render.settings import ViewSettings


def seen(xyz: np.ndarray, preset: str) -> np.ndarray:
    scan = prepare(PointCloud(xyz))
    return seen_from(drawn_of(scan.index, draw_views(scan, ViewSettings(preset=preset, size_px=200))), len(xyz))


def test_a_ball_is_seen_from_outside():
    """Nearly every point that a view shows points away from the middle; the others point nowhere."""
    xyz = np.random.default_rng(0).normal(size=(5000, 3))
    xyz /= np.linalg.norm(xyz, axis=1, keepdims=True)
    outward = seen(xyz, "sphere:9")
    known = outward.any(axis=1)
    assert known.mean() > 0.9 and (np.einsum("ij,ij->i", outward, xyz)[known] > 0.2).mean() > 0.99
    np.testing.assert_allclose(np.linalg.norm(outward[known], axis=1), 1)


def test_a_sheet_is_seen_from_the_side_of_its_views():
    """Straight on from -z: towards -z."""
    xyz = np.random.default_rng(1).random((5000, 3)) * [1, 1, 0.01]
    outward = seen(xyz, "front-z:1")
    known = outward.any(axis=1)
    np.testing.assert_allclose(outward[known], np.tile([0.0, 0.0, -1.0], (known.sum(), 1)), atol=1e-12)
