"""From a cloud to scores with the shipped model: order, unknowns, branches, and a defect that is found."""

from pathlib import Path

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.read import read_scan
from align3d_cli.model.bundle import load_bundle
from align3d_cli.model.inspector import Inspector
from align3d_cli.synthetic import make_sample

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return Inspector(load_bundle())


@pytest.fixture(scope="module")
def plate() -> tuple[PointCloud, np.ndarray]:
    """A flat plate with a round bump of a tenth of its side in the middle, and which points are the bump."""
    rng = np.random.default_rng(0)
    xy = rng.uniform(-1, 1, (30_000, 2))
    radius = np.hypot(*xy.T)
    z = 0.06 * np.exp(-((radius / 0.1) ** 2)) + rng.normal(0, 0.0005, len(xy))
    return PointCloud(np.column_stack([xy, z])), radius < 0.12


def test_the_bump_on_a_plate_scores_highest(inspector, plate):
    """The points of a bump on a flat plate score far above the rest."""
    cloud, bump = plate
    found = inspector.inspect(cloud)
    inner = np.abs(cloud.xyz[:, :2]).max(axis=1) < 0.8
    assert found.point_scores.shape == (len(cloud),)
    assert found.point_scores[bump].mean() > 5 * found.point_scores[inner & ~bump].mean()
    assert 0 <= found.score <= 1 and (found.point_scores >= 0).all() and (found.point_scores <= 1).all()


@pytest.mark.parametrize("part", ["chessman/dent/001", "chessman/good/003"])
def test_scores_follow_the_points_when_they_are_shuffled(inspector, part):
    """The same points in any order: the same score of the part, and of every point, but for rounding."""
    xyz = read_scan(EXAMPLES / f"{part}.ply").xyz
    straight = inspector.inspect(PointCloud(xyz))
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(xyz))
        shuffled = inspector.inspect(PointCloud(xyz[order]))
        assert shuffled.score == pytest.approx(straight.score, abs=1e-6)
        np.testing.assert_allclose(shuffled.point_scores, straight.point_scores[order], rtol=0, atol=1e-5)


def test_the_same_scan_gives_the_same_bytes(inspector, plate):
    """Twice the same input on the same device, twice the same scores."""
    first, second = (inspector.inspect(plate[0]) for _ in range(2))
    assert np.array_equal(first.point_scores, second.point_scores)
    assert first.score == second.score


def test_copies_of_points_change_no_score(inspector, plate):
    """A file that holds every point three times is the same part."""
    cloud, _ = plate
    once, thrice = inspector.inspect(cloud), inspector.inspect(PointCloud(np.repeat(cloud.xyz, 3, axis=0)))
    assert thrice.score == pytest.approx(once.score, abs=0.02)
    assert (np.abs(thrice.point_scores[::3] - once.point_scores) < 0.02).mean() > 0.99


def test_a_stray_point_has_no_score_and_is_counted(inspector, plate):
    """What is taken off before scoring carries 0 and is said to be removed."""
    found = inspector.inspect(PointCloud(np.vstack([plate[0].xyz, [[0.0, 0.0, 40.0]]])))
    assert found.n_removed == 1 and found.point_scores[-1] == 0


def test_points_without_a_measurement_stay_unknown(inspector, plate):
    """NaN points get NaN, are counted, and all others are scored."""
    xyz = plate[0].xyz.copy()
    xyz[::50] = np.nan
    found = inspector.inspect(PointCloud(xyz))
    assert np.array_equal(np.isnan(found.point_scores), np.isnan(xyz[:, 0]))
    assert found.n_invalid == len(xyz[::50])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cut", "rough"])
def test_a_plainly_defective_part_ranks_above_its_own_good_twin(inspector, kind):
    """With the same part, view and noise, the one with a plain defect has the higher score."""
    for source in ("cookie", "chessman"):
        twins = (make_sample(0, kind=k, source=source, mode="organised").cloud for k in (kind, "good"))
        bad, good = map(inspector.inspect, twins)
        assert bad.raw_score > good.raw_score + 0.2
