"""Points that fly about inside the box of an unordered scan: alone where all others stand close on a surface.

A sparse patch of surface is no such thing: its points lie in a sheet or a row and touch the dense part of it. What is
flying fills the room around the part instead. So points are judged together: either those far from their neighbours are
mostly loose in space and away from the surface, then all of them fly, or they are sparse surface and all stay.
"""

from collections.abc import Callable

import numpy as np

from align3d_cli.clouds.normals import smallest_axes
from align3d_cli.clouds.sample import hash_order, some_points
from align3d_cli.clouds.voxels import cell_keys, thinned

FINE = 170  # cells along a part: two pixels of a view. Closer points count as one, so copies and frames change nothing
NEIGHBOURS = 8
APART = 2.5  # times the usual distance to the eighth neighbour; on the chessman the loneliest of the surface has 1.9
SCREENED = 30_000  # points, drawn at random from larger clouds, that tell whether all have to be looked at: 40 ms
LOOKED_AT = 4096  # cells that tell whether there is anything to look for
SHARE = (0.001, 0.25)  # of the cells; fewer move no score, more are no accident
LEAST = 10  # cells; fewer are chance
# Measured on 150 real and generated scans, whole and thinned to 5000 and 1500 points, against five shapes with 1 to
# 20 % of flying points, on those far from their neighbours. Loose in space: 0.45 at most, but for the fins of a thinned
# heat sink (0.87), against 0.79 to 1.0. Loose or far from all surface: 0.71 (but 0.9 in one terrain) against 0.87 to
# 1.0. Median distance from the surface: 2.7 (the heat sink 1.7, that terrain 4.5) against 3.6 to 15. No sound scan
# passes all three; of the polluted ones, 1 % of points about a lioness of 3400 does not.
LOOSE, LONELY, AWAY = 0.6, 0.8, 2.5
ROUND = 0.05  # least over whole variance of a neighbourhood: sheets and rows have less
LEAVING = 3.0  # times as far from its neighbours as these from theirs
DISTANT = 4.0  # usual distances from all surface
PLANE_OF = 12  # neighbours
# In usual distances: over two chessmen, a cookie and a spatula this takes 16 of 90 000 points of clean surface at most,
# and half to nine tenths of what flies so close that the first look left it.
LAST_APART, LAST_HEIGHT = 2.0, 1.0


def flying_points(xyz: np.ndarray, span: float) -> np.ndarray:
    """(N,) bool of (N, 3) finite points, on parts about `span` > 0 long."""
    if len(xyz) > SCREENED and not _alone(thinned(some_points(xyz, SCREENED), span / FINE)).any():
        return np.zeros(len(xyz), bool)
    return _by_cell(xyz, span, _alone)


def standing_off(xyz: np.ndarray, span: float) -> np.ndarray:
    """(N,) bool, what is left close above the surface of a scan in which points fly: for these only, as it takes a few
    points of sharp edges with it. xyz, span: as for `flying_points`.
    """
    return _by_cell(xyz, span, _off_surface)


def _by_cell(xyz: np.ndarray, span: float, judged: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(N,) bool, what is said of the one point that stands for its cell."""
    rows = hash_order(xyz)
    first, cell_of = np.unique(cell_keys(xyz[rows], span / FINE), return_index=True, return_inverse=True)[1:]
    out = np.empty(len(xyz), bool)
    out[rows] = judged(xyz[rows[first]])[cell_of.ravel()]
    return out


def _off_surface(xyz: np.ndarray) -> np.ndarray:
    """(N,) bool, points further from the plane through their neighbours, or from these, than any on a surface."""
    from scipy.spatial import cKDTree

    if len(xyz) <= PLANE_OF:
        return np.zeros(len(xyz), bool)
    distance, neighbour = cKDTree(xyz, balanced_tree=False, compact_nodes=False).query(xyz, k=PLANE_OF + 1)
    reach = distance[:, NEIGHBOURS]
    usual = np.median(reach)
    near = xyz[neighbour[:, 1:]]
    centre = near.mean(axis=1)
    near = near - centre[:, None]
    normal = smallest_axes(np.einsum("nki,nkj->nij", near, near)).astype(np.float64)
    height = np.abs(np.einsum("ni,ni->n", xyz - centre, normal))
    return (reach > LAST_APART * usual) | (height > LAST_HEIGHT * usual)


def _alone(xyz: np.ndarray) -> np.ndarray:
    """(N,) bool, points of a cloud of even density that fly."""
    from scipy.spatial import cKDTree

    nothing = np.zeros(len(xyz), bool)
    if len(xyz) <= NEIGHBOURS:
        return nothing
    tree = cKDTree(xyz, balanced_tree=False, compact_nodes=False)
    some = np.random.default_rng(0).permutation(len(xyz))[:LOOKED_AT]
    reach = tree.query(xyz[some], k=NEIGHBOURS + 1)[0][:, -1]
    usual = float(np.median(reach))
    if (reach > APART * usual).mean() < SHARE[0]:
        return nothing
    distance, neighbour = tree.query(xyz, k=NEIGHBOURS + 1)
    reach = distance[:, -1]
    apart = reach > APART * usual
    if apart.sum() < LEAST or not SHARE[0] <= apart.mean() <= SHARE[1]:
        return nothing
    around = neighbour[apart]
    loose = (_roundness(xyz[around]) > ROUND) | (reach[apart] > LEAVING * np.median(reach[around[:, 1:]], axis=1))
    away = cKDTree(xyz[~apart]).query(xyz[apart])[0] / usual
    flying = loose.mean() >= LOOSE and (loose | (away > DISTANT)).mean() >= LONELY and np.median(away) >= AWAY
    return apart if flying else nothing


def _roundness(groups: np.ndarray) -> np.ndarray:
    """(B,) of (B, K, 3): least over whole variance, 0 for a sheet or a row, 1/3 for a ball."""
    centred = groups - groups.mean(axis=1, keepdims=True)
    moments = np.linalg.eigvalsh(np.einsum("bki,bkj->bij", centred, centred)).clip(min=0)
    return moments[:, 0] / np.maximum(moments.sum(axis=1), 1e-300)
