"""Cells of a grid over a cloud: its connected parts, as DBSCAN finds them, and thinner copies of it."""

import math

import numpy as np

from align3d_cli.clouds.sample import hash_order

DENSE = 4_000_000  # cells of a grid that is held whole, 16 MB of labels; of larger ones only the cells with points
FARTHEST = 2**40  # cells from the first; beyond 2**21 a key can be that of another cell too, which chance alone meets
STEPS = np.array([1 << 42, 1 << 21, 1])  # of a key from cell to cell along x, y and z
NEIGHBOURHOOD = np.ones((3, 3, 3), bool)
HALF_OF_26 = [(x, y, z) for x in (0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) > (0, 0, 0)]


def bounds(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest (3,) of (N, 3); column by column, which numpy does ten times as fast as axis 0."""
    columns = [xyz[:, i] for i in range(3)]
    return np.array([c.min() for c in columns]), np.array([c.max() for c in columns])


def cells_of(xyz: np.ndarray, cell: float) -> tuple[np.ndarray, tuple[int, int, int]]:
    """(N,) int64 flat cell index of every point, and the grid's shape.

    xyz: (N, 3) finite, not so far apart that the grid has more than 2**62 cells
    """
    low, high = bounds(xyz)
    nx, ny, nz = (int(n) for n in np.floor((high - low) / cell) + 1)
    shape = (nx, ny, nz)
    flat = np.zeros(len(xyz), np.int64)
    for i in range(3):
        flat *= shape[i]
        flat += np.minimum((xyz[:, i] - low[i]) / cell, shape[i] - 1).astype(np.int64)
    return flat, shape


def cell_keys(xyz: np.ndarray, cell: float) -> np.ndarray:
    """(N,) int64, equal for points of one cubic cell, rising with x, y, z: for grids too fine for cells_of.

    xyz: (N, 3) finite
    """
    places = np.minimum((xyz - bounds(xyz)[0]) / cell, FARTHEST).astype(np.int64)
    return places @ STEPS


def thinned(xyz: np.ndarray, cell: float) -> np.ndarray:
    """One point of every cell that holds one, whatever their order: (N, 3) finite -> (M, 3)."""
    rows = hash_order(xyz)
    return xyz[np.sort(rows[np.unique(cell_keys(xyz[rows], cell), return_index=True)[1]])]


def distinct(xyz: np.ndarray) -> np.ndarray:
    """One point of every place: (N, 3) finite -> (M, 3). Looks at one mixture of the columns, so costs one sort."""
    mixture = xyz[:, 0] + math.sqrt(2) * xyz[:, 1] + math.sqrt(3) * xyz[:, 2]
    ordered = np.sort(mixture)
    if (ordered[1:] != ordered[:-1]).all():
        return xyz
    return xyz[np.sort(np.unique(mixture, return_index=True)[1])]


def components(xyz: np.ndarray, cell: float, *, least: int = 1) -> np.ndarray:
    """(N,) int label of the connected part each point is in, counted from 1; 0 for points of no part.

    xyz:   (N, 3) finite
    cell:  points in touching cells (26 neighbours) are connected
    least: cells with fewer points among themselves and their neighbours connect nothing; as in DBSCAN,
           their points belong to a part that touches them
    """
    if not len(xyz):
        return np.empty(0, np.int64)
    low, high = bounds(xyz)
    whole = np.prod(np.floor((high - low) / cell) + 1) <= DENSE
    return _in_whole_grid(xyz, cell, least) if whole else _in_occupied_cells(xyz, cell, least)


def _in_whole_grid(xyz: np.ndarray, cell: float, least: int) -> np.ndarray:
    """`components` by pictures of the grid."""
    from scipy import ndimage

    flat, shape = cells_of(xyz, cell)
    counts = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
    if least <= 1:
        return ndimage.label(counts > 0, NEIGHBOURHOOD)[0].ravel()[flat].astype(np.int64)
    around = counts
    for axis in range(3):  # a box sum, one axis at a time
        around = ndimage.correlate1d(around, [1, 1, 1], axis=axis, mode="constant")
    labels, _ = ndimage.label((counts > 0) & (around >= least), NEIGHBOURHOOD)
    touching = ndimage.maximum_filter(labels, 3, mode="constant")
    return np.where(labels > 0, labels, touching).ravel()[flat].astype(np.int64)


def _in_occupied_cells(xyz: np.ndarray, cell: float, least: int) -> np.ndarray:
    """`components` by a list of the cells that hold points, for grids of any size."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    keys, cell_of, counts = np.unique(cell_keys(xyz, cell), return_inverse=True, return_counts=True)
    pairs = [_pairs(keys, step) for step in np.array(HALF_OF_26) @ STEPS]
    here, there = (np.concatenate(side) for side in zip(*pairs, strict=True))
    around = counts + np.bincount(here, counts[there], len(keys)) + np.bincount(there, counts[here], len(keys))
    core = around >= least
    joined = core[here] & core[there]
    links = coo_array((np.ones(joined.sum(), bool), (here[joined], there[joined])), shape=(len(keys),) * 2)
    labels = np.zeros(len(keys), np.int64)
    labels[core] = np.unique(connected_components(links, directed=False)[1][core], return_inverse=True)[1] + 1
    touching = labels.copy()
    np.maximum.at(touching, here, labels[there])
    np.maximum.at(touching, there, labels[here])
    return np.where(labels > 0, labels, touching)[cell_of.ravel()]


def _pairs(keys: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of rising keys, and the rows of those `step` further, where both are there."""
    at = np.minimum(np.searchsorted(keys, keys + step), len(keys) - 1)
    here = np.flatnonzero(keys[at] == keys + step)
    return here, at[here]


def largest(labels: np.ndarray) -> np.ndarray:
    """(N,) bool, the points of the part with the most points; label 0 is no part."""
    sizes = np.bincount(labels, minlength=1)
    sizes[0] = 0
    return (labels == sizes.argmax()) & (labels > 0)
