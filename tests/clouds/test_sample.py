"""Points drawn by their places: the order in which a file tells them means nothing."""

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.clouds.sample import hash_order, place_order, position_hash, some_points
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


def test_the_order_of_places():
    """Any order of the points, and any place of the whole cloud, gives the same one; neighbours in it are near."""
    xyz = np.round(scan(20_000, strays=False) * 2**20) / 2**20
    mixed = np.random.default_rng(1).permutation(xyz)
    expected = xyz[place_order(xyz)]
    np.testing.assert_array_equal(mixed[place_order(mixed)], expected)
    far = xyz + 2.0**19
    np.testing.assert_array_equal(far[place_order(far)] - 2.0**19, expected)
    steps, at_random = (np.median(np.linalg.norm(np.diff(p, axis=0), axis=1)) for p in (expected, mixed))
    assert steps < 0.05 * at_random


@pytest.mark.parametrize("extent", [0.0, 1e-300, 1e300])
def test_an_order_of_clouds_of_any_size(extent):
    """One place, and the smallest and largest clouds: every row once."""
    rows = place_order(scan(200) * extent)
    np.testing.assert_array_equal(np.sort(rows), np.arange(200))


def test_what_is_scored_stands_in_the_order_of_places():
    """Prepared points are bytewise the same in any order of the file, each beside its row; a grid keeps its own."""
    xyz = scan(3000)
    mixed = np.random.default_rng(1).permutation(len(xyz))
    first, again = prepare(PointCloud(xyz)), prepare(PointCloud(xyz[mixed]))
    assert first.xyz.tobytes() == again.xyz.tobytes()
    np.testing.assert_array_equal(mixed[again.index], first.index)
    grid = prepare(PointCloud(scan(3000, strays=False), grid=(50, 60)), background="keep")
    assert (np.diff(grid.index) > 0).all()
