"""Fast Point Feature Histograms at several radii: how the surface around a point bends, whatever the pose.

Rusu, Blodow, Beetz, "Fast Point Feature Histograms (FPFH) for 3D Registration", ICRA 2009. Histograms are rooted at the
end, so that their Euclidean distance is Hellinger's: a small bin counts as much as a large one where it changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np

from align3d_cli.helpers.compiled import compiled
from align3d_cli.helpers.cpus import usable_cpus
from align3d_cli.helpers.threads import each, spans

BINS = 11  # of each of the three angles, as published
LENGTH = 3 * BINS  # of one histogram
PADDED = 48  # numbers that it is summed up in: whole registers, which takes half the time
PIECES = 4  # of the work, for each core: dense places take longer than others

_XYZ = nb.types.Array(nb.float64, 2, "C", readonly=True)
_NORMALS = nb.types.Array(nb.float32, 2, "C", readonly=True)
_I64 = nb.types.Array(nb.int64, 1, "C", readonly=True)
_SHAPE = nb.types.UniTuple(nb.int64, 3)
_OUT = nb.float32[:, ::1]


@dataclass(frozen=True, slots=True)
class Cells:
    """Points sorted into the cubic cells of a grid, so that neighbours are found by looking into 27 of them.

    order: (N,) rows of the points, cell after cell; start: (C + 1,) where each cell begins in it; cell: (N,)
    """

    order: np.ndarray
    start: np.ndarray
    cell: np.ndarray
    shape: tuple[int, int, int]


def cells(xyz: np.ndarray, side: float) -> Cells:
    """(N, 3) finite points in cells of a side; the grid has an empty cell all around."""
    places = np.floor((xyz - xyz.min(axis=0)) / side).astype(np.int64) + 1
    nx, ny, nz = (int(n) + 2 for n in places.max(axis=0))
    cell = (places[:, 0] * ny + places[:, 1]) * nz + places[:, 2]
    order = np.argsort(cell, kind="stable")
    start = np.zeros(nx * ny * nz + 1, np.int64)
    np.cumsum(np.bincount(cell, minlength=nx * ny * nz), out=start[1:])
    return Cells(order, start, cell, (nx, ny, nz))


def fpfh(xyz: np.ndarray, normals: np.ndarray, radii: Sequence[float]) -> np.ndarray:
    """(N, 33 * len(radii)) float32 descriptors, each of Euclidean length 1 a radius, 0 for points without neighbours.

    xyz: (N, 3) float64, finite, evenly spaced; normals: (N, 3) unit float32, on one side of the surface
    radii: in the unit of xyz
    """
    xyz, normals = np.ascontiguousarray(xyz, np.float64), np.ascontiguousarray(normals, np.float32)
    return np.concatenate([_at_radius(xyz, normals, float(radius)) for radius in radii], axis=1)


def _at_radius(xyz: np.ndarray, normals: np.ndarray, radius: float) -> np.ndarray:
    near = cells(xyz, radius)
    steps = (near.order, near.start, near.cell, near.shape, radius)
    pieces = spans(len(xyz), PIECES * usable_cpus())

    def counted(start: int) -> np.ndarray:
        counts = np.zeros((len(xyz), LENGTH), np.float32)
        for piece in pieces[start :: usable_cpus()]:
            _counted(xyz, normals, *steps, *piece, counts)
        return counts

    counts = sum(each(counted, range(min(usable_cpus(), len(pieces)))), np.zeros((len(xyz), LENGTH), np.float32))
    simple = np.zeros((len(xyz), PADDED), np.float32)
    simple[:, :LENGTH] = counts / np.maximum(counts[:, :BINS].sum(axis=1, keepdims=True), 1)
    out = np.zeros((len(xyz), LENGTH), np.float32)
    each(lambda piece: _weighted(xyz, *steps, *piece, simple, out), pieces)
    return out


@compiled(nb.int64(nb.float64, nb.float64, nb.float64))
def _bin(value, low, width):
    return min(max(int((value - low) / width * 11), 0), 10)


@compiled(nb.types.Tuple((nb.int64, nb.int64, nb.int64, nb.boolean))(_XYZ, _NORMALS, nb.int64, nb.int64))
def _bins(xyz, normals, i, j):
    """Where the three angles between two points at different places fall, -1 where their line leaves them open; and
    whether the other point might be the source as well, as where both normals are the same."""
    x, y, z = xyz[j, 0] - xyz[i, 0], xyz[j, 1] - xyz[i, 1], xyz[j, 2] - xyz[i, 2]
    length = np.sqrt(x * x + y * y + z * z)
    x, y, z = x / length, y / length, z / length
    ux, uy, uz = normals[i, 0], normals[i, 1], normals[i, 2]
    tx, ty, tz = normals[j, 0], normals[j, 1], normals[j, 2]
    here, there = ux * x + uy * y + uz * z, tx * x + ty * y + tz * z
    tied = abs(here) == abs(there)
    if abs(here) < abs(there):  # the point whose normal leans more along the line is the source
        ux, uy, uz, tx, ty, tz = tx, ty, tz, ux, uy, uz
        x, y, z = -x, -y, -z
        here = -there
    vx, vy, vz = y * uz - z * uy, z * ux - x * uz, x * uy - y * ux
    across = np.sqrt(vx * vx + vy * vy + vz * vz)
    if across < 1e-9:
        return -1, -1, -1, False
    vx, vy, vz = vx / across, vy / across, vz / across
    wx, wy, wz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    turn = np.arctan2(wx * tx + wy * ty + wz * tz, ux * tx + uy * ty + uz * tz)
    first = _bin(vx * tx + vy * ty + vz * tz, -1.0, 2.0)
    return first, _bin(here, -1.0, 2.0), _bin(turn, -np.pi, 2.0 * np.pi), tied


@compiled(nb.void(_XYZ, _NORMALS, _I64, _I64, _I64, _SHAPE, nb.float64, nb.int64, nb.int64, _OUT))
def _counted(xyz, normals, order, start, cell, shape, radius, first, last, counts):
    """Add to either end of every pair what the angles between them are, each pair once (SPFH before it is divided).

    first, last: places of `order`, so that points near each other are taken together; of each the pairs with later ones
    """
    for place in range(first, last):
        i = order[place]
        for step in range(5):  # the rows of cells that hold later places: the own one and four beside it
            dx, dy = (0, step) if step < 2 else (1, step - 3)
            row = cell[i] + (dx * shape[1] + dy) * shape[2]
            for at in range(place + 1 if step == 0 else start[row - 1], start[row + 2]):
                j = order[at]
                x, y, z = xyz[j, 0] - xyz[i, 0], xyz[j, 1] - xyz[i, 1], xyz[j, 2] - xyz[i, 2]
                squared = x * x + y * y + z * z
                if squared > radius * radius or squared == 0.0:
                    continue
                a, b, c, tied = _bins(xyz, normals, i, j)
                if a >= 0:
                    counts[i, a] += 1.0
                    counts[i, 11 + b] += 1.0
                    counts[i, 22 + c] += 1.0
                if tied:
                    a, b, c, _ = _bins(xyz, normals, j, i)
                if a >= 0:
                    counts[j, a] += 1.0
                    counts[j, 11 + b] += 1.0
                    counts[j, 22 + c] += 1.0


@compiled(nb.void(_XYZ, _I64, _I64, _I64, _SHAPE, nb.float64, nb.int64, nb.int64, _OUT, _OUT))
def _weighted(xyz, order, start, cell, shape, radius, first, last, simple, out):
    """A point's own histogram and the mean of its neighbours', nearer ones counting more; rooted, of length 1."""
    total = np.empty(48, np.float32)
    for place in range(first, last):
        i = order[place]
        total[:] = 0.0
        weights = 0.0
        for dx in range(-1, 2):
            for dy in range(-1, 2):
                row = cell[i] + (dx * shape[1] + dy) * shape[2]
                for at in range(start[row - 1], start[row + 2]):
                    j = order[at]
                    x, y, z = xyz[j, 0] - xyz[i, 0], xyz[j, 1] - xyz[i, 1], xyz[j, 2] - xyz[i, 2]
                    squared = x * x + y * y + z * z
                    if squared > radius * radius or squared == 0.0:
                        continue
                    weight = radius / np.sqrt(squared)
                    weights += weight
                    for k in range(48):
                        total[k] += np.float32(weight) * simple[j, k]
        if weights > 0.0:
            for k in range(33):
                out[i, k] = np.sqrt((simple[i, k] + total[k] / np.float32(weights)) / np.float32(6.0))
