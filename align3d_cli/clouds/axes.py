"""Axes that a part carries with it: the same ones however it was turned, ordered or sampled."""

import numpy as np
from scipy.spatial import cKDTree

LOOKED_AT = 20_000  # points; their neighbours take 30 ms, and the axes of a part stand still to a degree
NEIGHBOURS = 8  # behind the area that a point stands for; fewer are noise, more blur edges
FLAT = 1e-60  # squared length below which a side has no tail; its cube is still a number
LARGEST = 9.0  # a point's area, in medians: strays stand for no more surface than this


def principal_axes(xyz: np.ndarray) -> np.ndarray:
    """(3, 3) rotation, rows the longest, middle and shortest axis of the surface, each towards its heavier tail.

    xyz: (N, 3) float64, finite, N >= 1
    Every point counts with the area it stands for, so that a side scanned twice as densely weighs no more. The two
    directions with the most uneven tails are kept, the third completes a right-handed frame. Axes of equal length and
    directions of symmetry are left to what little the points tell of them.
    """
    sample = some_by_radius(xyz, LOOKED_AT)
    weight = areas(sample)
    weight /= weight.sum()
    centred = sample - weight @ sample
    axes = np.linalg.eigh((centred * weight[:, None]).T @ centred)[1].T[::-1]
    along = centred @ axes.T
    spread = np.sqrt(np.maximum(weight @ along**2, FLAT))
    tail = weight @ along**3 / spread**3
    axes = axes * np.where(tail < 0, -1.0, 1.0)[:, None]
    if np.linalg.det(axes) < 0:
        axes[np.abs(tail).argmin()] *= -1
    return axes


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
