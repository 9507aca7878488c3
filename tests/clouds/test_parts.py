"""Separate parts in one scan: told apart, named, and one part in pieces left whole."""

from pathlib import Path

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.parts import parts_of, several_parts
from align3d_cli.clouds.prepare import prepare
from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.io.read import read_scan

EXAMPLES = Path(__file__).parents[2] / "examples"


def sphere(n, seed=0):
    points = np.random.default_rng(seed).normal(size=(n, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def two_chessmen(along, apart):
    """The defective and the good part beside each other, so many extents apart, and the numbers of their points."""
    one, other = (read_scan(EXAMPLES / f"chessman/{name}.ply").xyz for name in ("dent/001", "good/003"))
    step = np.zeros(3)
    step[along] = apart * np.ptp(one, axis=0).max()
    return np.concatenate([one, other - other.mean(axis=0) + one.mean(axis=0) + step]), len(one), len(other)


@pytest.mark.parametrize("along", [0, 1, 2])
@pytest.mark.parametrize("apart", [1.2, 3, 20])
def test_two_parts_in_one_scan_are_told(along, apart):
    """Each part has a label, the larger one the first, and the doubt names both numbers of points."""
    xyz, n_one, n_other = two_chessmen(along, apart)
    scan = prepare(PointCloud(xyz))
    assert len(scan.index) == len(xyz)
    labels = parts_of(scan.xyz, scan.spacing)
    first = 1 if n_one >= n_other else 2
    np.testing.assert_array_equal(labels, np.repeat([first, 3 - first], [n_one, n_other])[scan.index])
    larger, smaller = (f"{n:,}".replace(",", " ") for n in sorted((n_one, n_other), reverse=True))
    assert scan.doubts == (
        f"the scan holds 2 separate parts of {larger} and {smaller} points; the score is of all together: "
        "cut them apart or rerun with --split",
    )


def test_a_small_thing_far_beside_is_told_and_a_near_one_is_not():
    """A crumb near the part is left alone; one that makes the views show mostly room is a doubt."""
    near, far = (np.concatenate([sphere(20000), 0.1 * sphere(800, 1) + [x, 0, 0]]) for x in (1.7, 12))
    assert several_parts(near, point_spacing(near)) is None
    assert "20 000 and 800 points" in several_parts(far, point_spacing(far))


def test_one_part_in_pieces_is_one():
    """A rim and the knob amid its glass, and a sparse scan, are no several parts."""
    turn = np.random.default_rng(0).uniform(0, 2 * np.pi, 6000)
    rim = np.c_[np.cos(turn), np.sin(turn), np.random.default_rng(1).uniform(0, 0.1, 6000)]
    lid = np.concatenate([rim, 0.15 * sphere(3000)])
    assert several_parts(lid, point_spacing(lid)) is None
    for n in (60, 300):
        assert several_parts(sphere(n), point_spacing(sphere(n))) is None


def test_no_points_and_one_place_have_at_most_one_part():
    """Nothing has no part; what has no extent is one."""
    assert len(parts_of(np.empty((0, 3)), 0.0)) == 0
    assert (parts_of(np.ones((9, 3)), 0.0) == 1).all()
