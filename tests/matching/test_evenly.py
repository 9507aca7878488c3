"""Evenly spaced points: means of cells, whatever the density and the order of a scan."""

import numpy as np
import pytest

from align3d_cli.clouds.voxels import cell_keys
from align3d_cli.matching.evenly import even_points

CELL = 0.1


@pytest.fixture
def dense():
    """3000 points of a unit cube, most of them in one corner."""
    return np.random.default_rng(0).uniform(0, 1, (3000, 3)) ** 3


def test_points_are_the_means_of_their_cells(dense):
    """Each is the mean of the points whose row it is, and these are the points of one cell."""
    even, row = even_points(dense, CELL)
    keys = cell_keys(dense, CELL)
    assert len(even) == len(np.unique(keys)) == row.max() + 1
    for at in range(0, len(even), 40):
        assert len(set(keys[row == at])) == 1
        np.testing.assert_allclose(even[at], dense[row == at].mean(axis=0))


def test_a_known_cloud():
    """Two points of one cell become their middle, a third one stays as it is."""
    even, row = even_points(np.array([[0.0, 0, 0], [5, 0, 0], [0.5, 0, 0]]), 1.0)
    np.testing.assert_array_equal(even, [[0.25, 0, 0], [5, 0, 0]])
    assert row.tolist() == [0, 1, 0]


def test_density_counts_for_nothing(dense):
    """A thousand copies of the scan in one of its cells leave all other points where they were."""
    denser = np.concatenate([dense, dense[:1] + np.zeros((1000, 3))])
    even, row = even_points(dense, CELL)
    again, _ = even_points(denser, CELL)
    others = np.arange(len(even)) != row[0]
    np.testing.assert_array_equal(even[others], again[others])


def test_order_decides_nothing(dense):
    """A shuffled scan gives the same points in the same order, and each of its points the same row."""
    shuffle = np.random.default_rng(1).permutation(len(dense))
    (even, row), (again, other) = even_points(dense, CELL), even_points(dense[shuffle], CELL)
    np.testing.assert_allclose(even, again, rtol=1e-12)
    np.testing.assert_array_equal(row[shuffle], other)
