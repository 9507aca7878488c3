"""FPFH: known answers, what it must not depend on, and the sentence of its paper in plain numpy beside it."""

import numpy as np
import pytest

from align3d_cli.matching.fpfh import BINS, LENGTH, cells, fpfh
from align3d_cli.matching.poses import moved, turned
from tests.matching.shapes import random_pose

RADIUS = 0.5
FLIPS = 0.03  # mean distance of descriptors of which one angle in hundreds fell into the next bin by rounding


@pytest.fixture(scope="module")
def hill():
    """400 points of a hilly surface with their normals."""
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 400))
    slope = np.stack([-0.9 * np.cos(3 * x), 0.8 * np.sin(2 * y), np.ones(400)], axis=1)
    xyz = np.stack([x, y, 0.3 * np.sin(3 * x) + 0.4 * np.cos(2 * y)], axis=1)
    return xyz, (slope / np.linalg.norm(slope, axis=1, keepdims=True)).astype(np.float32)


def simple_by_paper(xyz, normals, i, radius):
    """SPFH (33,) of point i, section III of the paper: the source of a pair is whose normal leans more along it."""
    out, count = np.zeros(LENGTH), 0
    for j in np.flatnonzero(np.linalg.norm(xyz - xyz[i], axis=1) <= radius):
        if j == i:
            continue
        way, source, target = xyz[j] - xyz[i], normals[i], normals[j]
        if abs(source @ way) < abs(target @ way):
            way, source, target = -way, target, source
        u = source
        v = np.cross(way, u) / np.linalg.norm(np.cross(way, u))
        w = np.cross(u, v)
        alpha, phi = v @ target, u @ way / np.linalg.norm(way)
        theta = np.arctan2(w @ target, u @ target)
        for third, share in enumerate([(alpha + 1) / 2, (phi + 1) / 2, (theta + np.pi) / (2 * np.pi)]):
            out[third * BINS + min(int(share * BINS), BINS - 1)] += 1
        count += 1
    return out / max(count, 1)


def fpfh_by_paper(xyz, normals, radius):
    """(N, 33): a point's own SPFH and the mean of its neighbours', weighted by 1 / distance; rooted to length 1."""
    normals = normals.astype(float)
    simple = np.array([simple_by_paper(xyz, normals, i, radius) for i in range(len(xyz))])
    out = np.zeros_like(simple)
    for i in range(len(xyz)):
        distance = np.linalg.norm(xyz - xyz[i], axis=1)
        near = np.flatnonzero((distance <= radius) & (distance > 0))
        if len(near):
            weights = 1 / distance[near]
            out[i] = simple[i] + weights @ simple[near] / weights.sum()
    return np.sqrt(out / 6)


def test_the_kernel_is_the_paper(hill):
    """The same histograms, point for point and radius for radius."""
    found = fpfh(*hill, [RADIUS, RADIUS / 2])
    expected = [fpfh_by_paper(*hill, radius) for radius in (RADIUS, RADIUS / 2)]
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), atol=1e-4)


def test_points_with_one_normal_are_each_their_own_source(hill):
    """Where neither normal leans more along the line, the angle with it has the other sign at the other end."""
    normals = np.tile(np.float32([0.6, 0, 0.8]), (len(hill[0]), 1))
    expected = fpfh_by_paper(hill[0], normals, RADIUS / 2)
    np.testing.assert_allclose(fpfh(hill[0], normals, [RADIUS / 2]), expected, atol=1e-4)


def test_a_plane_is_one_bin_a_third():
    """All angles of a plane are 0, the middle of each third."""
    xyz = np.zeros((300, 3))
    xyz[:, :2] = np.random.default_rng(0).uniform(0, 1, (300, 2))
    expected = np.zeros(LENGTH)
    expected[[BINS // 2, BINS + BINS // 2, 2 * BINS + BINS // 2]] = np.sqrt(1 / 3)
    found = fpfh(xyz, np.tile(np.float32([0, 0, 1]), (300, 1)), [0.3])
    np.testing.assert_allclose(found, np.tile(expected, (300, 1)), atol=1e-6)


def ball(n, radius=1.0):
    """n points spread evenly over a sphere, and their normals (Fibonacci lattice)."""
    at = np.arange(n) + 0.5
    z, turn = 1 - 2 * at / n, np.pi * (1 + 5**0.5) * at
    flat = np.sqrt(1 - z**2)
    unit = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
    return radius * unit, unit.astype(np.float32)


def test_a_sphere_looks_alike_everywhere():
    """No point of a ball tells itself from another, and a ball of half the radius is something else."""
    large, small = fpfh(*ball(3000), [0.3]), fpfh(*ball(3000, 0.5), [0.3])
    within = np.linalg.norm(large - large.mean(axis=0), axis=1).max()
    between = np.linalg.norm(large.mean(axis=0) - small.mean(axis=0))
    assert within < 0.15 and between > 2 * within


def test_the_pose_changes_nothing(hill):
    """Turned and moved, the surface has the same descriptors but for angles on the border of two bins."""
    pose = random_pose(3)
    again = fpfh(moved(pose, hill[0]), turned(pose, hill[1]), [RADIUS])
    away = np.linalg.norm(again - fpfh(*hill, [RADIUS]), axis=1)
    assert away.mean() < FLIPS and np.median(away) < 1e-3


def test_scale_changes_nothing_where_the_radius_has_it_too(hill):
    """In metres or in millimetres, a surface is what it is; at another radius it is not."""
    plain = fpfh(*hill, [RADIUS])
    np.testing.assert_allclose(fpfh(1024 * hill[0], hill[1], [1024 * RADIUS]), plain, atol=1e-4)
    assert np.abs(fpfh(1024 * hill[0], hill[1], [2048 * RADIUS]) - plain).max() > 0.1


def test_order_changes_nothing(hill):
    """Shuffled points have the same descriptors but for the rounding of sums."""
    shuffle = np.random.default_rng(1).permutation(len(hill[0]))
    again = fpfh(hill[0][shuffle], hill[1][shuffle], [RADIUS])
    np.testing.assert_allclose(again, fpfh(*hill, [RADIUS])[shuffle], atol=1e-5)


def test_every_radius_has_length_one_and_a_lone_point_none(hill):
    """A point without neighbours has no shape, which is 0; all others count alike."""
    xyz = np.concatenate([hill[0], [[9.0, 9, 9]]])
    found = fpfh(xyz, np.concatenate([hill[1], [[0, 0, 1]]]), [RADIUS, 2 * RADIUS])
    lengths = np.linalg.norm(found.reshape(-1, LENGTH), axis=1)
    np.testing.assert_allclose(lengths[:-2], 1, atol=1e-5)
    assert not found[-1].any() and found.dtype == np.float32


def test_all_neighbours_lie_in_the_cells_around(hill):
    """Cells hold every point once, and an empty one lies all around, so that 27 can be looked into everywhere."""
    grid = cells(hill[0], RADIUS)
    assert sorted(grid.order.tolist()) == list(range(len(hill[0])))
    nx, ny, nz = grid.shape
    at = np.stack(np.unravel_index(grid.cell, (nx, ny, nz)), axis=1)
    assert (at >= 1).all() and (at < np.array(grid.shape) - 1).all()
    for i in range(0, len(at), 50):
        near = np.linalg.norm(hill[0] - hill[0][i], axis=1) <= RADIUS
        assert (np.abs(at[near] - at[i]) <= 1).all()
        assert i in grid.order[grid.start[grid.cell[i]] : grid.start[grid.cell[i] + 1]]
