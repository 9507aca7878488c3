"""The nearest of many points, against its definition."""

import time

import numpy as np
import pytest
from scipy.spatial import cKDTree

from align3d_cli.render import nearest
from align3d_cli.render.nearest import nearest_rows


def cube(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """n points on the sides of a cube that lies askew, and which side each is on."""
    side = rng.integers(0, 6, n)
    xyz = rng.random((n, 3))
    xyz[np.arange(n), side % 3] = side // 3
    turn = np.linalg.qr(np.array([[1, 2, 0], [0, 1, 3], [2, 0, 1.0]]))[0]
    return xyz @ turn.T, side


@pytest.mark.parametrize("few", [0, 5000])
@pytest.mark.parametrize("shown", [[5], [3, 4, 5], [0, 1, 2, 3, 4]])
@pytest.mark.parametrize("offset", [0, 5e6])
def test_no_point_is_nearer(monkeypatch, few, shown, offset):
    """The row found is the nearest by definition, of few queries and of many, near the origin and far from it."""
    monkeypatch.setattr(nearest, "FEW", few)
    monkeypatch.setattr(nearest, "SMALL", 50)
    xyz, side = cube(1500, np.random.default_rng(0))
    xyz += offset
    seen = np.isin(side, shown)
    rows = nearest_rows(xyz[seen], xyz[~seen])
    distance = np.linalg.norm(xyz[~seen][:, None] - xyz[seen], axis=2)
    np.testing.assert_allclose(
        distance[np.arange(len(rows)), rows], distance.min(axis=1), atol=1e-8 if offset else 1e-14
    )


@pytest.mark.parametrize("points", [np.zeros((1, 3)), np.ones((70, 3)), np.arange(300.0).reshape(100, 3)])
def test_points_without_extent(monkeypatch, points):
    """One point, many at one place, and points on a line are searched like any other."""
    monkeypatch.setattr(nearest, "FEW", 0)
    places = np.random.default_rng(1).normal(size=(40, 3)) * 100
    found = np.linalg.norm(points[nearest_rows(points, places)] - places, axis=1)
    np.testing.assert_allclose(found, np.linalg.norm(points - places[:, None], axis=2).min(axis=1))


def test_sides_that_lie_askew_are_quick():
    """All queries take less processor time than a tenth of them do in one tree."""
    xyz, side = cube(60_000, np.random.default_rng(2))
    points, places = xyz[side == 5], xyz[side != 5]
    start = time.process_time()
    rows = nearest_rows(points, places)
    ours = time.process_time() - start
    start = time.process_time()
    tenth = cKDTree(points, balanced_tree=False).query(places[::10])[1]
    assert ours < time.process_time() - start
    np.testing.assert_array_equal(rows[::10], tenth)
