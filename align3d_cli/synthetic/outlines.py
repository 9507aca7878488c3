"""Plane outlines as distance look-ups: polygons, smooth closed curves, gears, strokes of writing."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike

Outline = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (x (N,), y (N,)) float32 -> (N,) float32, negative inside

RESOLUTION = 176  # grid cells a side; a look-up errs by less than 2e-5 of the side on arcs of the outline's size


def _segment_distance(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance of points (N,) to the nearest of segments a, b (K, 2)."""
    best = np.full(x.shape, np.inf, np.float32)
    for (ax, ay), (bx, by) in zip(a, b, strict=True):
        dx, dy = bx - ax, by - ay
        t = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
        ex, ey = x - ax - t * dx, y - ay - t * dy
        np.minimum(best, ex * ex + ey * ey, out=best)
    return np.sqrt(best)


def _crossings(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Even-odd rule: True where a ray to +x crosses the segments an odd number of times."""
    odd = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(a, b, strict=True):
        if ay != by:
            odd ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return odd


def _lookup(values: np.ndarray, origin: np.ndarray, step: float) -> Outline:
    """Bilinear look-up in values (R, R) [y, x]; beyond the grid the distance to the grid is added."""
    flat, side = values.ravel(), values.shape[0]
    top = np.float32(side - 1.001)

    def profile(x, y):
        u, v = (x - np.float32(origin[0])) / np.float32(step), (y - np.float32(origin[1])) / np.float32(step)
        uc, vc = np.clip(u, 0, top), np.clip(v, 0, top)
        i, j = uc.astype(np.int32), vc.astype(np.int32)
        a, b = uc - i, vc - j
        at = j * side + i
        low = flat[at] * (1 - a) + flat[at + 1] * a
        high = flat[at + side] * (1 - a) + flat[at + side + 1] * a
        beyond = np.hypot(u - uc, v - vc) * np.float32(step)
        return low * (1 - b) + high * b + beyond

    return profile


def _grid(points: np.ndarray, margin: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    step = float((high - low).max()) / (RESOLUTION - 1)
    axis = np.arange(RESOLUTION, dtype=np.float32) * np.float32(step)
    x, y = np.meshgrid(axis + np.float32(low[0]), axis + np.float32(low[1]))
    return x.ravel(), y.ravel(), low, step


def polygon(*given: ArrayLike) -> Outline:
    """Closed outlines (K, 2) each, combined by the even-odd rule (an outline inside another is a window)."""
    loops = [np.asarray(loop, np.float32) for loop in given]
    a, b = np.concatenate(loops), np.concatenate([np.roll(loop, -1, axis=0) for loop in loops])
    x, y, origin, step = _grid(a, 0.15)
    distance = _segment_distance(x, y, a, b)
    signed = np.where(_crossings(x, y, a, b), -distance, distance).astype(np.float32)
    return _lookup(signed.reshape(RESOLUTION, RESOLUTION), origin, step)


def strokes(given: Iterable[ArrayLike], width: float) -> Outline:
    """Lines of writing: polylines (K, 2) each, drawn with a round pen of half-width `width`."""
    lines = [np.asarray(line, np.float32) for line in given]
    a, b = np.concatenate([line[:-1] for line in lines]), np.concatenate([line[1:] for line in lines])
    x, y, origin, step = _grid(np.concatenate(lines), 3 * width)
    distance = _segment_distance(x, y, a, b) - np.float32(width)
    return _lookup(distance.reshape(RESOLUTION, RESOLUTION), origin, step)


def circle(radius: float) -> Outline:
    """A disc about the origin."""
    return lambda x, y: np.sqrt(x * x + y * y) - np.float32(radius)


def rectangle(half_x: float, half_y: float, rounding: float = 0.0) -> Outline:
    """A rectangle about the origin, its corners rounded."""

    def profile(x, y):
        a, b = np.abs(x) - np.float32(half_x - rounding), np.abs(y) - np.float32(half_y - rounding)
        outside = np.sqrt(np.maximum(a, 0) ** 2 + np.maximum(b, 0) ** 2)
        return outside + np.minimum(np.maximum(a, b), 0) - np.float32(rounding)

    return profile


def tapered(start: tuple[float, float], end: tuple[float, float], at_start: float, at_end: float) -> Outline:
    """A bar with round ends between two places, its half-width running from `at_start` to `at_end`."""
    (ax, ay), (dx, dy) = np.asarray(start, np.float32), np.subtract(end, start, dtype=np.float32)
    scale, widen = np.float32(1 / max(float(dx * dx + dy * dy), 1e-9)), np.float32(at_end - at_start)

    def profile(x, y):
        t = np.clip(((x - ax) * dx + (y - ay) * dy) * scale, 0, 1)
        return np.hypot(x - ax - t * dx, y - ay - t * dy) - np.float32(at_start) - t * widen

    return profile


def regular(sides: int, radius: float, star: float = 1.0) -> np.ndarray:
    """Outline of a regular polygon, or of a star whose inner corners are at star * radius. (K, 2)."""
    count = sides if star == 1.0 else 2 * sides
    angle = np.arange(count) * 2 * np.pi / count
    r = np.where(np.arange(count) % 2 == 0, radius, radius * star)
    return np.stack((r * np.cos(angle), r * np.sin(angle)), axis=1)


def gear(teeth: int, radius: float, depth: float, flank: float = 0.35) -> np.ndarray:
    """Outline with trapezoidal teeth. flank: share of a tooth's width that its tip has at least. (4 * teeth, 2)."""
    step = 2 * np.pi / teeth
    offsets = np.array((-0.30, -0.5 * flank * 0.6, 0.5 * flank * 0.6, 0.30)) * step
    angle = (np.arange(teeth)[:, None] * step + offsets).ravel()
    r = np.tile((radius - depth, radius, radius, radius - depth), teeth)
    return np.stack((r * np.cos(angle), r * np.sin(angle)), axis=1)


def smooth_loop(
    rng: np.random.Generator, radius: float, wobble: float, count: int = 48, harmonics: int = 5
) -> np.ndarray:
    """Closed curve r(angle) of a few random harmonics; wobble 0 is a circle. (count, 2)."""
    angle = np.arange(count) * 2 * np.pi / count
    r = np.ones(count)
    for k in range(2, 2 + harmonics):
        r += wobble * rng.normal() / k * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    r = np.clip(r, 0.35, 1.8) * radius
    return np.stack((r * np.cos(angle), r * np.sin(angle)), axis=1)


def chaikin(points: np.ndarray, rounds: int = 2, closed: bool = True) -> np.ndarray:
    """Corner cutting (Chaikin 1974): rounds the corners of an outline or a polyline."""
    points = np.asarray(points, float)
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0) if closed else points[1:]
        before = points if closed else points[:-1]
        cut = np.stack((0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after), axis=1).reshape(
            -1, points.shape[1]
        )
        points = cut if closed else np.concatenate((points[:1], cut, points[-1:]))
    return points


def writing(rng: np.random.Generator, letters: int, height: float) -> list[np.ndarray]:
    """Strokes like a line of letters, centred at the origin: 2 or 3 strokes each, between nodes of a 3 x 4 lattice."""
    lines = []
    pitch = 0.8 * height
    for i in range(letters):
        left = (i - (letters - 1) / 2) * pitch
        for _ in range(rng.integers(2, 4)):
            nodes = rng.integers(0, (3, 4), size=(rng.integers(2, 4), 2))
            nodes = nodes[np.concatenate(([True], np.any(np.diff(nodes, axis=0) != 0, axis=1)))]
            if len(nodes) < 2:
                continue
            line = (nodes / (2, 3) - 0.5) * (0.55 * height, height) + (left, 0)
            lines.append(chaikin(line, 2, closed=False) if rng.random() < 0.4 else line)
    return lines or [np.array([[-0.3 * height, 0], [0.3 * height, 0]])]
