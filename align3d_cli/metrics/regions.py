"""Connected defect regions of a labelled scan, over which AUPRO is a mean.

Organised scans: the 8-connected components of the ground truth, as the official scripts of MVTec 3D-AD find them with
scipy.ndimage.label and a full 3 x 3 structure. Unordered clouds: components by distance, see `regions_points`.
"""

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

NEIGHBOURS = 8  # of a point for the mean spacing, as many as a pixel has
RADIUS_FACTOR = 2.5  # labelled points closer than this many mean k-NN distances are one region


def regions(xyz: np.ndarray, measured: np.ndarray, defect: np.ndarray, grid: tuple[int, int] | None) -> np.ndarray:
    """Number the defect regions of a scan.

    xyz: (N, 3) float; measured: (N,) bool, rows of xyz that are measurements; defect: (N,) bool; grid: (H, W) or None
    Returns (N,) int32, 0 where no region is. Pixels of a grid hang together across those that are not measured.
    """
    if grid:
        return regions_organised(defect.reshape(grid)).ravel()
    region = np.zeros(len(xyz), np.int32)
    region[measured] = regions_points(xyz[measured], defect[measured])
    return region


def regions_organised(defect: np.ndarray) -> np.ndarray:
    """(H, W) bool -> (H, W) int32, number of the 8-connected region of each defective pixel, 0 elsewhere."""
    return ndimage.label(defect, structure=np.ones((3, 3), int))[0].astype(np.int32)


def regions_points(xyz: np.ndarray, defect: np.ndarray) -> np.ndarray:
    """Number the defect regions of an unordered cloud, for which the official definition has no word.

    xyz: (N, 3) float, finite where defect; defect: (N,) bool
    Two labelled points are neighbours when closer than RADIUS_FACTOR times the mean distance of the labelled points to
    their NEIGHBOURS nearest points of the cloud. Points on top of each other count once.
    Returns (N,) int32, 0 for normal points.
    """
    region = np.zeros(len(xyz), np.int32)
    rows = np.flatnonzero(defect)
    if len(rows):
        places, place_of_row = np.unique(xyz[rows], axis=0, return_inverse=True)
        radius = RADIUS_FACTOR * _spacing(xyz, places, repeated=len(places) < len(rows))
        region[rows] = _linked(places, radius)[place_of_row.ravel()] + 1
    return region


def _spacing(xyz: np.ndarray, places: np.ndarray, *, repeated: bool) -> float:
    """Mean distance in the cloud's unit from `places` (P, 3) to their nearest other points; 0.0 when there are none."""
    cloud = xyz[np.isfinite(xyz).all(axis=1)]
    if repeated:
        cloud = np.unique(cloud, axis=0)
    k = min(NEIGHBOURS + 1, len(cloud))  # the first neighbour is the point itself
    distance = cKDTree(cloud).query(places, k=k)[0].reshape(len(places), k)
    apart = distance[distance > 0]
    return float(apart.mean()) if apart.size else 0.0


def _linked(places: np.ndarray, radius: float) -> np.ndarray:
    """(P, 3) places -> (P,) int, component of each in the graph of pairs no further apart than `radius`."""
    pairs = cKDTree(places).query_pairs(radius, output_type="ndarray")
    ones = np.ones(len(pairs), np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(places), len(places)))
    return connected_components(graph, directed=False)[1]
