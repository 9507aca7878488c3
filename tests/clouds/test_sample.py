"""Points drawn by their places: the order in which a file tells them means nothing."""

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.clouds.sample import hash_order, position_hash, some_points
from align3d_cli.clouds.voxels import thinned


def scan(n, *, strays=True):
    """(n, 3) points of an ellipsoid, some of them flying in its box and far off."""
    rng = np.random.default_rng(0)
    xyz = rng.normal(size=(n, 3))
    xyz *= np.array([3, 2, 1]) / np.linalg.norm(xyz, axis=1, keepdims=True)
    if strays:
        xyz[: n // 50] = rng.uniform(-3, 3, (n // 50, 3))
        xyz[:20] *= 30
    return xyz


def ordered(xyz):
    return xyz[np.lexsort(xyz.T)]


@pytest.mark.parametrize("n", [3000, 120_000])
def test_a_cloud_told_in_another_order_is_prepared_alike(n):
    """The same points are chosen and the same spacing is found, with strays and without, on a table too."""
    rng = np.random.default_rng(1)
    for strays in (True, False):
        xyz = scan(n, strays=strays)
        first, again = (prepare(PointCloud(p)) for p in (xyz, rng.permutation(xyz)))
        np.testing.assert_array_equal(ordered(again.xyz), ordered(first.xyz))
        assert again.spacing == first.spacing and again.report["n_outliers"] == first.report["n_outliers"]
        assert bool(first.report["n_outliers"]) == strays
    table = np.concatenate([xyz[: n // 2] - [0, 0, -1], np.c_[rng.uniform(-9, 9, (n // 2, 2)), np.zeros(n // 2)]])
    first, again = (prepare(PointCloud(p), background="remove") for p in (table, rng.permutation(table)))
    np.testing.assert_array_equal(ordered(again.xyz), ordered(first.xyz))
    assert 0 < first.report["n_background"] < n


def test_draws_are_of_places():
    """A draw has the same points in any order, copies hash alike, and -0.0 is 0.0."""
    xyz, rng = scan(5000), np.random.default_rng(1)
    mixed = rng.permutation(xyz)
    np.testing.assert_array_equal(ordered(some_points(mixed, 700)), ordered(some_points(xyz, 700)))
    np.testing.assert_array_equal(mixed[hash_order(mixed)], xyz[hash_order(xyz)])
    np.testing.assert_array_equal(ordered(thinned(mixed, 0.2)), ordered(thinned(xyz, 0.2)))
    assert len(np.unique(position_hash(xyz))) == 5000
    assert position_hash(np.array([[0.0, 1, 2]])) == position_hash(np.array([[-0.0, 1, 2]]))
    assert some_points(xyz, 5000) is xyz


def test_a_draw_is_spread_over_the_points():
    """Every region gives its share, on a regular grid as well."""
    grid = np.stack(np.meshgrid(*[np.arange(30.0)] * 3), axis=-1).reshape(-1, 3)
    drawn = some_points(grid, 5000)
    for axis in range(3):
        counts = np.bincount(drawn[:, axis].astype(int), minlength=30)
        assert counts.min() > 100 and counts.max() < 240  # 167 expected, give or take 13
