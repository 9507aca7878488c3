"""Deviation against defects whose size is known: bumps, dents, holes, and what only one of both shows."""

import numpy as np
import pytest

from align3d_cli.matching.deviation import deviation
from align3d_cli.matching.poses import inverse, moved, turned
from align3d_cli.matching.sheet import sheet_of
from align3d_cli.matching.triangles import nearest_on_mesh
from align3d_cli.matching.visibility import View, visible
from tests.matching.shapes import random_pose, sampled

N, HEIGHT, RADIUS = 8000, 0.02, 0.12  # height in sizes, radius in sizes: 2 % of the points


def sheet(surface, keep=None, **options):
    """A sheet of a surface, or of a part of it."""
    rows = slice(None) if keep is None else keep
    return sheet_of(surface.xyz[rows], surface.normals[rows], surface.spacing, surface.size, **options)


@pytest.fixture(scope="module")
def box():
    return sampled("box", N, seed=1)


@pytest.fixture(scope="module")
def other():
    return sampled("box", N, seed=2)


def place(surface, along=(0, 0, 1)):
    """Distance of every point, in sizes, from the middle of the face that looks along a direction."""
    face = (surface.normals @ np.float32(along)) > 0.9
    middle = surface.xyz[face].mean(axis=0)
    return np.where(face, np.linalg.norm(surface.xyz - middle, axis=1), np.inf) / surface.size


def defect(surface, height):
    """Moved along the normals by a plateau with flanks; how much, in the unit."""
    return surface.size * height * np.clip(2 - 2 * place(surface) / RADIUS, 0, 1)


@pytest.mark.parametrize("height", [HEIGHT, -HEIGHT])
def test_bumps_and_dents_have_their_height(box, other, height):
    """In any pose: within 10 % at the plateau, signed, and within the noise elsewhere."""
    rng, pose = np.random.default_rng(0), random_pose(4)
    lifted, noise = defect(other, height), 0.001 * other.size
    xyz = other.xyz + other.normals * (lifted + rng.normal(0, noise, N))[:, None]
    moving = sheet_of(moved(pose, xyz), turned(pose, other.normals), other.spacing, other.size)
    found = deviation(moving, sheet(box), inverse(pose))
    plateau = place(other) < 0.35 * RADIUS
    plain = (lifted == 0) & (place(other) > 1.3 * RADIUS)
    assert np.abs(found.signed[plateau] / (height * other.size) - 1).max() < 0.1
    assert np.abs(found.signed[plain]).max() < 4 * noise / np.sqrt(12) + 0.0005 * box.size
    assert not found.extra.any() and not found.missing.any() and found.missing_share == 0


def test_deviation_is_zero_on_another_sampling(box, other):
    """Two samplings of one surface agree within a tenth of their spacing, edges included."""
    found = deviation(sheet(other), sheet(box), np.eye(4))
    assert np.quantile(np.abs(found.signed), 0.999) < 0.1 * box.spacing


def test_a_hole_is_told_to_its_rim(box, other):
    """What the moving scan lacks is carried to the points around it, with how far it reaches; nothing deviates."""
    hole = place(other) < RADIUS
    found = deviation(sheet(other, ~hole), sheet(box), np.eye(4))
    rim = found.missing > 0
    away = place(other)[~hole]
    assert rim.sum() > 20 and away[rim].max() < RADIUS + 3 * box.spacing / box.size
    assert found.missing.max() == pytest.approx(RADIUS * box.size, rel=0.15)
    assert 0.5 * hole.mean() < found.missing_share < hole.mean()  # but for a margin of two spacings
    assert np.nanmax(np.abs(found.signed)) < 0.5 * box.spacing and not found.extra.any()


def test_what_lies_beyond_the_end_is_extra_and_does_not_deviate(box, other):
    """A reference that ends halfway has no counterpart for the other half, but for a margin of two spacings."""
    found = deviation(sheet(other), sheet(box, box.xyz[:, 0] < 0), np.eye(4))
    beyond = other.xyz[:, 0] > 3 * box.spacing
    assert found.extra[beyond & (other.xyz[:, 0] < 0.75)].all() and not found.extra[other.xyz[:, 0] < 0].any()
    assert np.isnan(found.signed[found.extra]).all()
    assert np.abs(found.signed[~found.extra]).max() < box.spacing


def test_what_stands_far_off_is_extra(box, other):
    """A ball above a face is no deviation of it."""
    ball = sampled("ball", 500, seed=3)
    xyz = np.concatenate((other.xyz, 0.1 * ball.xyz + [0, 0, 0.9]))
    normals = np.concatenate((other.normals, ball.normals))
    found = deviation(sheet_of(xyz, normals, other.spacing, other.size), sheet(box), np.eye(4))
    assert found.extra[N:].all() and not found.extra[:N].any()


def test_one_sided_scans_miss_only_what_they_could_see(box):
    """The back of the part is not missing; a hole in the face before the sensor is."""
    eye = np.array([0.3, 0.2, 5.0])
    seen = sampled("box", N // 3, seed=3, eye=eye)
    view = View(-eye, eye)
    whole = deviation(sheet(seen), sheet(box), np.eye(4), view)
    assert whole.missing_share < 0.01 and deviation(sheet(seen), sheet(box), np.eye(4)).missing_share > 0.4
    hole = place(seen) < RADIUS
    found = deviation(sheet(seen, ~hole), sheet(box), np.eye(4), view)
    assert found.missing_share > 0.05 and place(seen)[~hole][found.missing > 0].max() < RADIUS + 0.05


@pytest.mark.parametrize("eye", [None, np.array([0, 0, 6.0])])
def test_a_surface_hides_what_is_behind_it(eye):
    """Looking down: the front of a plate is visible, its back, its sides and what a screen covers are not."""
    box, view = sampled("box", N, seed=1), View(np.array([0, 0, -1.0]), eye)
    front = box.normals[:, 2] > 0.9
    seen = visible(box.xyz, box.normals, box.xyz, box.spacing, view)
    assert seen[front].mean() > 0.99 and not seen[~front & (box.normals[:, 2] < 0.3)].any()
    screen = box.xyz[front & (box.xyz[:, 0] > 0)] + [0, 0, 1.0]
    covered = visible(box.xyz, box.normals, screen, box.spacing, view)
    assert covered[front & (box.xyz[:, 0] < -0.1)].all()
    assert covered[front & (box.xyz[:, 0] > 0.2) & (box.xyz[:, 0] < 0.6)].mean() < 0.1


def cube_mesh():
    """(12, 3, 3) triangles of the cube [-1, 1]^3, outward."""
    found = []
    for axis in range(3):
        for side in (-1.0, 1.0):
            a, b = (axis + 1) % 3, (axis + 2) % 3
            corners = np.zeros((4, 3))
            corners[:, axis] = side
            corners[:, a], corners[:, b] = [-1, 1, 1, -1], [-1, -1, 1, 1]
            corners = corners if side > 0 else corners[::-1]
            found += [corners[[0, 1, 2]], corners[[0, 2, 3]]]
    return np.array(found)


def cube_samples(n, seed):
    """Random points on the cube, normals, and the triangle of each."""
    rng, corners = np.random.default_rng(seed), cube_mesh()
    of = rng.integers(12, size=n)
    weights = rng.dirichlet(np.ones(3), n)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    return np.einsum("nk,nkj->nj", weights, corners[of]), normals[of], of, corners


def test_triangles_give_the_distance_to_the_mesh():
    """Few samples, and yet exact: to faces, over edges and over corners of a cube."""
    xyz, normals, of, corners = cube_samples(600, 0)
    cube = sheet_of(xyz, normals, 0.2, 3.5, triangles=corners, triangle_of=of)
    points, outward, _, _ = cube_samples(500, 1)
    points = points + 0.1 * outward + 0.05 * np.sign(points)
    true = np.linalg.norm(points - np.clip(points, -1, 1), axis=1)
    place = np.empty(600, np.int64)
    place[cube.grid.rows] = np.arange(600)
    partner = place[np.linalg.norm(points[:, None] - xyz, axis=2).argmin(axis=1)]
    away = np.linalg.norm(points - nearest_on_mesh(points, partner, cube), axis=1)
    assert np.allclose(away, true, atol=0.02) and np.median(np.abs(away - true)) < 1e-9
    found = deviation(sheet_of(points, outward, 0.2, 3.5), cube, np.eye(4))
    assert np.allclose(found.raw, true, atol=0.02) and (found.raw > 0).all()


def test_signs_where_normals_are_of_unknown_sign(box, other):
    """The side that is oriented decides; where neither is, distances have no sign."""
    rng, lifted = np.random.default_rng(0), defect(other, -HEIGHT)
    xyz = other.xyz + other.normals * lifted[:, None]
    flipped = box.normals * rng.choice(np.float32([-1, 1]), (N, 1))
    loose = sheet_of(box.xyz, flipped, box.spacing, box.size, oriented=False)
    known = sheet_of(xyz, other.normals, other.spacing, other.size)
    unknown = sheet_of(xyz, other.normals, other.spacing, other.size, oriented=False)
    plateau = place(other) < 0.35 * RADIUS
    assert deviation(known, loose, np.eye(4)).signed[plateau].max() < -0.9 * HEIGHT * box.size
    assert deviation(unknown, loose, np.eye(4)).signed[plateau].min() > 0.9 * HEIGHT * box.size
    assert deviation(unknown, sheet(box), np.eye(4)).signed[plateau].max() < -0.9 * HEIGHT * box.size
