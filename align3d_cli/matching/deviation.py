"""How a registered scan deviates from the surface it lies on: too high, too low, too much, too little."""

from dataclasses import dataclass, replace

import numpy as np

from align3d_cli.matching.nearest import partners
from align3d_cli.matching.poses import inverse, moved, turned
from align3d_cli.matching.sheet import Sheet
from align3d_cli.matching.triangles import signed_from_mesh
from align3d_cli.matching.visibility import View, visible

SAME_SIDE = 0.3  # cosine of normals, 70 degrees: the flank of a dent still belongs to the face it is in
ANY_SIDE = -0.5  # cosine for what has no partner otherwise; the back of a thin wall is none
BESIDE = 2.0  # spacings; a partner within this stands below a point, one farther off beside it
AROUND = 12  # points of the mean, itself included: noise falls to a third, a defect of some 30 points stays
MISSED = 0.5  # of a point's neighbours that are missing too: a hole is no single point
CARRIED = 4  # points around a hole that each of its points tells how far off it is


@dataclass(frozen=True, slots=True)
class Deviation:
    """Of N points of a moving scan, in the file's unit.

    signed:  (N,) float64, distance from the fixed surface, positive outside (extra material), the mean over the point
             and its neighbours; nan where there is no counterpart; without a sign where neither surface is oriented
    raw:     (N,) float64, the same of each point for itself
    extra:   (N,) bool, no counterpart: beyond the end of the fixed surface, or far off it
    missing: (N,) float64, how far what the scan should show and does not reaches from here, 0 where nothing is missing
    missing_share: of what the scan should show of the fixed surface, [0, 1]
    """

    signed: np.ndarray
    raw: np.ndarray
    extra: np.ndarray
    missing: np.ndarray
    missing_share: float


def deviation(moving: Sheet, fixed: Sheet, fixed_from_moving: np.ndarray, view: View | None = None) -> Deviation:
    """Measure every point of the moving sheet; results stand in the order of the points that it was made of.

    view: from where a scan of one side was taken, in its own frame; None for scans from all sides, which should show
          the whole fixed surface
    """
    raw = _signed_distances(moving, fixed, fixed_from_moving)
    missing, share = _missing(moving, fixed, inverse(fixed_from_moving), view)
    back = np.empty(len(moving), np.int64)
    back[moving.grid.rows] = np.arange(len(moving))
    return Deviation(_mean_around(raw, moving)[back], raw[back], np.isnan(raw)[back], missing[back], share)


def _signed_distances(moving: Sheet, fixed: Sheet, fixed_from_moving: np.ndarray) -> np.ndarray:
    """(N,) in the order of the moving grid, nan without a counterpart."""
    grid, reach = replace(fixed.grid, oriented=moving.grid.oriented and fixed.grid.oriented), fixed.grid.cell
    xyz, normals = moving.grid.xyz, moving.grid.normals
    partner, _ = partners(xyz, normals, fixed_from_moving, grid, reach, SAME_SIDE)
    alone = np.flatnonzero(partner < 0)
    partner[alone] = partners(xyz[alone], normals[alone], fixed_from_moving, grid, reach, ANY_SIDE)[0]
    rows = np.flatnonzero(partner >= 0)
    there, facing = moved(fixed_from_moving, xyz[rows]), turned(fixed_from_moving, normals[rows])
    signed = np.full(len(xyz), np.nan)
    signed[rows] = _from_partners(there, facing, partner[rows], fixed)
    if fixed.grid.oriented:
        return signed
    if not moving.grid.oriented:
        return np.abs(signed)
    signed[rows] *= np.where(np.einsum("ij,ij->i", facing, grid.normals[partner[rows]]) < 0, -1, 1)
    return signed


def _from_partners(xyz: np.ndarray, normals: np.ndarray, partner: np.ndarray, fixed: Sheet) -> np.ndarray:
    """(K,) signed distances of points (K, 3) from the surface around their partners, nan beyond its ends."""
    way = xyz - fixed.grid.xyz[partner]
    height = np.einsum("ij,ij->i", way, fixed.grid.normals[partner].astype(np.float64))
    beside = np.sqrt(np.maximum(np.einsum("ij,ij->i", way, way) - height**2, 0))
    beyond = np.einsum("ij,ij->i", way, fixed.outward[partner]) > BESIDE * fixed.spacing
    # a normal at an edge belongs to neither face: the plane of the point itself counts where it lies nearer
    own = np.abs(np.einsum("ij,ij->i", way, normals))
    size = np.hypot(np.minimum(np.abs(height), own), np.maximum(beside - BESIDE * fixed.spacing, 0))
    signed = np.copysign(size, height)
    if fixed.facets is not None:
        exact = signed_from_mesh(xyz, partner, fixed.grid, fixed.facets)
        signed = np.where(np.isnan(exact), signed, exact)
    return np.where(beyond, np.nan, signed)


def _mean_around(values: np.ndarray, sheet: Sheet) -> np.ndarray:
    """(N,) mean over each point's neighbours that have a value; nan where it has none itself."""
    around = values[sheet.neighbours[:, :AROUND]]
    there = ~np.isnan(around)
    total = np.where(there, around, 0).sum(axis=1)
    return np.where(np.isnan(values), np.nan, total / np.maximum(there.sum(axis=1), 1))


def _missing(moving: Sheet, fixed: Sheet, moving_from_fixed: np.ndarray, view: View | None) -> tuple[np.ndarray, float]:
    """How far missing material reaches from each point (N,), in the order of the moving grid, and its share."""
    from scipy.spatial import cKDTree

    expected = np.ones(len(fixed), bool)
    xyz = moved(moving_from_fixed, fixed.grid.xyz)
    if view is not None:
        normals, spacing = turned(moving_from_fixed, fixed.grid.normals), max(moving.spacing, fixed.spacing)
        expected = visible(xyz, normals, moving.grid.xyz, spacing, view)
    lost = expected & np.isnan(_signed_distances(fixed, moving, moving_from_fixed))
    lost &= lost[fixed.neighbours[:, :AROUND]].mean(axis=1) >= MISSED
    reaches = np.zeros(len(moving))
    if lost.any():
        distances, rim = cKDTree(moving.grid.xyz).query(xyz[lost], k=min(CARRIED, len(moving)), workers=1)
        np.maximum.at(reaches, rim, distances)
    return reaches, float(lost.sum() / max(expected.sum(), 1))
