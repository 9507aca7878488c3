"""Distances, sampling, displacement and the virtual camera against shapes whose answers are known."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.camera import DepthCamera, capture, close_pinholes, look_at
from align3d_cli.synthetic.families import FAMILIES
from align3d_cli.synthetic.labelled_surface import LabelledSurface, displace, faceted, tangents
from align3d_cli.synthetic.sampling import Viewpoint, sample_surface
from align3d_cli.synthetic.sensor import Sensor, smooth_depth, thin_unevenly
from align3d_cli.synthetic.solid import Solid

EXACT = {
    "sphere": (sdf.sphere(0.7), lambda p: np.linalg.norm(p, axis=0) - 0.7),
    "torus": (
        sdf.torus(0.6, 0.2),
        lambda p: np.hypot(np.hypot(p[0], p[1]) - 0.6, p[2]) - 0.2,
    ),
    "capsule": (
        sdf.capsule((-0.5, 0, 0), (0.5, 0, 0), 0.2),
        lambda p: np.linalg.norm(p - np.stack((np.clip(p[0], -0.5, 0.5), 0 * p[0], 0 * p[0])), axis=0) - 0.2,
    ),
}


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def ball(rng):
    return sample_surface(Solid(sdf.sphere(0.8), (0.85, 0.85, 0.85)), 20_000, rng)


@pytest.mark.parametrize("name", EXACT)
def test_primitives_give_the_distance(name, rng):
    """Sphere, torus and capsule give the Euclidean distance, inside and out."""
    shape, truth = EXACT[name]
    p = rng.uniform(-1, 1, (3, 500)).astype(np.float32)
    assert np.allclose(shape(p), truth(p), atol=1e-5)


def test_box_agrees_with_its_corners_and_faces(rng):
    """The distance to a box is that to its nearest point outside, and minus that to its nearest face inside."""
    half = np.array([[0.5], [0.4], [0.3]])
    p = rng.uniform(-1, 1, (3, 500)).astype(np.float32)
    outside = np.linalg.norm(p - np.clip(p, -half, half), axis=0)
    inside = (np.abs(p) - half).max(axis=0)
    assert np.allclose(sdf.box(half.ravel())(p), np.where(outside > 0, outside, inside), atol=1e-5)


def test_polygon_profile_is_signed(rng):
    """The look-up of a square outline gives the square's distance with the window cut out of it."""
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
    profile = outlines.polygon(square, square * 0.5)
    x, y = rng.uniform(-1.1, 1.1, (2, 400)).astype(np.float32)
    edge = np.maximum(np.abs(x), np.abs(y))
    to_window = np.hypot(np.maximum(np.abs(x) - 0.5, 0), np.maximum(np.abs(y) - 0.5, 0))
    frame = (edge > 0.52) & (edge < 0.98)
    assert np.allclose(profile(x, y)[frame], -np.minimum(1 - edge, to_window)[frame], atol=0.01)  # less than a cell
    assert (profile(x, y)[(edge < 0.48) | (edge > 1.02)] > 0).all()


def test_grid_and_ring_repeat_where_they_say():
    """A 3 x 2 grid and a ring of 5 put their copies on the lattice and on the circle, and nowhere else."""
    dots = warp.grid(sdf.sphere(0.1), (0.5, 0.4, 1), (3, 2, 1))
    at = np.array([(x, y, 0) for x in (-0.5, 0, 0.5) for y in (-0.2, 0.2)], np.float32).T
    assert np.allclose(dots(at), -0.1, atol=1e-6)
    assert dots(np.array([[1.0], [0.2], [0]], np.float32))[0] > 0.3
    ring = warp.ring(warp.move(sdf.sphere(0.1), (0.6, 0, 0)), 5)
    angle = np.arange(5) * 2 * np.pi / 5
    assert np.allclose(
        ring(np.stack((0.6 * np.cos(angle), 0.6 * np.sin(angle), 0 * angle)).astype(np.float32)), -0.1, atol=1e-5
    )


def test_sampled_points_lie_on_the_surface_and_spread_evenly(ball):
    """Points of a sphere have its radius, its normals and about the same number in every octant."""
    radius = np.linalg.norm(ball.xyz, axis=1)
    assert np.abs(radius - 0.8).max() < 1e-3
    assert ((ball.normals * ball.xyz).sum(axis=1) / 0.8).min() > 0.999
    octant = (ball.xyz > 0) @ (1, 2, 4)
    counts = np.bincount(octant, minlength=8)
    assert counts.max() < 1.2 * counts.min()
    assert ball.spacing == pytest.approx(np.sqrt(4 * np.pi * 0.64 / len(ball)), rel=0.15)


def test_a_view_samples_its_side_only(rng):
    """With a viewpoint the far side gets no points and the near side gets them all."""
    view = Viewpoint(np.array((0.0, 0, 5.0)))
    seen = sample_surface(Solid(sdf.sphere(0.8), (0.85, 0.85, 0.85)), 10_000, rng, view)
    assert seen.xyz[:, 2].min() > -0.05
    assert len(seen) > 8000


def test_thin_walls_are_found(rng):
    """A wall thinner than the first cells is sampled on both of its sides."""
    part = Solid(sdf.box((0.9, 0.9, 0.01)), (0.95, 0.95, 0.05))
    z = sample_surface(part, 10_000, rng).xyz[:, 2]
    assert (z > 0.009).mean() == pytest.approx(0.5, abs=0.08)
    assert (z < -0.009).mean() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_fit_their_boxes(family):
    """Every family makes three different parts that fill at least a third of the box they declare."""
    extents = []
    for seed in range(3):
        part = FAMILIES[family](np.random.default_rng(seed))
        surface = sample_surface(part, 3000, np.random.default_rng(0))
        size = np.ptp(surface.xyz, axis=0)
        assert size.max() > 0.66 * max(part.half), seed
        extents.append(tuple(np.round(size, 3)))
    assert len(set(extents)) == 3 or family in ("dice", "ball", "gemstone", "bearing")


def test_tangents_are_perpendicular_and_right_handed(rng):
    """Both tangents are unit vectors across the normal, their cross product is the normal, poles included."""
    n = np.concatenate((rng.normal(size=(200, 3)), [[0, 0, 1], [0, 0, -1]]))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    t, b = tangents(n)
    assert np.allclose(np.cross(t, b), n, atol=1e-9)
    assert np.allclose((t * n).sum(axis=1), 0, atol=1e-9)


def test_displacement_moves_points_and_turns_normals(rng):
    """A slope on a plane moves points by its height and tilts normals by its gradient; area grows by 1 / cosine."""
    xyz = np.concatenate((rng.uniform(-1, 1, (500, 2)), np.zeros((500, 1))), axis=1).astype(np.float32)
    plane = LabelledSurface(xyz, np.tile(np.array([0, 0, 1], np.float32), (500, 1)), 0.02)
    moved, stretch = displace(plane, lambda q: 0.5 * q[:, 0])
    assert np.allclose(moved.xyz[:, 2], 0.5 * xyz[:, 0], atol=1e-6)
    assert np.allclose(moved.normals, np.array([-0.5, 0, 1]) / np.sqrt(1.25), atol=1e-4)
    assert np.allclose(stretch, np.sqrt(1.25), atol=1e-3)


def test_facets_are_flat_and_close(ball, rng):
    """A sphere made of facets has many points per normal and stays within the facets' sagitta of the sphere."""
    flat = faceted(ball, 800, 0.0, rng)
    assert len(np.unique(np.round(flat.normals, 5), axis=0)) < 1200
    assert np.abs(np.linalg.norm(flat.xyz, axis=1) - 0.8).max() < 0.02


def camera_at(distance: float, focal: float = 300.0, side: int = 200) -> DepthCamera:
    eye = np.array((0.0, 0, distance))
    return DepthCamera(look_at(eye, 0.0), eye, focal, (side / 2, side / 2), (side, side))


def test_camera_sees_the_front_of_a_sphere_at_its_depth(rng):
    """Within the outline the surface lies where the rays first hit it, to a tenth of a pixel, and nothing else."""
    part = Solid(sdf.sphere(0.8), (0.85, 0.85, 0.85))
    surface = sample_surface(part, 60_000, rng, Viewpoint(np.array((0.0, 0, 3.0))))
    camera = camera_at(3.0)
    frame = capture(
        LabelledSurface(surface.xyz, surface.normals, surface.spacing, None, np.zeros(len(surface), bool)), camera
    )
    rays = camera.rays()
    a, b = (rays**2).sum(axis=2), 3.0
    root = b * b - a * (9 - 0.64)
    inside = root > 0.05
    truth = (b - np.sqrt(np.where(inside, root, 0))) / a
    assert np.isfinite(frame.depth[inside]).all()
    off_surface = np.abs(frame.depth - truth)[inside] * np.sqrt(root[inside]) / 0.8
    assert off_surface.max() < 7e-4
    assert not np.isfinite(frame.depth[root < -0.3]).any()


def test_camera_hides_what_lies_behind():
    """Of two plates one behind the other only the front one is seen, and labels come from it alone."""
    x, y = (v.ravel() for v in np.meshgrid(*[np.linspace(-0.5, 0.5, 300)] * 2))
    plates = [np.stack((x, y, np.full_like(x, z)), axis=1) for z in (0.3, -0.3)]
    xyz = np.concatenate(plates).astype(np.float32)
    defect = np.repeat((False, True), len(x))
    surface = LabelledSurface(xyz, np.tile(np.array([0, 0, 1], np.float32), (len(xyz), 1)), 0.003, None, defect)
    frame = capture(surface, camera_at(3.0))
    seen = np.isfinite(frame.depth)
    assert np.allclose(frame.depth[seen], 2.7, atol=1e-4)
    assert not frame.defect.any()


def test_pinholes_close_and_holes_stay():
    """A single missing pixel is filled with its neighbours' mean, a gap of five pixels stays empty in the middle."""
    image = np.full((20, 20, 1), 2.0)
    image[5, 5] = np.nan
    image[10:15, 10:15] = np.nan
    closed = close_pinholes(image, 100.0)[..., 0]
    assert closed[5, 5] == 2.0
    assert np.isnan(closed[12, 12])


def test_smoothing_keeps_depth_edges():
    """Smoothing evens out noise on each side of a depth step but moves no pixel across it."""
    depth = np.where(np.arange(40) < 20, 1.0, 2.0)[None].repeat(20, axis=0)
    depth[3, 3] += 0.01
    smooth = smooth_depth(depth, 1.0, 0.05)
    assert abs(smooth[3, 3] - 1.0) < 0.003
    assert np.array_equal(np.unique(np.round(smooth[10], 1)), [1.0, 2.0])


def test_uneven_thinning_keeps_the_number_and_shifts_the_density(ball, rng):
    """The thinned scan has exactly n of the points, more of them on one side than on the other."""
    thin = thin_unevenly(ball, Sensor(noise=0.0, uneven=1.0), 5000, rng)
    assert len(thin) == 5000
    assert cKDTree(ball.xyz).query(thin.xyz)[0].max() == 0
    octants = np.bincount((thin.xyz > 0) @ (1, 2, 4), minlength=8)
    assert octants.max() > 1.3 * octants.min()
