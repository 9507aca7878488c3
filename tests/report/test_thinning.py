"""Fewer points show the same part."""

import numpy as np
import pytest

from align3d_cli.report.thinning import ALL_POINTS, FEWEST_POINTS, LONE_POINTS, points_each, thin


@pytest.mark.parametrize("n", [2_000, 50_000])
def test_thinning_keeps_a_single_defect_point(n):
    """Out of many points at most the limit stays, spread over the part, and the one defective point is among them."""
    xyz = np.random.default_rng(3).random((n, 3)) * [1.0, 1.0, 0.0]
    scores = np.zeros(n)
    scores[n // 3] = 1.0
    rows = thin(xyz, scores, 1000)
    assert 500 < len(rows) <= 1000
    assert n // 3 in rows
    quarters = np.unique((xyz[rows, :2] > 0.5) @ [1, 2], return_counts=True)[1]
    assert quarters.min() > 0.2 * len(rows)


def test_more_parts_have_fewer_points_each():
    """One part has as many as a screen shows, many share what keeps a page small, none has too few for a dent."""
    assert points_each(1) == LONE_POINTS and points_each(10_000) == FEWEST_POINTS
    assert points_each(100) * 100 <= ALL_POINTS and points_each(300) * 300 <= ALL_POINTS
    assert points_each(0) == LONE_POINTS  # a page of failures alone
