"""How far apart neighbouring points of a scan are."""

import numpy as np

from align3d_cli.clouds.sample import some_points
from align3d_cli.clouds.voxels import bounds, cells_of

QUERIES = 2000  # points asked for their neighbour; the median of 2000 is good to 2 %
SMALL = 100_000  # up to this a tree over all points costs 20 ms
BOXES_PER_SIDE = 40  # a surface fills about 6000 of these boxes


def point_spacing(xyz: np.ndarray) -> float:
    """Median distance of a point to its nearest other point, from a subsample.

    xyz: (N, 3) finite. Copies of a point at the same place do not count as neighbours. 0.0 when all coincide.
    """
    from scipy.spatial import cKDTree

    if len(xyz) < 2:
        return 0.0
    low, high = bounds(xyz)
    if (low == high).all():
        return 0.0
    near = xyz if len(xyz) <= SMALL else xyz[_some_boxes(xyz)]
    tree = cKDTree(near, balanced_tree=False, compact_nodes=False)
    distances = tree.query(some_points(near, QUERIES), k=min(4, len(near)))[0][:, 1:]
    distances = np.where(distances > 0, distances, np.inf).min(axis=1)
    distances = distances[np.isfinite(distances)]
    return float(np.median(distances)) if len(distances) else 0.0


def _some_boxes(xyz: np.ndarray) -> np.ndarray:
    """(N,) bool: all points of some boxes, so that neighbours stay together; boxes drawn until SMALL points are in."""
    low, high = bounds(xyz)
    box, _ = cells_of(xyz, (high - low).max() / BOXES_PER_SIDE)
    counts = np.bincount(box)
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(counts))
    enough = np.searchsorted(np.cumsum(counts[drawn]), SMALL) + 1
    chosen = np.zeros(len(counts), bool)
    chosen[drawn[:enough]] = True
    return chosen[box]
