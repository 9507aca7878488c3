"""Design features that look like defects and are not: drilled holes, writing, seams, grooves, dimples, ribs."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.sdf import Sdf


def chance(rng: np.random.Generator, p: float) -> bool:
    """True with probability p."""
    return bool(rng.random() < p)


def pick(rng: np.random.Generator, *options):
    """One of the options, all alike likely."""
    return options[rng.integers(len(options))]


def proportion(rng: np.random.Generator, low: float, high: float) -> float:
    """A positive factor between low and high, its logarithm even: slim parts are as frequent as thick ones."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def outline(rng: np.random.Generator, radius: float) -> np.ndarray:
    """A closed outline (K, 2) of some kind, about `radius` in size."""
    kind = rng.integers(7)
    if kind == 0:
        return outlines.regular(int(rng.integers(3, 9)), radius)
    if kind == 1:
        return outlines.regular(int(rng.integers(4, 9)), radius, rng.uniform(0.45, 0.85))
    if kind == 2:
        return outlines.gear(int(rng.integers(8, 24)), radius, radius * rng.uniform(0.08, 0.25), rng.uniform(0.2, 0.7))
    if kind == 3:
        return outlines.smooth_loop(rng, radius * 0.8, rng.uniform(0.1, 0.5))
    corners = _rectilinear(rng) * radius
    return outlines.chaikin(corners, int(rng.integers(1, 4))) if kind == 4 else corners


def _rectilinear(rng: np.random.Generator) -> np.ndarray:
    """L, T, U, stepped and plain rectangles within [-1, 1]^2."""
    a, b = rng.uniform(0.25, 0.7, 2)
    h = rng.uniform(0.4, 1.0)
    shapes = (
        [(-1, -h), (1, -h), (1, h), (-1, h)],
        [(-1, -h), (1, -h), (1, -h + a * h), (-1 + 2 * b, -h + a * h), (-1 + 2 * b, h), (-1, h)],
        [(-1, h), (-1, h - a * h), (-b, h - a * h), (-b, -h), (b, -h), (b, h - a * h), (1, h - a * h), (1, h)],
        [(-1, -h), (1, -h), (1, h), (b, h), (b, -h + a * h), (-b, -h + a * h), (-b, h), (-1, h)],
        [(-1, -h), (1, -h), (1, 0), (b, 0), (b, h), (-1 + a, h), (-1, h - a * h)],
    )
    return np.array(pick(rng, *shapes), float)


def bolt_circle(rng: np.random.Generator, ring: float, hole: float, half: float) -> Sdf:
    """Holes (a tool to subtract) on a circle about z; some with counterbores at the top."""
    tool = sdf.cylinder(hole, 4 * half)
    if chance(rng, 0.4):
        bore = warp.move(sdf.cylinder(hole * rng.uniform(1.4, 1.9), half), (0, 0, half * rng.uniform(1.1, 1.7)))
        tool = sdf.union(tool, bore)
    elif chance(rng, 0.3):
        sink = warp.move(sdf.frustum(hole, hole * 2.6, 0.8 * hole), (0, 0, half - 0.7 * hole))
        tool = sdf.union(tool, sink)
    return warp.ring(warp.move(tool, (ring, 0, 0)), int(rng.integers(3, 9)), rng.uniform(0, 1))


def corner_holes(at: float, radius: float) -> Sdf:
    """Four holes (a tool to subtract) at x, y = +-at."""
    return warp.mirror(warp.mirror(warp.move(sdf.cylinder(radius, 1), (at, at, 0)), 0), 1)


def hole_grid(rng: np.random.Generator, half_x: float, half_y: float, depth: float) -> Sdf:
    """A regular field of round or slotted holes (a tool), endless along z by default depth."""
    counts = (int(rng.integers(2, 8)), int(rng.integers(1, 6)), 1)
    pitch = (2 * half_x / counts[0], 2 * half_y / counts[1], 1)
    size = 0.5 * min(pitch[:2]) * rng.uniform(0.35, 0.75)
    if chance(rng, 0.5):
        shape = sdf.cylinder(size, depth)
    else:
        shape = sdf.extrude(outlines.rectangle(0.38 * pitch[0], min(size, 0.38 * pitch[1]), 0.2 * size), depth)
    return warp.grid(shape, pitch, counts)


def writing(rng: np.random.Generator, height: float, letters: int | None = None) -> Sdf:
    """A mask of letters in the xy plane, endless along z."""
    letters = int(rng.integers(2, 7)) if letters is None else letters
    return sdf.column(outlines.strokes(outlines.writing(rng, letters, height), height * rng.uniform(0.05, 0.1)))


def above(mask: Sdf, z: float = 0.0) -> Sdf:
    """The part of a mask with z above a level: writing on one face only."""
    return lambda p: np.maximum(mask(p), np.float32(z) - p[2])


def marked(rng: np.random.Generator, shape: Sdf, mask: Sdf, depth: float) -> Sdf:
    """Engrave or emboss a mask, crisp or rounded."""
    k = depth * rng.uniform(0.3, 1.0) if chance(rng, 0.5) else 0.0
    return sdf.engrave(shape, mask, depth, k) if chance(rng, 0.5) else sdf.emboss(shape, mask, depth, k)


def bands(rng: np.random.Generator, low: float, high: float, axis: int = 2) -> Sdf:
    """A mask of rings: slabs across an axis at regular or irregular heights."""
    if chance(rng, 0.5):
        pitch = (high - low) / rng.integers(4, 16)
        width, middle = float(pitch * rng.uniform(0.15, 0.3)), (low + high) / 2
        edge = (high - low) / 2

        def regular(p):
            z = p[axis] - np.float32(middle)
            wave = np.abs(z - np.float32(pitch) * np.round(z / np.float32(pitch))) - np.float32(width)
            return np.maximum(wave, np.abs(z) - np.float32(edge))

        return regular
    places = rng.uniform(low, high, rng.integers(1, 4))
    width = (high - low) * rng.uniform(0.008, 0.04)
    return lambda p: np.min([np.abs(p[axis] - np.float32(z)) for z in places], axis=0) - np.float32(width)


def flutes(rng: np.random.Generator, radius: float) -> Sdf:
    """A mask of regular stripes around z."""
    count = int(rng.integers(8, 48))
    width = np.float32(rng.uniform(0.2, 0.35))

    def f(p):
        turn = np.arctan2(p[1], p[0]) * np.float32(count / (2 * np.pi))
        return (np.abs(turn - np.round(turn)) - width) * np.float32(2 * np.pi * radius / count)

    return f


def knurl(radius: float, count: int, depth: float) -> Sdf:
    """Depth field of crossed helices, to be added to a distance (not a mask)."""

    def f(p):
        turn = np.arctan2(p[1], p[0]) * np.float32(count)
        z = p[2] * np.float32(count / radius)
        return np.float32(depth) * (np.abs(np.sin((turn + z) / 2)) + np.abs(np.sin((turn - z) / 2)) - 1)

    return f


def with_field(shape: Sdf, field) -> Sdf:
    """A shape whose surface is moved inward by field(p)."""
    return lambda p: (shape(p) + field(p)) * np.float32(0.8)


def between(field, low: float, high: float):
    """A field that acts only between two heights."""
    return lambda p: field(p) * ((p[2] > np.float32(low)) & (p[2] < np.float32(high)))


def sphere_directions(count: int) -> np.ndarray:
    """Near-uniform unit vectors (count, 3): Fibonacci lattice."""
    i = np.arange(count) + 0.5
    z, turn = 1 - 2 * i / count, i * np.pi * (3 - np.sqrt(5))
    r = np.sqrt(1 - z * z)
    return np.stack((r * np.cos(turn), r * np.sin(turn), z), axis=1)


def nearest_direction(directions: np.ndarray) -> Sdf:
    """Angle (radians) from p's direction to the nearest of the given ones."""
    d = directions.astype(np.float32)

    def f(p):
        unit = p / np.maximum(sdf.length(*p), 1e-6)
        return np.arccos(np.clip((d @ unit).max(axis=0), -1, 1))

    return f
