"""Nearest points of a surface whose normals agree: a grid of cells and loops compiled by numba.

Two faces of a thin plate lie nearer to each other than to their own next points: a partner must face the same way.
Compiled code is cached on disk until this file changes, so what it needs of other files comes as an argument.
"""

from dataclasses import dataclass

import numba as nb
import numpy as np

from align3d_cli.clouds.voxels import bounds, cells_of
from align3d_cli.helpers.compiled import compiled

MOST_CELLS = 2_000_000  # 8 MB of starts; long thin parts get larger cells instead of more

_POINTS, _NORMALS = (nb.types.Array(kind, 2, "C", readonly=True) for kind in (nb.float64, nb.float32))
_ROWS = nb.types.Array(nb.int64, 1, "C", readonly=True)
_GRID = nb.types.Tuple((_POINTS, _NORMALS, _ROWS, nb.types.UniTuple(nb.float64, 4), nb.types.UniTuple(nb.int64, 3)))
_POSES = nb.types.Array(nb.float64, 3, "C", readonly=True)
_F64, _I64 = nb.float64, nb.int64


@dataclass(frozen=True, slots=True)
class Grid:
    """Points of a surface, sorted into cubic cells as long as the farthest partner that is looked for.

    xyz, normals: (N, 3) float64 and float32, cell by cell; rows: (N,) int64, where they stand in the surface
    starts: (cells + 1,) int64; low: (3,) corner; cell: side; shape: cells along x, y, z
    """

    xyz: np.ndarray
    normals: np.ndarray
    rows: np.ndarray
    starts: np.ndarray
    low: tuple[float, float, float]
    cell: float
    shape: tuple[int, int, int]
    oriented: bool

    @property
    def arrays(self) -> tuple:
        """What the kernels take."""
        return self.xyz, self.normals, self.starts, (*self.low, self.cell), self.shape


def grid_of(xyz: np.ndarray, normals: np.ndarray, reach: float, oriented: bool = True) -> Grid:
    """Sort points (N, 3) with normals (N, 3) for searches up to `reach`."""
    low, high = bounds(xyz)
    sides = np.maximum(high - low, reach)
    cell = max(reach, float(np.prod(sides) / MOST_CELLS) ** (1 / 3))
    cell_of, shape = cells_of(xyz, cell)
    order = np.argsort(cell_of, kind="stable")
    starts = np.searchsorted(cell_of[order], np.arange(int(np.prod(shape)) + 1))
    corner = (float(low[0]), float(low[1]), float(low[2]))
    return Grid(
        np.ascontiguousarray(xyz[order], np.float64), np.ascontiguousarray(normals[order], np.float32), order,
        starts.astype(np.int64), corner, cell, shape, oriented,
    )  # fmt: skip


@compiled(nb.types.Tuple((_I64, _F64))(_F64, _F64, _F64, _F64, _F64, _F64, _GRID, _F64, _F64, nb.boolean))
def _partner(x, y, z, nx, ny, nz, grid, reach, least_cosine, oriented):
    """Place in the grid of the nearest point within reach whose normal agrees, and the squared distance; -1 if none."""
    xyz, normals, starts, frame, shape = grid
    cell = frame[3]
    i, j, k = int(np.floor((x - frame[0]) / cell)), int(np.floor((y - frame[1]) / cell)), 0
    k = int(np.floor((z - frame[2]) / cell))
    best, found = reach * reach, -1
    for ci in range(max(i - 1, 0), min(i + 2, shape[0])):
        for cj in range(max(j - 1, 0), min(j + 2, shape[1])):
            row = (ci * shape[1] + cj) * shape[2]
            first, last = max(k - 1, 0), min(k + 1, shape[2] - 1)
            if first > last:
                continue
            for at in range(starts[row + first], starts[row + last + 1]):
                dx, dy, dz = xyz[at, 0] - x, xyz[at, 1] - y, xyz[at, 2] - z
                away = dx * dx + dy * dy + dz * dz
                if away < best:
                    cosine = normals[at, 0] * nx + normals[at, 1] * ny + normals[at, 2] * nz
                    if cosine >= least_cosine or (not oriented and -cosine >= least_cosine):
                        best, found = away, at
    return found, best


@compiled(
    nb.types.Tuple((_I64, _F64))(_POINTS, _NORMALS, _I64, _POSES, _I64, _GRID, _F64, _F64, nb.boolean),
)  # fmt: skip
def _moved_partner(xyz, normals, p, poses, k, grid, reach, least_cosine, oriented):
    """The partner of point p brought to the grid by pose k."""
    x, y, z = xyz[p, 0], xyz[p, 1], xyz[p, 2]
    a, b, c = normals[p, 0], normals[p, 1], normals[p, 2]
    return _partner(
        poses[k, 0, 0] * x + poses[k, 0, 1] * y + poses[k, 0, 2] * z + poses[k, 0, 3],
        poses[k, 1, 0] * x + poses[k, 1, 1] * y + poses[k, 1, 2] * z + poses[k, 1, 3],
        poses[k, 2, 0] * x + poses[k, 2, 1] * y + poses[k, 2, 2] * z + poses[k, 2, 3],
        poses[k, 0, 0] * a + poses[k, 0, 1] * b + poses[k, 0, 2] * c,
        poses[k, 1, 0] * a + poses[k, 1, 1] * b + poses[k, 1, 2] * c,
        poses[k, 2, 0] * a + poses[k, 2, 1] * b + poses[k, 2, 2] * c,
        grid, reach, least_cosine, oriented,
    )  # fmt: skip


@compiled(nb.void(_POINTS, _NORMALS, _POSES, _GRID, _F64, _F64, nb.boolean, nb.int64[::1], nb.float64[::1]))
def _partners(xyz, normals, poses, grid, reach, least_cosine, oriented, found, squared):
    for p in range(xyz.shape[0]):
        found[p], squared[p] = _moved_partner(xyz, normals, p, poses, 0, grid, reach, least_cosine, oriented)


@compiled(nb.void(_POINTS, _NORMALS, _POSES, _GRID, _F64, _F64, nb.boolean, nb.float64[::1]))
def _agreements(xyz, normals, poses, grid, reach, least_cosine, oriented, shares):
    for k in range(poses.shape[0]):
        total = 0.0
        for p in range(xyz.shape[0]):
            found, squared = _moved_partner(xyz, normals, p, poses, k, grid, reach, least_cosine, oriented)
            if found >= 0:
                total += 1.0 - squared / (reach * reach)
        shares[k] = total / xyz.shape[0]


def partners(
    xyz: np.ndarray, normals: np.ndarray, pose: np.ndarray, grid: Grid, reach: float, least_cosine: float
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest agreeing point of the grid for every point brought there by pose (4, 4).

    xyz: (N, 3) float64; normals: (N, 3) float32; reach: at most the grid's cell; least_cosine: between the normals
    Returns places (N,) int64 in grid.xyz, -1 where there is none, and squared distances (N,).
    """
    found, squared = np.empty(len(xyz), np.int64), np.empty(len(xyz))
    _partners(xyz, normals, pose[None], grid.arrays, reach, least_cosine, grid.oriented, found, squared)
    return found, squared


def agreements(
    xyz: np.ndarray, normals: np.ndarray, poses: np.ndarray, grid: Grid, reach: float, least_cosine: float
) -> np.ndarray:
    """(K,) in [0, 1]: how much of the points lies on the grid's surface in each of the poses (K, 4, 4).

    The mean over the points of 1 - (distance / reach)^2, 0 without a partner.
    """
    shares = np.empty(len(poses))
    _agreements(xyz, normals, np.ascontiguousarray(poses), grid.arrays, reach, least_cosine, grid.oriented, shares)
    return shares
