"""Signed distance functions: primitives, what joins them, and what deforms them.

An `Sdf` takes points p (3, N) float32 (rows x, y, z) and returns (N,) float32, negative inside. Distances may be too
small in magnitude but never too large by more than a few percent: the sampler relies on it to find every surface.
Lengths are in units of a part of about [-1, 1]^3.
"""

from collections.abc import Callable
from functools import reduce

import numpy as np

Sdf = Callable[[np.ndarray], np.ndarray]


def length(*parts: np.ndarray) -> np.ndarray:
    """Euclidean length of coordinates given one array each."""
    total = parts[0] * parts[0]
    for part in parts[1:]:
        total = total + part * part
    return np.sqrt(total)


def sphere(radius: float) -> Sdf:
    """About the origin."""
    return lambda p: length(p[0], p[1], p[2]) - np.float32(radius)


def ellipsoid(radii) -> Sdf:
    """Bound of Quilez: k0 (k0 - 1) / k1, exact for a sphere."""
    r = np.asarray(radii, np.float32)[:, None]

    def f(p):
        k0, k1 = length(*(p / r)), length(*(p / (r * r)))
        return k0 * (k0 - 1) / np.maximum(k1, 1e-6)

    return f


def box(half, rounding: float = 0.0) -> Sdf:
    """About the origin; half: half sides along x, y, z; its edges rounded within them."""
    h = np.asarray(half, np.float32)[:, None] - np.float32(rounding)

    def f(p):
        q = np.abs(p) - h
        deepest = np.maximum(np.maximum(q[0], q[1]), q[2])
        return length(*np.maximum(q, 0)) + np.minimum(deepest, 0) - np.float32(rounding)

    return f


def _join_2d(a: np.ndarray, b: np.ndarray, rounding: float) -> np.ndarray:
    """Distance to the intersection of two perpendicular slabs with distances a and b, its edge rounded."""
    a, b = a + np.float32(rounding), b + np.float32(rounding)
    return length(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0) - np.float32(rounding)


def cylinder(radius: float, half: float, rounding: float = 0.0) -> Sdf:
    """Along z."""
    return lambda p: _join_2d(length(p[0], p[1]) - np.float32(radius), np.abs(p[2]) - np.float32(half), rounding)


def section(low: float, high: float, radius: float, chamfer: float = 0.0) -> Sdf:
    """A cylinder about z from low to high, both its edges cut at 45 degrees."""
    middle, half = np.float32((low + high) / 2), np.float32((high - low) / 2)
    edge = np.float32(radius - chamfer) + half

    def f(p):
        r, z = length(p[0], p[1]), np.abs(p[2] - middle)
        cut = (r + z - edge) * np.float32(np.sqrt(0.5))
        return np.maximum(_join_2d(r - np.float32(radius), z - half, 0.0), cut)

    return f


def frustum(bottom: float, top: float, half: float, rounding: float = 0.0) -> Sdf:
    """Cone along z with radius `bottom` at -half and `top` at +half."""
    slope = (top - bottom) / (2 * half)
    shrink = np.float32(1 / np.hypot(1, slope))

    def f(p):
        side = (length(p[0], p[1]) - (np.float32((bottom + top) / 2) + np.float32(slope) * p[2])) * shrink
        return _join_2d(side, np.abs(p[2]) - np.float32(half), rounding)

    return f


def torus(ring: float, tube: float) -> Sdf:
    """About z: a tube of that radius along a ring of that radius."""
    return lambda p: length(length(p[0], p[1]) - np.float32(ring), p[2]) - np.float32(tube)


def capsule(start, end, radius_start: float, radius_end: float | None = None) -> Sdf:
    """Segment with a radius that runs linearly from start to end."""
    a, d = np.asarray(start, np.float32)[:, None], np.asarray(end, np.float32) - np.asarray(start, np.float32)
    r0, r1 = np.float32(radius_start), np.float32(radius_start if radius_end is None else radius_end)
    scale = np.float32(1 / max(float(d @ d), 1e-9))

    def f(p):
        t = np.clip((d @ (p - a)) * scale, 0, 1)
        q = p - a - d[:, None] * t
        return length(*q) - (r0 + (r1 - r0) * t)

    return f


def tube(path, radius) -> Sdf:
    """Capsules along path (K, 3); radius is one number or (K,)."""
    path = np.asarray(path, float)
    radius = np.broadcast_to(radius, len(path))
    return union(*(capsule(path[i], path[i + 1], radius[i], radius[i + 1]) for i in range(len(path) - 1)))


def superellipsoid(radii, e1: float, e2: float) -> Sdf:
    """Squareness e1 (up and down) and e2 (around), 0.2 boxy .. 1 round; scaled by the gradient to about a distance."""
    r = np.asarray(radii, np.float32)[:, None]
    a, b = np.float32(2 / e2), np.float32(2 / e1)
    smallest = np.float32(np.min(radii))

    def f(p):
        q = np.abs(p / r) + np.float32(1e-6)
        around = (q[0] ** a + q[1] ** a) ** (b / a)
        return ((around + q[2] ** b) ** (1 / b) - 1) * smallest * np.float32(0.85)

    return f


def halfspace(normal, offset: float) -> Sdf:
    """Everything below the plane normal . p = offset."""
    n = np.asarray(normal, np.float32) / np.float32(np.linalg.norm(normal))
    return lambda p: n @ p - np.float32(offset)


def extrude(profile, half: float, rounding: float = 0.0) -> Sdf:
    """profile(x, y) along z."""
    return lambda p: _join_2d(profile(p[0], p[1]), np.abs(p[2]) - np.float32(half), rounding)


def column(profile) -> Sdf:
    """profile(x, y), endless along z: what an engraving uses."""
    return lambda p: profile(p[0], p[1])


def revolve(profile) -> Sdf:
    """profile(r, z) about z."""
    return lambda p: profile(length(p[0], p[1]), p[2])


def union(*shapes: Sdf) -> Sdf:
    """What lies in any of the shapes."""
    return lambda p: reduce(np.minimum, (shape(p) for shape in shapes))


def smooth_min(a: np.ndarray, b: np.ndarray, k: float) -> np.ndarray:
    """Polynomial smooth minimum with blending width k."""
    h = np.maximum(np.float32(k) - np.abs(a - b), 0)
    return np.minimum(a, b) - h * h * np.float32(0.25 / k)


def blend(k: float, *shapes: Sdf) -> Sdf:
    """Union with fillets of about k."""
    return lambda p: reduce(lambda a, b: smooth_min(a, b, k), (shape(p) for shape in shapes))


def subtract(shape: Sdf, *tools: Sdf, k: float = 0.0) -> Sdf:
    """The shape without the tools, edges rounded by k."""

    def f(p):
        out = shape(p)
        for tool in tools:
            cut = -tool(p)
            out = -smooth_min(-out, -cut, k) if k else np.maximum(out, cut)
        return out

    return f


def intersect(*shapes: Sdf) -> Sdf:
    """What lies in all of the shapes."""
    return lambda p: reduce(np.maximum, (shape(p) for shape in shapes))


def shell(shape: Sdf, thickness: float) -> Sdf:
    """The outer skin of a shape, `thickness` deep."""

    def f(p):
        d = shape(p)
        return np.maximum(d, -(d + np.float32(thickness)))

    return f


def grow(shape: Sdf, by: float) -> Sdf:
    """The shape with its surface moved outwards."""
    return lambda p: shape(p) - np.float32(by)


def engrave(shape: Sdf, where: Sdf, depth: float, k: float = 0.0) -> Sdf:
    """Sink the surface by `depth` where `where` is negative; walls are crisp, or rounded by k."""

    def f(p):
        d = shape(p)
        removed = np.maximum(where(p), -d - np.float32(depth))
        return -smooth_min(-d, removed, k) if k else np.maximum(d, -removed)

    return f


def emboss(shape: Sdf, where: Sdf, height: float, k: float = 0.0) -> Sdf:
    """Raise the surface by `height` where `where` is negative."""

    def f(p):
        d = shape(p)
        added = np.maximum(where(p), d - np.float32(height))
        return smooth_min(d, added, k) if k else np.minimum(d, added)

    return f
