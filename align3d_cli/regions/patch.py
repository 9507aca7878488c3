"""The surface near the points above the level, as a graph whose links stay on the surface."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from align3d_cli.clouds.normals import estimate_normals
from align3d_cli.clouds.voxels import bounds, cells_of

NEIGHBOURS = 12  # of a point that it can be linked to: two rings on a grid
SIXTH = 0.745  # times the distance to the sixth neighbour is density ** -0.5, at random and on a grid, within 5 %
REACH = 1.75  # times that: closer points of a surface are neighbours. On a grid all eight around a point
UNEVEN = (0.5, 2.0)  # bounds of a point's own distance, times the scan's
OFF_SURFACE = 0.5  # of a link's length along the normals: steeper than 30 degrees, it leads through a wall
OPPOSITE = -0.3  # cosine of the directions that two points are seen from: front and back of a wall
NORMAL_POINTS = 16  # neighbours for a normal, within 3 distances; more round off the flanks of scratches
STEPS = 3  # cells that a margin is wide: finer ones take less beyond it along
FINEST = 128  # cells along the longest side of the grid that points near others are found with, 2 MB


@dataclass(frozen=True, slots=True)
class Patch:
    """P points of a scan and how they hang together.

    rows:    (P,) int64, of the scan
    xyz:     (P, 3) float64; normals: (P, 3) float64, of either sign
    outward: (P, 3) float64 unit vectors to where the point is seen from, 0 where that is not known
    apart:   (P,) float64, density ** -0.5 about each point
    graph:   (P, P) sparse, lengths of links; symmetric
    """

    rows: np.ndarray
    xyz: np.ndarray
    normals: np.ndarray
    outward: np.ndarray
    apart: np.ndarray
    graph: Any


def near(xyz: np.ndarray, group: np.ndarray, margin: float) -> np.ndarray:
    """Rows of the points within `margin` of a group of rows, and of some beyond.

    xyz: (N, 3) finite; group: (K,) int64
    """
    from scipy import ndimage

    low, high = bounds(xyz[group])
    boxed = np.ones(len(xyz), bool)
    for i in range(3):
        boxed &= (xyz[:, i] >= low[i] - margin) & (xyz[:, i] <= high[i] + margin)
    rows = np.flatnonzero(boxed)
    flat, shape = cells_of(xyz[rows], max(margin / STEPS, float((high - low).max()) / FINEST))
    cells = np.zeros(int(np.prod(shape)), bool)
    cells[flat[np.searchsorted(rows, group)]] = True
    wide = ndimage.binary_dilation(cells.reshape(shape), np.ones((3, 3, 3), bool), iterations=STEPS)
    return rows[wide.ravel()[flat]]


def patch_of(xyz: np.ndarray, rows: np.ndarray, outward: np.ndarray | None, apart: float) -> Patch:
    """The points `rows` (P,) of a scan as a surface.

    xyz: (N, 3) finite; outward: (N, 3) unit vectors or 0, None where none is known; apart: density ** -0.5
    """
    from scipy.spatial import cKDTree

    here = np.ascontiguousarray(xyz[rows])
    seen = np.zeros_like(here) if outward is None else outward[rows]
    tree = cKDTree(here, balanced_tree=False, compact_nodes=False)
    k = min(NEIGHBOURS + 1, len(here))
    distance, neighbour = tree.query(here, k=k, workers=-1)
    sixth = distance[:, min(6, k - 1)]
    own = np.clip(SIXTH * sixth, UNEVEN[0] * apart, UNEVEN[1] * apart)
    normals = estimate_normals(here, NORMAL_POINTS, 3 * apart).astype(np.float64)
    start, end = np.repeat(np.arange(len(here)), k - 1), neighbour[:, 1:].ravel()
    length = distance[:, 1:].ravel()
    close = length <= REACH * own[start]
    start, end, length = start[close], end[close], length[close]
    step = here[end] - here[start]
    kept = _along_surface(step, length, normals[start], normals[end])
    kept &= np.einsum("ij,ij->i", seen[start], seen[end]) > OPPOSITE
    graph = _symmetric(start[kept], end[kept], length[kept], len(here))
    return Patch(rows, here, normals, seen, own, graph)


def _along_surface(step: np.ndarray, length: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(L,) bool: links that run along the surface by the normals at both ends, on average."""
    off = np.abs(np.einsum("ij,ij->i", step, one)) + np.abs(np.einsum("ij,ij->i", step, other))
    return off <= 2 * OFF_SURFACE * length


def _symmetric(start: np.ndarray, end: np.ndarray, length: np.ndarray, n: int) -> Any:
    from scipy.sparse import coo_array

    length = np.maximum(length, np.finfo(float).tiny)  # a sparse matrix has no link of length 0
    one = coo_array((length, (start, end)), shape=(n, n)).tocsr()
    return one.maximum(one.T).tocsr()
