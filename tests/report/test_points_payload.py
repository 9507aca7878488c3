"""A page's points are the scan's, as exactly as the payload promises."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from align3d_cli.report.points_payload import NO_DEVIATION, NO_SCORE, STEPS, PagePoints, points_payload

from .results import REGION
from .unpacked import places, unpacked

RNG = np.random.default_rng(1)
XYZ = RNG.normal(size=(500, 3)) * [5.0, 1.0, 0.2] + [1000.0, 0.0, -3.0]
SCORES = RNG.random(500)


def row_of(payload: dict) -> np.ndarray:
    """Which point of XYZ each point of the payload is."""
    away, row = cKDTree(XYZ).query(places(payload))
    assert away.max() <= payload["step"]
    return row


def test_points_come_back_within_the_quantisation():
    """Places to half a step along each axis, scores to half of one in 65534, each with its own."""
    payload = points_payload(PagePoints(XYZ, SCORES), np.eye(3), limit=500)
    row = row_of(payload)
    assert sorted(row) == list(range(500))
    np.testing.assert_allclose(places(payload), XYZ[row], atol=0.501 * payload["step"])
    np.testing.assert_allclose(unpacked(payload)["score"] / (NO_SCORE - 1), SCORES[row], atol=0.5 / (NO_SCORE - 1))
    assert payload["step"] == pytest.approx(np.ptp(XYZ, axis=0).max() / STEPS)


def test_unseen_and_invalid_points():
    """A point without a score is marked as unseen, a row without a measurement is left out and not counted."""
    xyz, scores = XYZ.copy(), SCORES.copy()
    xyz[3], scores[:10] = np.nan, np.nan
    payload = points_payload(PagePoints(xyz, scores), np.eye(3), limit=500)
    assert payload["shown"] == payload["total"] == 499
    assert (unpacked(payload)["score"] == NO_SCORE).sum() == 9


def test_what_else_is_known_comes_back():
    """Colours and regions as they are, deviations to half a step of the largest, none where there is none."""
    colours = RNG.integers(0, 256, (500, 3)).astype(np.uint8)
    labels, off = np.arange(500, dtype=np.int32) % 3, np.where(np.arange(500) % 5, SCORES - 0.7, np.nan)
    payload = points_payload(PagePoints(XYZ, SCORES, colours, labels, off), np.eye(3), limit=500)
    columns, row = unpacked(payload), row_of(payload)
    np.testing.assert_array_equal(np.stack([columns[name] for name in ("red", "green", "blue")], axis=1), colours[row])
    np.testing.assert_array_equal(columns["region"], labels[row])
    np.testing.assert_array_equal(columns["deviation"] == NO_DEVIATION, np.isnan(off[row]))
    back = np.where(
        columns["deviation"] == NO_DEVIATION, np.nan, (columns["deviation"] - 32768) * payload["deviation_step"]
    )
    np.testing.assert_allclose(back, off[row], atol=0.501 * payload["deviation_step"])


def test_what_nobody_knows_takes_no_room():
    """No region anywhere and no reference: no such columns."""
    bare = PagePoints(XYZ, SCORES, None, np.zeros(500, np.int32), np.full(500, np.nan))
    assert [name for name, _ in points_payload(bare, np.eye(3), limit=500)["columns"]] == ["x", "y", "z", "score"]


def test_neighbours_in_the_payload_are_neighbours_in_space():
    """What makes it small: steps from row to row are a fraction of those of any order."""
    payload = points_payload(PagePoints(XYZ, SCORES), np.eye(3), limit=500)
    at = places(payload)
    steps = np.linalg.norm(np.diff(at, axis=0), axis=1).mean()
    assert steps < 0.4 * np.linalg.norm(np.diff(XYZ, axis=0), axis=1).mean()


def test_a_single_place_is_drawn():
    """Points that all lie on one have no extent to divide by."""
    payload = points_payload(PagePoints(np.full((3, 3), 7.0), np.zeros(3)), np.eye(3), limit=10)
    np.testing.assert_allclose(places(payload), 7.0)
    assert payload["radius"] > 0 and np.isfinite(payload["spacing"])


def test_a_cloud_without_points_is_a_bug_of_the_caller():
    """Scans without a measurement are refused long before."""
    with pytest.raises(ValueError, match="without one finite point"):
        points_payload(PagePoints(np.full((3, 3), np.nan), np.zeros(3)), np.eye(3), limit=10)


def test_regions_are_looked_at_from_outside():
    """The normal of a region's own points away from the part; without labels the side that the viewer opens with."""
    ball = RNG.normal(size=(4000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    labels = (ball[:, 0] < -0.9).astype(np.int32)
    region = REGION.as_dict() | {"centre": [-0.95, 0.0, 0.0], "low": [-1.0, -0.4, -0.4], "high": [-0.9, 0.4, 0.4]}
    points = PagePoints(ball, np.zeros(4000), None, labels)
    (look,) = points_payload(points, np.eye(3), limit=4000, regions=[region])["regions"]
    np.testing.assert_allclose(look["from"], [-1, 0, 0], atol=0.05)
    assert look["id"] == 1 and look["radius"] == pytest.approx(np.linalg.norm([0.1, 0.8, 0.8]) / 2)
    (blind,) = points_payload(PagePoints(ball, np.zeros(4000)), np.eye(3), limit=4000, regions=[region])["regions"]
    assert blind["from"] == [0, 0, -1]
