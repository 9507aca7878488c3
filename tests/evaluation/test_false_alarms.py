"""False alarms of good scans: counted where they are drawn, unknown where no colour scale is known."""

import math

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud
from align3d_cli.evaluation.false_alarms import apart_of, false_alarms, n_regions
from align3d_cli.evaluation.outputs import PREVIEW_POINTS, PointOutputs, point_outputs
from align3d_cli.regions.find import find_regions
from align3d_cli.regions.levels import Levels
from align3d_cli.render.footprint import distance_apart

LEVELS = Levels(0.3, 0.6)


def plate(side: int, spots: list[tuple[float, float, float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """(side * side, 3) points of a bent plate 100 wide and their scores; spots: (x, y, radius, score)."""
    y, x = (axis.ravel() for axis in np.mgrid[: side * 1.0, : side * 1.0] * 100 / side)
    scores = np.full(side**2, 0.1, np.float32)
    for at_x, at_y, radius, score in spots:
        scores[np.hypot(x - at_x, y - at_y) < radius] = score
    return np.column_stack([x, y, 0.002 * x**2]), scores


def outputs(xyz: np.ndarray, scores: np.ndarray) -> PointOutputs:
    return point_outputs(LabelledCloud(PointCloud(xyz), np.zeros(len(xyz), bool)), {"align3d": scores}, True)


SPOTS = [(20, 20, 6, 0.8), (70, 30, 8, 0.7), (40, 80, 5, 0.4)]  # the last never reaches the middle of the scale


@pytest.mark.parametrize("side", [80, 240])
def test_regions_and_share_by_hand(side):
    """Two spots reach the core, three are coloured; a scan of more points than are kept gives the same."""
    xyz, scores = plate(side, SPOTS)
    assert (side**2 > PREVIEW_POINTS) == (side == 240)
    found = false_alarms(outputs(xyz, scores), "align3d", LEVELS)
    assert found.regions == 2
    assert found.share == pytest.approx(math.pi * (36 + 64 + 25) / 1e4, rel=0.05)
    assert found.share == (scores >= LEVELS.edge).mean()


def test_kept_points_have_the_regions_of_all_points():
    """Of random spots as many are found among the kept points as `find_regions` finds in the whole scan."""
    rng = np.random.default_rng(0)
    for _ in range(4):
        spots = [(*rng.uniform(5, 95, 2), rng.uniform(2, 6), rng.uniform(0.2, 0.9)) for _ in range(8)]
        xyz, scores = plate(240, [(float(x), float(y), float(r), float(s)) for x, y, r, s in spots])
        whole = find_regions(xyz, scores, LEVELS, distance_apart(xyz, 100 / 240)[0])
        assert false_alarms(outputs(xyz, scores), "align3d", LEVELS).regions == len(whole.regions)


def test_points_without_a_score_are_no_part_of_the_share():
    """The share is of the scored points; removed background makes no scan better."""
    xyz, scores = plate(80, SPOTS)
    share = false_alarms(outputs(xyz, scores), "align3d", LEVELS).share
    background = xyz[:, 1] > 90
    scored = np.where(background, np.float32(np.nan), scores)
    found = false_alarms(outputs(xyz, scored), "align3d", LEVELS)
    assert found.share == pytest.approx(share * background.size / (~background).sum()) and found.regions == 2


def test_unknown_is_no_zero():
    """No levels, or nothing scored: unknown. Levels that nothing reaches: none."""
    xyz, scores = plate(40, SPOTS)
    for scan, levels in ((scores, None), (np.full_like(scores, np.nan), LEVELS)):
        found = false_alarms(outputs(xyz, scan), "align3d", levels)
        assert math.isnan(found.regions) and math.isnan(found.share)
    assert false_alarms(outputs(xyz, scores), "align3d", Levels(0.9, 0.95)).regions == 0
    assert n_regions(np.zeros((50, 3)), np.ones(50), LEVELS) == 0  # one place, no surface


def test_distance_of_points_is_that_of_the_product():
    """Within a twentieth of what regions are found with when a scan is scored, on a grid and at random."""
    rng = np.random.default_rng(0)
    for xyz in (plate(80, [])[0], rng.uniform(0, 1, (6000, 3)) * (1, 1, 0)):
        spacing = 1.25 if len(xyz) == 6400 else 0.5 / math.sqrt(6000)
        assert apart_of(xyz) == pytest.approx(distance_apart(xyz, spacing)[0], rel=0.05)
