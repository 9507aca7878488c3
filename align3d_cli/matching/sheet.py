"""A surface that others are measured against: its points in a grid, where it ends, and its triangles if it has any."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.matching.nearest import Grid, grid_of
from align3d_cli.matching.triangles import Facets, facets_of

NEIGHBOURS = 20  # the two rings around a point: with fewer, gaps between random ones look like an end
LIMIT = 0.06  # of the size: what lies farther off is extra or missing, and deviates from nothing
LISTED = 3.0  # spacings: a point's foot on a mesh lies within two of its partner, and that within one of the mesh
GAP_DEG = 130.0  # widest angle between neighbours in which there is none: 180 at a straight end, 20 to 90 within


@dataclass(frozen=True, slots=True)
class Sheet:
    """N points of a surface, sorted into a grid.

    grid:       the points with their unit normals, for searches up to `grid.cell`
    spacing:    of neighbouring points
    neighbours: (N, K) int32 rows of the nearest points in the grid's order, the point itself first
    outward:    (N, 3) float32 in the grid's order, the direction in which the surface ends there, of length one; 0
                where it goes on
    triangles:  (T, 3, 3) float64 corners of the mesh that the points were sampled from, or None
    triangle_of: (N,) int64 the triangle of each point in the grid's order, or None
    """

    grid: Grid
    spacing: float
    neighbours: np.ndarray
    outward: np.ndarray
    facets: Facets | None = None

    def __len__(self) -> int:
        return len(self.outward)


def sheet_of(
    xyz: np.ndarray, normals: np.ndarray, spacing: float, size: float, *, oriented: bool = True,
    triangles: np.ndarray | None = None,
) -> Sheet:  # fmt: skip
    """Make points a surface to measure against.

    xyz:         (N, 3) float64 finite; normals: (N, 3), outward where `oriented`
    size:        diagonal of the part, which says how far off a counterpart may lie
    triangles:   (T, 3, 3) float64 of the mesh that the points are of, which distances are then measured from
    """
    from scipy.spatial import cKDTree

    grid = grid_of(xyz, normals, max(LIMIT * size, 3 * spacing), oriented)
    k = min(NEIGHBOURS + 1, len(xyz))
    near = cKDTree(grid.xyz).query(grid.xyz, k=k, workers=1)[1].reshape(len(xyz), k)
    facets = None if triangles is None else facets_of(triangles, grid, LISTED * spacing)
    return Sheet(grid, spacing, near.astype(np.int32), _ends(grid, near), facets)


def _ends(grid: Grid, near: np.ndarray) -> np.ndarray:
    """(N, 3) float32: the middle of the widest gap between a point's neighbours, 0 where none is wide.

    Around the mean normal: seen along that of one face of a sharp edge, the other face would be none.
    """
    normals = grid.normals[near]
    facing = np.sign(np.einsum("nkj,nj->nk", normals, grid.normals)) if not grid.oriented else np.ones(near.shape)
    forward = np.einsum("nkj,nk->nj", normals, facing)
    right = np.cross(forward, np.eye(3)[np.abs(forward).argmin(axis=1)])
    right /= np.maximum(np.linalg.norm(right, axis=1, keepdims=True), np.finfo(float).tiny)
    up = np.cross(forward, right)
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), np.finfo(float).tiny)
    way = grid.xyz[near[:, 1:]] - grid.xyz[:, None]
    angles = np.sort(np.arctan2(np.einsum("nkj,nj->nk", way, up), np.einsum("nkj,nj->nk", way, right)), axis=1)
    gaps = np.diff(angles, axis=1, append=angles[:, :1] + 2 * np.pi)
    widest = gaps.argmax(axis=1)[:, None]
    width = np.take_along_axis(gaps, widest, axis=1)
    middle = np.take_along_axis(angles, widest, axis=1) + width / 2
    outward = np.cos(middle) * right + np.sin(middle) * up
    return np.where(width > np.deg2rad(GAP_DEG), outward, 0).astype(np.float32)
