"""Connected parts of a cloud, by cells of a grid: what DBSCAN does, at the cost of a histogram."""

import numpy as np

CELL_LIMIT = 16_000_000  # cells of the dense grid; 64 MB of labels
NEIGHBOURHOOD = np.ones((3, 3, 3), bool)


def cells_of(xyz: np.ndarray, cell: float) -> tuple[np.ndarray, tuple[int, int, int], float]:
    """Flat cell index of every point, the grid's shape and the cell size used.

    xyz: (N, 3) finite. The cell grows until the grid meets CELL_LIMIT.
    """
    low, high = xyz.min(axis=0), xyz.max(axis=0)
    while True:
        shape = tuple(int(n) for n in np.floor((high - low) / cell) + 1)
        if np.prod(np.array(shape, float)) <= CELL_LIMIT:
            break
        cell *= 1.25
    at = np.floor((xyz - low) / cell).astype(np.int64)
    return np.ravel_multi_index(tuple(at.T), shape), shape, cell


def components(xyz: np.ndarray, cell: float, *, least: int = 1) -> np.ndarray:
    """(N,) int label of the connected part each point is in, counted from 1; 0 for points of no part.

    xyz:   (N, 3) finite
    cell:  points in touching cells (26 neighbours) are connected
    least: cells with fewer points among themselves and their neighbours connect nothing; as in DBSCAN,
           their points belong to a part that touches them
    """
    from scipy import ndimage

    if not len(xyz):
        return np.empty(0, np.int64)
    flat, shape, _ = cells_of(xyz, cell)
    counts = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
    if least <= 1:
        return ndimage.label(counts > 0, NEIGHBOURHOOD)[0].ravel()[flat].astype(np.int64)
    around = counts
    for axis in range(3):  # a box sum, one axis at a time
        around = ndimage.correlate1d(around, [1, 1, 1], axis=axis, mode="constant")
    labels, _ = ndimage.label((counts > 0) & (around >= least), NEIGHBOURHOOD)
    touching = ndimage.maximum_filter(labels, 3, mode="constant")
    return np.where(labels > 0, labels, touching).ravel()[flat].astype(np.int64)


def largest(labels: np.ndarray) -> np.ndarray:
    """(N,) bool, the points of the part with the most points; label 0 is no part."""
    sizes = np.bincount(labels, minlength=1)
    sizes[0] = 0
    return (labels == sizes.argmax()) & (labels > 0)
