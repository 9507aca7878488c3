"""The training-free baseline against its definition and on shapes whose answer is known."""

import time

import numpy as np
import pytest
from scipy.spatial import cKDTree

from align3d_cli.evaluation import baselines
from align3d_cli.metrics.metrics import auroc


def variation_by_definition(xyz: np.ndarray, row: int, k: int) -> float:
    """Covariance of the k nearest points, all three eigenvalues, the smallest over their sum."""
    near = xyz[np.argsort(np.linalg.norm(xyz - xyz[row], axis=1))[:k]]
    values = np.linalg.eigvalsh(np.cov(near.T, bias=True))
    return values[0] / values.sum()


def bumpy_plane(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """A level square with a small steep bump in it, and which points are the bump."""
    rng = np.random.default_rng(0)
    xy = rng.uniform(-1, 1, (n, 2))
    reach = np.linalg.norm(xy - 0.3, axis=1)
    z = 0.15 * np.exp(-((reach / 0.06) ** 2)) + rng.normal(scale=5e-4, size=n)
    return np.column_stack([xy, z]), reach < 0.1


def test_scores_meet_the_definition_at_both_scales():
    """A point's score is three times the mean of its two surface variations by a full eigenvalue decomposition."""
    xyz = np.random.default_rng(1).normal(size=(300, 3)) * [1.0, 0.7, 0.2]
    scores = baselines.curvature(xyz)
    for row in (0, 7, 123, 299):
        expected = 3 * np.mean([variation_by_definition(xyz, row, k) for k in baselines.SCALES])
        assert scores[row] == pytest.approx(expected, rel=1e-5)


def test_plane_is_nought_and_bump_stands_out():
    """Points of a bump rank above the plane around it."""
    xyz, bump = bumpy_plane()
    scores = baselines.curvature(xyz)
    assert scores.dtype == np.float32 and scores.min() >= 0 and scores.max() <= 1
    assert auroc(bump, scores) > 0.95
    assert np.median(scores[~bump]) < 1e-3 < baselines.top_mean(scores)


def test_unit_and_place_of_the_scan_do_not_matter():
    """Metres, millimetres and a far origin give the same scores."""
    xyz, _ = bumpy_plane(1000)
    np.testing.assert_allclose(baselines.curvature(1000 * xyz + 500), baselines.curvature(xyz), atol=1e-5)


def test_large_scans_take_the_nearest_looked_at_points_score():
    """Above the limit every point has the score of the nearest point that was looked at."""
    xyz, bump = bumpy_plane(6000)
    scores = baselines.curvature(xyz, max_points=1500)
    rows = baselines.spread_rows(6000, 1500)
    few = baselines.curvature(xyz[rows])
    np.testing.assert_array_equal(scores, few[cKDTree(xyz[rows]).query(xyz)[1]])
    assert auroc(bump, scores) > 0.9


def test_copies_of_one_point_score_nought():
    """A place measured many times over is no defect and no division by zero."""
    xyz = np.concatenate([np.zeros((60, 3)), np.random.default_rng(0).normal(size=(60, 3))])
    scores = baselines.curvature(xyz)
    assert np.isfinite(scores).all() and scores[:60].max() < 0.5


def test_sixty_thousand_points_take_seconds():
    """The baseline stays cheap enough for every table."""
    xyz = np.random.default_rng(0).normal(size=(60_000, 3))
    start = time.perf_counter()
    baselines.curvature(xyz)
    assert time.perf_counter() - start < 10  # 1 s alone; other processes may run beside


def test_object_score_is_the_mean_of_the_top_half_percent():
    """Of 1000 scores the highest five count; of few scores the highest one."""
    assert baselines.top_mean(np.arange(1000.0)) == pytest.approx(997.0)
    assert baselines.top_mean(np.array([0.1, 0.9])) == pytest.approx(0.9)
