"""The nearest descriptors by their definition: all distances, sorted."""

import numpy as np
import pytest

from align3d_cli.matching.bank import CHUNK, bank_of, nearest_descriptors


@pytest.fixture(scope="module")
def known():
    """500 descriptors of 66 numbers."""
    return np.random.default_rng(0).random((500, 66)).astype(np.float32)


def test_the_nearest_of_all_distances(known):
    """Rows of the surface, not of the bank, and the distance of the first; more are asked than are taken at once."""
    asked = np.random.default_rng(1).random((CHUNK + 100, 66)).astype(np.float32)
    rows = np.random.default_rng(2).permutation(500)[:300]
    found, distance = nearest_descriptors(asked, bank_of(known, rows), 5)
    away = np.linalg.norm(asked[:, None].astype(float) - known[rows].astype(float), axis=2)
    of_found = np.linalg.norm(asked[:, None].astype(float) - known[found].astype(float), axis=2)
    np.testing.assert_allclose(of_found, np.sort(away, axis=1)[:, :5], rtol=1e-5)
    assert np.isin(found, rows).all()
    np.testing.assert_allclose(distance, away.min(axis=1), rtol=1e-5)


def test_a_bank_of_few_gives_fewer(known):
    """Three descriptors have three nearest; one that is asked for is at no distance from itself."""
    found, distance = nearest_descriptors(known[:3], bank_of(known, np.arange(3)), 5)
    assert found.shape == (3, 3) and found[:, 0].tolist() == [0, 1, 2] and distance.tolist() == [0, 0, 0]
