"""Shapes with known answers, and simple descriptors for them: a stand-in that needs nothing of the package."""

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from align3d_cli.matching.poses import moved, turned
from align3d_cli.matching.surface import Surface
from align3d_cli.synthetic import sdf
from align3d_cli.synthetic.sampling import Viewpoint, sample_surface
from align3d_cli.synthetic.solid import Solid

BINS = 8


def _moved(shape, by):
    by = np.asarray(by, np.float32)[:, None]
    return lambda p: shape(p - by)


def _less(shape, other):
    return lambda p: np.maximum(shape(p), -other(p))


def _hexagon(radius, half):
    angles = np.deg2rad(np.arange(0, 360, 60))
    sides = np.stack((np.cos(angles), np.sin(angles)), 1).astype(np.float32)
    return lambda p: np.maximum((sides @ p[:2]).max(axis=0) - np.float32(radius), np.abs(p[2]) - np.float32(half))


def _bracket(p):
    upright = _moved(sdf.box((0.12, 0.5, 0.45)), (-0.68, 0, 0.33))(p)
    rib = _moved(sdf.box((0.2, 0.08, 0.2)), (-0.4, 0.2, 0.1))(p)
    hole = _moved(sdf.cylinder(0.15, 1.0), (0.4, 0.15, 0))(p)
    plate = np.maximum(sdf.box((0.8, 0.5, 0.12))(p), -hole)
    return np.minimum(np.minimum(plate, upright), rib)


SHAPES = {
    "bracket": Solid(_bracket, (0.85, 0.55, 0.85)),
    "box": Solid(sdf.box((0.8, 0.5, 0.3)), (0.85, 0.55, 0.35)),
    "notched cone": Solid(
        _less(sdf.frustum(0.7, 0.25, 0.6), _moved(sdf.box((0.3, 0.15, 0.3)), (0.6, 0, -0.5))), (0.75, 0.75, 0.65)
    ),
    "nut": Solid(_less(_hexagon(0.7, 0.3), sdf.cylinder(0.4, 1.0)), (0.85, 0.85, 0.35)),
    "ball": Solid(sdf.sphere(0.8), (0.85, 0.85, 0.85)),
}
SYMMETRIC = ("box", "nut", "ball")  # registered up to their symmetry


def descriptors_of(xyz: np.ndarray, normals: np.ndarray, radii: tuple[float, ...]) -> np.ndarray:
    """(N, 2 * BINS * radii) float32: how the normals nearby stand to the point's own, and to the way there."""
    tree, found = cKDTree(xyz), []
    for radius in radii:
        distance, near = tree.query(xyz, k=48, distance_upper_bound=radius)
        inside = np.isfinite(distance) & (distance > 0)
        near = np.where(inside, near, 0)
        way = (xyz[near] - xyz[:, None]) / np.where(inside, distance, 1)[..., None]
        for cosine in (np.einsum("ij,ikj->ik", normals, normals[near]), np.einsum("ij,ikj->ik", normals, way)):
            place = np.clip((cosine + 1) / 2 * (BINS - 1), 0, BINS - 1)
            bins = np.maximum(1 - np.abs(place[..., None] - np.arange(BINS)), 0) * inside[..., None]
            found.append(bins.sum(axis=1) / np.maximum(inside.sum(axis=1), 1)[:, None])
    return np.concatenate(found, axis=1).astype(np.float32)


def surface_of(xyz: np.ndarray, normals: np.ndarray, spacing: float) -> Surface:
    """A `Surface` of points and normals with descriptors of two radii."""
    xyz = xyz.astype(np.float64)
    size = float(np.linalg.norm(np.ptp(xyz, axis=0)))
    radii = (4 * spacing, 8 * spacing)
    return Surface(xyz, normals.astype(np.float32), descriptors_of(xyz, normals, radii), spacing, size)


def sampled(name: str, n: int, seed: int, *, eye=None, noise: float = 0.0, keep=None) -> Surface:
    """About n points of a shape; eye: only what a camera there sees of a convex shape; keep(xyz) -> bool, a part of it;
    noise: standard deviation along the normals, share of the size."""
    rng = np.random.default_rng(seed)
    found = sample_surface(SHAPES[name], n, rng, None if eye is None else Viewpoint(np.asarray(eye, float)))
    rows = np.ones(len(found), bool) if keep is None else keep(found.xyz)
    if eye is not None:
        rows &= np.einsum("ij,ij->i", np.asarray(eye) - found.xyz, found.normals) > 0
    xyz, normals = found.xyz[rows].astype(float), found.normals[rows]
    size = float(np.linalg.norm(np.ptp(found.xyz, axis=0)))
    xyz += normals * rng.normal(0, noise * size, len(xyz))[:, None]
    return surface_of(xyz, normals, found.spacing)


def brought(surface: Surface, pose: np.ndarray) -> Surface:
    """The surface in another pose."""
    return replace(surface, xyz=moved(pose, surface.xyz), normals=turned(pose, surface.normals))


def random_pose(seed: int, reach: float = 3.0) -> np.ndarray:
    """(4, 4) a proper rotation, all alike likely, and a shift."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    pose = np.eye(4)
    pose[:3, :3] = rotation * np.sign(np.linalg.det(rotation))
    pose[:3, 3] = rng.uniform(-reach, reach, 3)
    return pose
