"""A surface that others are measured against: its points in a grid, where it ends, and its triangles if it has any."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.matching.nearest import Grid, grid_of

NEIGHBOURS = 12  # the ring around a point and half of the next: enough to tell where a surface ends
LIMIT = 0.06  # of the size: what lies farther off is extra or missing, and deviates from nothing
ENDS = 0.33  # of their mean distance: how far the neighbours of a last point lie to one side; 0.42 at a straight end,
# 0.21 at a sharp edge that a surface goes on behind


@dataclass(frozen=True, slots=True)
class Sheet:
    """N points of a surface, sorted into a grid.

    grid:       the points with their unit normals, for searches up to `grid.cell`
    spacing:    of neighbouring points
    neighbours: (N, K) int32 rows of the nearest points in the grid's order, the point itself first
    ends:       (N,) bool in the grid's order, whether the surface ends there
    triangles:  (T, 3, 3) float64 corners of the mesh that the points were sampled from, or None
    triangle_of: (N,) int64 the triangle of each point in the grid's order, or None
    """

    grid: Grid
    spacing: float
    neighbours: np.ndarray
    ends: np.ndarray
    triangles: np.ndarray | None = None
    triangle_of: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ends)


def sheet_of(
    xyz: np.ndarray, normals: np.ndarray, spacing: float, size: float, *, oriented: bool = True,
    triangles: np.ndarray | None = None, triangle_of: np.ndarray | None = None,
) -> Sheet:  # fmt: skip
    """Make points a surface to measure against.

    xyz:         (N, 3) float64 finite; normals: (N, 3), outward where `oriented`
    size:        diagonal of the part, which says how far off a counterpart may lie
    triangles:   (T, 3, 3) float64 of a mesh, outward side counterclockwise; triangle_of: (N,) the one of each point
    """
    from scipy.spatial import cKDTree

    grid = grid_of(xyz, normals, max(LIMIT * size, 3 * spacing), oriented)
    k = min(NEIGHBOURS, len(xyz))
    distances, near = cKDTree(grid.xyz).query(grid.xyz, k=k, workers=1)
    near = near.reshape(len(xyz), k)
    ends = _one_sided(grid, distances.reshape(len(xyz), k), near)
    corners = None if triangles is None else np.ascontiguousarray(triangles, np.float64)
    of = None if triangle_of is None else np.ascontiguousarray(triangle_of, np.int64)[grid.rows]
    return Sheet(grid, spacing, near.astype(np.int32), ends, corners, of)


def _one_sided(grid: Grid, distances: np.ndarray, near: np.ndarray) -> np.ndarray:
    """(N,) bool: the neighbours lie to one side, as they do where a surface ends."""
    middle = grid.xyz[near].mean(axis=1) - grid.xyz
    normals = grid.normals.astype(np.float64)
    middle -= np.einsum("ij,ij->i", middle, normals)[:, None] * normals
    return np.linalg.norm(middle, axis=1) > ENDS * distances.max(axis=1)
