"""Distances to the triangles of a mesh, each point to those around its partner among points of the mesh.

Compiled code is cached on disk until this file changes, so what it needs of other files comes as an argument.
"""

from dataclasses import dataclass

import numba as nb
import numpy as np

from align3d_cli.helpers.compiled import compiled
from align3d_cli.matching.nearest import Grid

MOST = 20_000_000  # triangles in the lists of all points, 80 MB; of finer meshes the points themselves tell as much
ALIKE = 0.9  # of the points whose triangle faces as they do: the mesh knows its outside

_F64 = nb.float64
_FRAME, _SHAPE = nb.types.UniTuple(nb.float64, 4), nb.types.UniTuple(nb.int64, 3)
_POINT = nb.types.UniTuple(nb.float64, 3)
_POINTS, _CORNERS = (nb.types.Array(nb.float64, n, "C", readonly=True) for n in (2, 3))
_ROWS, _NEAR = nb.types.Array(nb.int64, 1, "C", readonly=True), nb.types.Array(nb.int32, 1, "C", readonly=True)


@dataclass(frozen=True, slots=True)
class Facets:
    """The triangles of a mesh near each of N points of it.

    corners:  (T, 3, 3) float64; normals: (T, 3) float64 of length one, of any sign unless `oriented`
    start:    (N + 1,) int64, where the list of each point begins in `near`, (L,) int32 rows of triangles
    oriented: normals point as those of the points do
    """

    corners: np.ndarray
    normals: np.ndarray
    start: np.ndarray
    near: np.ndarray
    oriented: bool


@compiled(_POINT(_CORNERS, nb.int64, _F64, _F64, _F64))
def _closest(corners, t, x, y, z):
    """The point of triangle t that is closest to (x, y, z) (Ericson, Real-Time Collision Detection, 5.1.5)."""
    a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
    ab0, ab1, ab2 = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    ac0, ac1, ac2 = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    d1 = ab0 * (x - a[0]) + ab1 * (y - a[1]) + ab2 * (z - a[2])
    d2 = ac0 * (x - a[0]) + ac1 * (y - a[1]) + ac2 * (z - a[2])
    d3 = ab0 * (x - b[0]) + ab1 * (y - b[1]) + ab2 * (z - b[2])
    d4 = ac0 * (x - b[0]) + ac1 * (y - b[1]) + ac2 * (z - b[2])
    d5 = ab0 * (x - c[0]) + ab1 * (y - c[1]) + ab2 * (z - c[2])
    d6 = ac0 * (x - c[0]) + ac1 * (y - c[1]) + ac2 * (z - c[2])
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0 and d2 <= 0:
        v, w = 0.0, 0.0
    elif d3 >= 0 and d4 <= d3:
        v, w = 1.0, 0.0
    elif d6 >= 0 and d5 <= d6:
        v, w = 0.0, 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        v, w = d1 / (d1 - d3), 0.0
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        v, w = 0.0, d2 / (d2 - d6)
    elif va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        w = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        v = 1.0 - w
    else:
        total = va + vb + vc
        v, w = (vb / total, vc / total) if total > 0 else (0.0, 0.0)
    return a[0] + ab0 * v + ac0 * w, a[1] + ab1 * v + ac1 * w, a[2] + ab2 * v + ac2 * w


@compiled(nb.void(_POINTS, _ROWS, _FRAME, _SHAPE, _F64, _CORNERS, nb.int64[::1], nb.int32[::1]))
def _near(xyz, starts, frame, shape, reach, corners, filled, near):
    """Count, or where `near` has room fill in, the triangles within reach of each point of a grid.

    frame: corner of its cells and their side; filled: how many are in each list, or where its next one goes
    """
    cell, (nx, ny, nz) = frame[3], shape
    for t in range(corners.shape[0]):
        low, high = np.empty(3, np.int64), np.empty(3, np.int64)
        for axis in range(3):
            a, b, c = corners[t, 0, axis], corners[t, 1, axis], corners[t, 2, axis]
            low[axis] = int(np.floor((min(a, b, c) - reach - frame[axis]) / cell))
            high[axis] = int(np.floor((max(a, b, c) + reach - frame[axis]) / cell))
        first, last = max(low[2], 0), min(high[2], nz - 1)
        if first > last:
            continue
        for ci in range(max(low[0], 0), min(high[0] + 1, nx)):
            for cj in range(max(low[1], 0), min(high[1] + 1, ny)):
                row = (ci * ny + cj) * nz
                for at in range(starts[row + first], starts[row + last + 1]):
                    x, y, z = _closest(corners, t, xyz[at, 0], xyz[at, 1], xyz[at, 2])
                    if (x - xyz[at, 0]) ** 2 + (y - xyz[at, 1]) ** 2 + (z - xyz[at, 2]) ** 2 <= reach * reach:
                        if near.shape[0] > 0:
                            near[filled[at]] = t
                        filled[at] += 1


def facets_of(corners: np.ndarray, grid: Grid, reach: float) -> Facets | None:
    """The triangles within reach of each point of a grid; None where these are too many to list, or are none.

    corners: (T, 3, 3) float64, in the grid's frame
    """
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1)
    corners = np.ascontiguousarray(corners[area > 0], np.float64)
    where = grid.xyz, grid.starts, (*grid.low, grid.cell), grid.shape
    count = np.zeros(len(grid.xyz), np.int64)
    _near(*where, reach, corners, count, np.empty(0, np.int32))
    start = np.concatenate([[0], np.cumsum(count)])
    if not 0 < start[-1] <= MOST:
        return None
    near = np.empty(start[-1], np.int32)
    _near(*where, reach, corners, start[:-1].copy(), near)
    found = Facets(corners, cross[area > 0] / area[area > 0, None], start, near, oriented=False)
    return _oriented(found, grid)


def _oriented(facets: Facets, grid: Grid) -> Facets:
    """With normals on the side of the points', where all of the mesh or none of it faces as they do."""
    listed = np.flatnonzero(np.diff(facets.start) > 0)
    _, triangle = nearest_on_mesh(grid.xyz[listed], listed, grid.normals, facets)
    facing = np.einsum("ij,ij->i", facets.normals[triangle], grid.normals[listed].astype(np.float64)) > 0
    share = float(facing.mean())
    if not grid.oriented or 1 - ALIKE < share < ALIKE:
        return facets
    normals = facets.normals if share >= ALIKE else -facets.normals
    return Facets(facets.corners, normals, facets.start, facets.near, oriented=True)


@compiled(
    nb.void(_POINTS, _ROWS, _POINTS, _CORNERS, _POINTS, _ROWS, _NEAR, nb.boolean, nb.float64[:, ::1], nb.int64[::1])
)
def _nearest_on_mesh(xyz, partner, facing, corners, normals, start, near, oriented, closest, triangle):
    for i in range(xyz.shape[0]):
        p = partner[i]
        best, off = np.inf, 0.0
        for at in range(start[p], start[p + 1]):
            t = near[at]
            nx, ny, nz = normals[t, 0], normals[t, 1], normals[t, 2]
            # one that faces away by more than 120 degrees is the back of a thin wall
            if oriented and nx * facing[p, 0] + ny * facing[p, 1] + nz * facing[p, 2] < -0.5:
                continue
            x, y, z = _closest(corners, t, xyz[i, 0], xyz[i, 1], xyz[i, 2])
            dx, dy, dz = xyz[i, 0] - x, xyz[i, 1] - y, xyz[i, 2] - z
            away, height = dx * dx + dy * dy + dz * dz, abs(nx * dx + ny * dy + nz * dz)
            # the same place on an edge, whichever triangle it is of
            tied = best < np.inf and abs(away - best) <= 1e-9 * best
            if (tied and height > off) or (not tied and away < best):
                best, off, triangle[i] = away, height, t
                closest[i, 0], closest[i, 1], closest[i, 2] = x, y, z


def nearest_on_mesh(
    xyz: np.ndarray, partner: np.ndarray, normals: np.ndarray, facets: Facets
) -> tuple[np.ndarray, np.ndarray]:
    """(K, 3) the closest points of the mesh around each point's partner, and (K,) int64 their triangles, of those that
    share an edge the one that looks straightest at the point; nan and -1 where no triangle is listed.

    xyz: (K, 3) float64; partner: (K,) int64 places in the grid that the facets were listed for; normals: (N, 3) of it
    """
    closest, triangle = np.full((len(xyz), 3), np.nan), np.full(len(xyz), -1)
    lists = facets.corners, facets.normals, facets.start, facets.near, facets.oriented
    _nearest_on_mesh(
        np.ascontiguousarray(xyz), np.ascontiguousarray(partner), normals.astype(np.float64), *lists, closest, triangle
    )
    return closest, triangle


def signed_from_mesh(xyz: np.ndarray, partner: np.ndarray, grid: Grid, facets: Facets) -> np.ndarray:
    """(K,) signed distances of points (K, 3) from the mesh around their partners, positive on the side that these look
    to; nan where no triangle is listed. Arguments as for `nearest_on_mesh`."""
    closest, triangle = nearest_on_mesh(xyz, partner, grid.normals, facets)
    way, outward = xyz - closest, facets.normals[triangle]
    if not facets.oriented:
        same = np.einsum("ij,ij->i", outward, grid.normals[partner].astype(np.float64)) >= 0
        outward = np.where(same[:, None], outward, -outward)
    return np.copysign(np.linalg.norm(way, axis=1), np.einsum("ij,ij->i", way, outward))
