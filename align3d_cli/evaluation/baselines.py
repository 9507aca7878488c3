"""Training-free geometry: how much the surface varies around a point. No model, no weights, no category knowledge.

Surface variation: Pauly, Gross, Kobbelt, "Efficient Simplification of Point-Sampled Surfaces", IEEE Visualization 2002,
section 2: the smallest eigenvalue of a neighbourhood's covariance over the sum of all three, 0 on a plane, 1/3 at most.
"""

import numpy as np
from scipy.spatial import cKDTree

from align3d_cli.clouds.eigen import smallest_eigenvalues
from align3d_cli.model.scoring import mean_of_highest
from align3d_cli.render.choose import spread_rows

SCALES = (16, 48)  # neighbours of the small and the large surroundings
MAX_POINTS = 60_000  # of a scan that are looked at themselves; the rest take their nearest one's score
TOP_SHARE = 0.005  # of the points, whose mean score is the scan's
CHUNK = 16_384  # points at a time: 19 MB of neighbours


def curvature(xyz: np.ndarray, scales: tuple[int, ...] = SCALES, max_points: int = MAX_POINTS) -> np.ndarray:
    """Multi-scale surface variation of every point, mean over the scales, times 3.

    xyz: (N, 3) float, finite. Returns (N,) float32 in [0, 1]; the scale of the scan does not matter.
    """
    rows = spread_rows(len(xyz), max_points)
    looked_at = np.ascontiguousarray(xyz[rows], np.float64)
    tree = cKDTree(looked_at)
    found = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), CHUNK):
        part = looked_at[start : start + CHUNK]
        near = tree.query(part, k=min(max(scales), len(rows)))[1].reshape(len(part), -1)
        away = looked_at[near] - part[:, None]
        found[start : start + CHUNK] = np.mean([surface_variation(away[:, :k]) for k in scales], axis=0)
    if len(rows) == len(xyz):
        return 3 * found
    return 3 * found[tree.query(xyz)[1]]


def surface_variation(neighbourhoods: np.ndarray) -> np.ndarray:
    """(N, K, 3) points around each of N places -> (N,) smallest eigenvalue of their covariance over the sum of all."""
    mean = neighbourhoods.mean(axis=1)
    second = np.matmul(neighbourhoods.transpose(0, 2, 1), neighbourhoods) / neighbourhoods.shape[1]
    covariance = second - mean[:, :, None] * mean[:, None, :]
    trace = np.trace(covariance, axis1=1, axis2=2)
    apart = trace > 0  # copies of one point have no surface
    share = covariance[apart] / trace[apart, None, None]
    found = np.zeros(len(covariance))
    found[apart] = np.clip(smallest_eigenvalues(share), 0.0, 1.0 / 3.0)
    return found


def top_mean(scores: np.ndarray) -> float:
    """Mean of the highest TOP_SHARE of the scores (N,), of one at least."""
    return mean_of_highest(scores, TOP_SHARE)
