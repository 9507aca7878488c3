"""Deviation against defects whose size is known: bumps, dents, holes, and what only one of both shows."""

import numpy as np
import pytest

from align3d_cli.matching import triangles as triangles_module
from align3d_cli.matching.deviation import deviation
from align3d_cli.matching.poses import inverse, moved, turned
from align3d_cli.matching.sheet import sheet_of
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
    """Random points on the cube, their normals, and its triangles."""
    rng, corners = np.random.default_rng(seed), cube_mesh()
    of = rng.integers(12, size=n)
    weights = rng.dirichlet(np.ones(3), n)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    return np.einsum("nk,nkj->nj", weights, corners[of]), normals[of], corners


def test_triangles_give_the_distance_to_the_mesh():
    """Few samples, and yet exact: to faces, over edges and over corners of a cube, outside and inside."""
    xyz, normals, corners = cube_samples(600, 0)
    cube = sheet_of(xyz, normals, 0.2, 3.5, triangles=corners)
    points, outward, _ = cube_samples(500, 1)
    points = points + 0.1 * outward + 0.05 * np.sign(points)
    true = np.linalg.norm(points - np.clip(points, -1, 1), axis=1)
    found = deviation(sheet_of(points, outward, 0.2, 3.5), cube, np.eye(4))
    np.testing.assert_allclose(found.raw, true, atol=1e-9)
    sunk = cube_samples(500, 2)[0] * 0.97
    inside = deviation(sheet_of(sunk, cube_samples(500, 2)[1], 0.2, 3.5), cube, np.eye(4))
    np.testing.assert_allclose(inside.raw, np.abs(sunk).max(axis=1) - 1, atol=1e-9)


def test_a_mesh_turned_inside_out_is_the_same_surface():
    """Which way round a file tells its corners decides nothing, for the points know their outside; nor do triangles
    that are told both ways."""
    xyz, normals, corners = cube_samples(600, 0)
    points, outward, _ = cube_samples(300, 1)
    moving = sheet_of(points + 0.04 * outward, outward, 0.2, 3.5)
    mixed = np.where((np.arange(12) % 2 == 0)[:, None, None], corners, corners[:, ::-1])
    for triangles in (corners, corners[:, ::-1], mixed):
        found = deviation(moving, sheet_of(xyz, normals, 0.2, 3.5, triangles=triangles), np.eye(4))
        np.testing.assert_allclose(found.raw, 0.04, atol=1e-9)


def tube_mesh(n, rings):
    """(2 n rings, 3, 3) triangles of a tube of radius 1 and length 2 along z, n corners around."""
    turn, z = np.arange(n + 1) * 2 * np.pi / n, np.linspace(-1, 1, rings + 1)
    xyz = np.stack(np.broadcast_arrays(np.cos(turn), np.sin(turn), z[:, None]), axis=-1)
    a, b, c, d = xyz[:-1, :-1], xyz[:-1, 1:], xyz[1:, 1:], xyz[1:, :-1]
    return np.concatenate([np.stack(three, axis=2).reshape(-1, 3, 3) for three in ((a, b, c), (a, c, d))])


@pytest.mark.parametrize(("n", "rings"), [(96, 1), (400, 80)])
@pytest.mark.parametrize("height", [0.03, 0.0, -0.03])
def test_a_tube_that_is_thicker_or_thinner_by_a_known_amount(n, rings, height):
    """Long triangles and such as are smaller than the spacing: within 1 % of the spacing, where samples err by more."""
    rng, spacing = np.random.default_rng(0), 0.05
    turn, z = rng.uniform(0, 2 * np.pi, (2, 8000)), rng.uniform(-1, 1, (2, 8000))
    z[1] *= 0.95  # ends are another matter
    out = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(z)], axis=-1)
    fixed, moving = ([1, 1 + height][k] * out[k] + np.stack([0 * z[k], 0 * z[k], z[k]], axis=-1) for k in (0, 1))
    tube = sheet_of(fixed, out[0], spacing, 3.5, triangles=tube_mesh(n, rings))
    found = deviation(sheet_of(moving, out[1], spacing, 3.5), tube, np.eye(4))
    flat = 1 - np.cos(np.pi / n)  # by which the middle of a facet lies inside
    assert np.abs(found.raw - height - flat / 2).max() < 0.01 * spacing + flat / 2


def test_the_back_of_a_thin_wall_is_not_measured_from():
    """A dent nearly as deep as the wall is thick, next to the triangle of the other side: its depth below its own."""
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float)
    top = np.array([square[[0, 1, 2]], square[[0, 2, 3]]])
    up = np.array([0, 0, 0.05])
    wall = np.concatenate([top + up, top[:, ::-1] - up])
    xy = np.random.default_rng(0).uniform(-1, 1, (2, 3000, 2))
    xyz = np.concatenate([np.column_stack([xy[k], np.full(3000, (0.05, -0.05)[k])]) for k in (0, 1)])
    normals = np.repeat(np.float32([[0, 0, 1], [0, 0, -1]]), 3000, axis=0)
    inner = np.random.default_rng(1).uniform(-0.8, 0.8, (500, 2))
    dented = sheet_of(np.column_stack([inner, np.full(500, -0.03)]), normals[:500], 0.04, 2.8)
    found = deviation(dented, sheet_of(xyz, normals, 0.04, 2.8, triangles=wall), np.eye(4))
    np.testing.assert_allclose(found.raw, -0.08, atol=1e-9)


def test_more_triangles_than_can_be_listed_are_left_to_the_points(monkeypatch):
    """No list, and the distances of the samples as before."""
    monkeypatch.setattr(triangles_module, "MOST", 100)
    xyz, normals, corners = cube_samples(600, 0)
    assert sheet_of(xyz, normals, 0.2, 3.5, triangles=corners).facets is None


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
