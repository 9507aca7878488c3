"""Axes that a part carries with it: the same ones however it was turned, ordered or sampled."""

import numpy as np
from scipy.spatial import cKDTree

LOOKED_AT = 20_000  # points; their neighbours take 30 ms, and the axes of a part stand still to a degree
NEIGHBOURS = 24  # behind the area that a point stands for; fewer are noise, more blur edges
ROUND = 0.02  # of the larger variance: axes that differ by less leave their angle to noise
SIDES = range(3, 7)  # of bars
FACETED = 0.04  # mean of cos(k angle) of a bar with k sides, more than noise makes
FLAT = 1e-60  # squared length below which a side has no tail; its cube is still a number
LARGEST = 9.0  # a point's area, in medians: strays stand for no more surface than this


def principal_axes(xyz: np.ndarray) -> np.ndarray:
    """(3, 3) rotation, rows the longest, middle and shortest axis of the surface, each towards its heavier tail.

    xyz: (N, 3) float64, finite, N >= 1
    Every point counts with the area it stands for, so that a side scanned twice as densely weighs no more. The two
    directions with the most uneven tails are kept, the third completes a right-handed frame. Of a part that is as wide
    as it is thick (a shaft, a disc, a square bar) see `turned_to_a_side`. Balls and directions of symmetry are left to
    what little the points tell of them.
    """
    sample = some_by_radius(xyz, LOOKED_AT)
    weight = areas(sample)
    weight /= weight.sum()
    centred = sample - weight @ sample
    variance, axes = np.linalg.eigh((centred * weight[:, None]).T @ centred)
    variance, axes = variance[::-1], axes.T[::-1].copy()
    alike = 1 - variance[1:] / np.maximum(variance[:-1], FLAT) < ROUND
    pair = [[0, 1], [1, 2]][int(alike[1])] if alike[0] != alike[1] else []
    if pair:
        axes[pair] = turned_to_a_side(axes[pair], centred @ axes.T, pair, weight)
    along = centred @ axes.T
    spread = np.sqrt(np.maximum(weight @ along**2, FLAT))
    tail = weight @ along**3 / spread**3
    tail[pair[:1]] = np.inf  # it points where it should
    tail[pair[1:]] = 0
    axes = axes * np.where(tail < 0, -1.0, 1.0)[:, None]
    if np.linalg.det(axes) < 0:
        axes[np.abs(tail).argmin()] *= -1
    return axes


def turned_to_a_side(two: np.ndarray, along: np.ndarray, pair: list[int], weight: np.ndarray) -> np.ndarray:
    """(2, 3) axes across a round part's own: the first towards its heavier side, or the side of a bar next to that.

    two: (2, 3), any across it; along: (N, 3) points in axes of which `pair` are these two; weight: (N,)
    The heavier side is where the surface lies around the axis, far from the middle of its length more than near. How
    the points are drawn moves that less than the moments by which the axes of other parts are told.
    """
    across = along[:, pair] @ np.array([1, 1j])
    height = along[:, ({0, 1, 2} - set(pair)).pop()]
    radius = np.abs(across)
    direction = np.divide(across, radius, out=np.zeros_like(across), where=radius > 0)
    width, length = np.sqrt(max(weight @ radius**2, FLAT)), np.sqrt(max(weight @ height**2, FLAT))
    angle = float(np.angle(weight @ (direction + across / width * (height / length) ** 2)))
    sides = {k: complex(weight @ direction**k) for k in SIDES}
    k = max(sides, key=lambda k: abs(sides[k]))
    if abs(sides[k]) > FACETED:
        first, step = float(np.angle(sides[k])) / k, 2 * np.pi / k
        angle = first + round((angle - first) / step) * step
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) @ two


def some_by_radius(xyz: np.ndarray, n: int) -> np.ndarray:
    """(M, 3) points, M <= n, that are evenly spread over the distances from the middle: the same ones after a turn."""
    if len(xyz) <= n:
        return xyz
    away = ((xyz - xyz.mean(axis=0)) ** 2).sum(axis=1)
    return xyz[np.argsort(away)[:: -(-len(xyz) // n)]]


def areas(xyz: np.ndarray) -> np.ndarray:
    """(N,) surface that each of (N, 3) points stands for, up to a factor; 1 for all where most have copies."""
    k = min(NEIGHBOURS, len(xyz) - 1)
    if k < 1:
        return np.ones(len(xyz))
    area = cKDTree(xyz).query(xyz, k=[k + 1], workers=-1)[0][:, 0] ** 2
    typical = float(np.median(area))
    return np.clip(area, 0, LARGEST * typical) if typical > 0 else np.ones(len(xyz))
