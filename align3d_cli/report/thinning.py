"""Which points of a scan a page shows: evenly spread, none of the highest scores lost."""

import numpy as np

from align3d_cli.clouds.voxels import cell_keys

LONE_POINTS = 200_000  # of a page with one part, some 1.5 MB: as many as a picture of it has pixels
ALL_POINTS = 1_800_000  # of a page with many parts, some 20 MB, shared out evenly
FEWEST_POINTS = 6_000  # of each part, however many there are: a dent of a hundredth of the surface has 60
SIZING_POINTS = 200_000  # enough to find the cell size; the cells themselves are filled from all points


def points_each(parts: int) -> int:
    """How many points of each part a page shows at most, by the number of its parts."""
    return min(LONE_POINTS, max(FEWEST_POINTS, ALL_POINTS // max(parts, 1)))


def thin(xyz: np.ndarray, scores: np.ndarray, limit: int) -> np.ndarray:
    """Rows of at most `limit` points, evenly spread: of every cubic cell the point with the highest score.

    xyz: (N, 3) float, finite; scores: (N,) float, NaN where unseen
    Returns (K,) int64 in rising order, K <= limit. A small defect is never thinned away.
    """
    if len(scores) <= limit:
        return np.arange(len(scores))
    worst_first = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
    cell = _cell_size(xyz[:: max(1, len(xyz) // SIZING_POINTS)], limit)
    while True:
        rows = worst_first[np.unique(cell_keys(xyz[worst_first], cell), return_index=True)[1]]
        if len(rows) <= limit:
            return np.sort(rows)
        cell *= 1.05


def _cell_size(xyz: np.ndarray, limit: int) -> float:
    """Edge of the cells that a surface fills about `limit` of; occupied cells fall with the square of the edge."""
    cell = float(np.ptp(xyz, axis=0).max()) / limit**0.5 + np.finfo(float).tiny
    for _ in range(4):
        cell *= (len(np.unique(cell_keys(xyz, cell))) / limit) ** 0.5
    return cell
