"""Stray points, far off and about the part, and all that must not be taken for them."""

import time
from pathlib import Path

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.clouds.strays import stray_points
from align3d_cli.io.read import read_scan

EXAMPLES = Path(__file__).parents[2] / "examples"


def sphere(n, seed=0):
    points = np.random.default_rng(seed).normal(size=(n, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def chessman():
    """(N, 3) points of the shipped part, its middle and its extent."""
    xyz = read_scan(EXAMPLES / "chessman/dent/001.ply").xyz
    low, high = xyz.min(axis=0), xyz.max(axis=0)
    return xyz, (low + high) / 2, (high - low).max()


def thrown(n, reach, seed=0):
    """(n, 3) points anywhere within `reach` extents of the chessman's middle, along each axis."""
    _, middle, extent = chessman()
    return middle + extent * np.random.default_rng(seed).uniform(-reach, reach, (n, 3))


@pytest.mark.parametrize(("n", "reach"), [(300, 30), (2000, 30), (1000, 3), (2000, 3), (1000, 1), (20, 0.8), (3, 1e10)])
def test_strays_up_to_a_tenth_are_found_at_any_distance(n, reach):
    """Points thrown about go, but for a few on the surface, and the part loses none."""
    xyz = chessman()[0]
    stray, spacing = stray_points(np.concatenate([xyz, thrown(n, reach)]))
    assert not stray[: len(xyz)].any()
    assert stray[len(xyz) :].mean() > 0.98
    assert spacing == pytest.approx(point_spacing(xyz), rel=0.02)


@pytest.mark.parametrize("distance", [2, 1e5, 1e10, 1e15])
def test_one_point_at_any_distance_changes_nothing(distance):
    """The part is prepared as if the point were not there, the report counts it and a note tells."""
    xyz, middle, extent = chessman()
    alone, beside = (prepare(PointCloud(p)) for p in (xyz, np.vstack([middle + distance * extent * np.eye(3)[1], xyz])))
    np.testing.assert_array_equal(beside.index, 1 + alone.index)
    assert beside.spacing == alone.spacing and beside.report["extent"] == alone.report["extent"]
    assert beside.report["n_outliers"] == 1 and not alone.notes
    assert beside.notes == ("1 of 20 195 points flies off the part and is left out",)


def test_more_than_a_tenth_of_strays_is_a_doubt():
    """What is left of such a scan need not be the part."""
    few, many = (prepare(PointCloud(np.concatenate([chessman()[0], thrown(n, 30)]))) for n in (2000, 3000))
    assert few.doubts == ()
    assert many.doubts == ("13 % of the points fly off or about the part: scan it again, or clean it first",)


@pytest.mark.parametrize("n", [200, 1000, 4000])
def test_most_points_in_the_box_of_the_part_are_found(n):
    """Points anywhere in the part's own box go, but for those that nearly touch it; the part loses next to none."""
    xyz = chessman()[0]
    flying = np.random.default_rng(0).uniform(xyz.min(axis=0), xyz.max(axis=0), (n, 3))
    stray, _ = stray_points(np.concatenate([xyz, flying]))
    assert stray[: len(xyz)].sum() <= 4
    assert stray[len(xyz) :].mean() > 0.9


def test_a_few_far_points_are_strays_and_fragments_are_not():
    """A few points far off go, one at the end of the world too; a fragment of 200 points beside the part stays."""
    fragment = 0.2 * sphere(200, 1) + [3, 0, 0]
    flying = np.array([[0, 0, 8.0], [0, 4.0, 0], [1e9, 0, 0]])
    xyz = np.concatenate([sphere(20000), fragment, flying])
    stray, spacing = stray_points(xyz)
    np.testing.assert_array_equal(np.flatnonzero(stray), [20200, 20201, 20202])
    assert spacing == point_spacing(xyz[~stray])


def lines(n_lines, n, wave=0.2):
    """Profiles of a line scanner: dense along the lines, ten times sparser across."""
    along, line = (a.ravel() for a in np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n_lines)))
    return np.c_[along, line, wave * np.sin(3 * along + line)]


def uneven(n):
    """A sphere whose density falls to a hundredth from one pole to the other."""
    points = sphere(4 * n)
    return points[np.random.default_rng(1).random(4 * n) < 0.01 ** ((points[:, 2] + 1) / 2)]


def frames(n):
    """Four scans of the same surface laid over each other, a fifth of it seen once, each a little off."""
    points, rng = sphere(n), np.random.default_rng(2)
    seen = [points, *(points[points[:, 0] > -0.6] + rng.normal(0, 1e-4, 3) for _ in range(3))]
    return np.concatenate(seen)


def one_side(step):
    """A ball over a plate as one camera sees it: steep sides are sparse, a ring behind the ball is not seen."""
    x, y = (a.ravel() for a in np.meshgrid(np.arange(-2, 2, step), np.arange(-2, 2, step)))
    r = np.hypot(x, y)
    return np.c_[x, y, np.where(r < 1, 1 + np.sqrt(np.maximum(1 - r**2, 0)), 0)]


def wire():
    """A ball and a thin wire beside it, in single file and three times as sparse."""
    t = np.linspace(0, 1, 200)
    return np.concatenate([sphere(20000), np.c_[1.5 + 0.2 * np.cos(9 * t), 0.2 * np.sin(9 * t), 6 * t - 3]])


@pytest.mark.parametrize(
    "xyz",
    [
        *[sphere(n) for n in (60, 500, 1000, 200_000)],
        lines(40, 400),
        uneven(20000),
        frames(5000),
        one_side(0.02),
        wire(),
        np.repeat(sphere(3000), 3, axis=0),
    ],
    ids=["60", "500", "1000", "200000", "lines", "uneven", "frames", "one side", "wire", "copies"],
)
def test_no_point_of_a_whole_part_is_a_stray(xyz):
    """Sparse, dense, uneven and repeated points of a surface alike lose nothing."""
    assert not stray_points(xyz)[0].any()


def test_real_scans_lose_nothing(shared_data):
    """Animals, household scans and terrain with a few points more or less are whole parts."""
    lost = {p.name: int(stray_points(read_scan(p).xyz)[0].sum()) for p in sorted((shared_data / "pcd").glob("*.pcd"))}
    assert not any(lost.values()), lost


def test_time_for_half_a_million_points():
    """Strays and spacing of 500 000 points take less than a second of processor time (a quarter on an idle core)."""
    xyz = sphere(500_000) * [1, 0.7, 0.5]
    start = time.process_time()
    stray_points(xyz)
    assert time.process_time() - start < 1
