"""Rigid motions against their definitions."""

import numpy as np
import pytest

from align3d_cli.matching.guesses import axes_of, axis_poses, own_turns
from align3d_cli.matching.poses import about, angles_between, inverse, moved, rotation_of, rotations_between
from tests.matching.shapes import random_pose


@pytest.fixture
def poses():
    return np.array([random_pose(seed) for seed in range(5)])


def test_inverse_undoes(poses):
    """There and back is where it was, for one and for many."""
    assert np.allclose(poses @ inverse(poses), np.eye(4))
    assert np.allclose(inverse(poses[0]) @ poses[0], np.eye(4))


def test_rotation_vectors_turn_by_their_length():
    """A quarter about z takes x to y; nothing is no turn; the angle is that between the poses."""
    assert np.allclose(rotation_of(np.array([0, 0, np.pi / 2])) @ [1, 0, 0], [0, 1, 0])
    assert np.array_equal(rotation_of(np.zeros(3)), np.eye(3))
    turn = about(rotation_of(np.array([0.1, 0.2, 0.2]))[None], np.zeros(3), np.ones(3))
    assert angles_between(np.eye(4), turn)[0] == pytest.approx(0.3)


def test_rotations_between_vectors_are_found_and_proper(poses):
    """Exact where there is one; of a mirror image the best proper one; parallel vectors determine nothing."""
    here = np.random.default_rng(0).normal(size=(5, 3, 3))
    there = here @ np.swapaxes(poses[:, :3, :3], 1, 2)
    rotations, determined = rotations_between(here, there)
    assert np.allclose(rotations, poses[:, :3, :3]) and (determined > 0).all()
    mirrored, _ = rotations_between(here, here * [1, 1, -1])
    assert np.allclose(np.linalg.det(mirrored), 1)
    assert rotations_between(np.ones((1, 3, 3)), np.ones((1, 3, 3)))[1] == pytest.approx(0, abs=1e-12)


BOX = np.random.default_rng(1).uniform(-1, 1, (4000, 3)) * [3, 2, 1]
COIN = np.random.default_rng(1).normal(size=(4000, 3)) * [2, 2, 0.3]


@pytest.mark.parametrize(("cloud", "fewest", "most"), [(BOX, 4, 4), (COIN, 40, 200)])
def test_axes_come_upon_axes(cloud, fewest, most, poses):
    """Four proper choices where the extents differ, many turns where two are alike; one of them is right."""
    found = axis_poses(moved(inverse(poses[2]), cloud), cloud)
    assert fewest <= len(found) <= most
    assert np.allclose(np.linalg.det(found[:, :3, :3]), 1)
    assert np.rad2deg(angles_between(poses[2], found)).min() < (0.1 if cloud is BOX else 8)


def test_own_turns_keep_the_centre():
    """Every motion of a surface upon itself leaves its centre, and one of them leaves everything."""
    found = own_turns(BOX + 5)
    centre = axes_of(BOX + 5)[0]
    assert np.allclose(found @ np.append(centre, 1), np.append(centre, 1))
    assert angles_between(np.eye(4), found).min() == pytest.approx(0, abs=1e-6)
