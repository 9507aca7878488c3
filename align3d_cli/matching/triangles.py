"""Distances to the triangles of a mesh, each point to those around its partner among the mesh's samples.

Compiled code is cached on disk until this file changes, so what it needs of other files comes as an argument.
"""

import numba as nb
import numpy as np

from align3d_cli.helpers.compiled import compiled
from align3d_cli.matching.sheet import Sheet

_F64 = nb.float64
_POINT = nb.types.UniTuple(nb.float64, 3)
_POINTS, _CORNERS = (nb.types.Array(nb.float64, n, "C", readonly=True) for n in (2, 3))
_ROWS, _NEAR = nb.types.Array(nb.int64, 1, "C", readonly=True), nb.types.Array(nb.int32, 2, "C", readonly=True)


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


@compiled(nb.void(_POINTS, _ROWS, _NEAR, _ROWS, _CORNERS, nb.float64[:, ::1]))
def _nearest_on_mesh(xyz, partner, neighbours, triangle_of, corners, closest):
    for i in range(xyz.shape[0]):
        best = np.inf
        for k in range(neighbours.shape[1]):
            x, y, z = _closest(corners, triangle_of[neighbours[partner[i], k]], xyz[i, 0], xyz[i, 1], xyz[i, 2])
            away = (x - xyz[i, 0]) ** 2 + (y - xyz[i, 1]) ** 2 + (z - xyz[i, 2]) ** 2
            if away < best:
                best = away
                closest[i, 0], closest[i, 1], closest[i, 2] = x, y, z


def nearest_on_mesh(xyz: np.ndarray, partner: np.ndarray, sheet: Sheet) -> np.ndarray:
    """(K, 3) the closest points of the mesh around each point's partner: of the triangles that the partner and its
    neighbours were sampled from. Smaller ones between them are left out, which errs by less than a spacing's bend.

    xyz: (K, 3) float64; partner: (K,) int64 places in sheet.grid; the sheet has triangles
    """
    if sheet.triangles is None or sheet.triangle_of is None:
        raise ValueError("a sheet without triangles")
    closest = np.empty((len(xyz), 3))
    _nearest_on_mesh(np.ascontiguousarray(xyz), partner, sheet.neighbours, sheet.triangle_of, sheet.triangles, closest)
    return closest
