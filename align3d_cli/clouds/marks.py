"""Marks that scanners write where they measured nothing: found, and made NaN, in one place for every format.

A mark is not known by its value (-9999, -32768, 65535, 0 and others are in use) but by what it does: it repeats exactly
and lies far off everything that was measured.
"""

import math
from dataclasses import replace

import numpy as np

from align3d_cli.clouds.cloud import PointCloud, within_bounds

REPEATS = 3  # a mark repeats exactly; two equal far coordinates can be chance
FAR = 3.0  # extents beside all that was measured; the floor that a part stands on is nearer
INNER = (0.1, 0.9)  # of the different values of a coordinate: stray points, up to a tenth, do not widen the extent
TELLING = 10  # different values; a coordinate with fewer (a flat plate and its mark) tells nothing about the extent
LOOKED_AT = 20_000  # rows that tell the extent: 5 ms
MARKS = 8  # different ones in a coordinate; files have one or two, a distant surface has many
FEW_ZEROS = 100  # more rows (0, 0, 0) are a mark even where every point of a file is told several times


def unmeasured(xyz: np.ndarray) -> np.ndarray:
    """(N,) bool of (N, 3): rows that are (0, 0, 0) or not finite. One column at a time: half the time of `all`."""
    return _zeros(xyz) | ~within_bounds(xyz)


def without_marks(cloud: PointCloud, *, keep: bool = False) -> PointCloud:
    """The cloud with NaN in the rows that are marks, and a note on each mark; the same cloud when it has none.

    (0, 0, 0) in an organised scan is the format's own, is never a point and needs no note. Meshes have no marks.
    keep: far values, and (0, 0, 0) in an unorganised scan, are points all the same
    """
    if cloud.mesh is not None:
        return cloud
    own = unmeasured(cloud.xyz) if cloud.grid is not None else np.zeros(len(cloud), bool)
    rows, notes = (own, ()) if keep else find_marks(cloud.xyz, known=own)
    if not rows.any():
        return cloud
    xyz = cloud.xyz.copy()
    xyz[rows] = np.nan
    return replace(cloud, xyz=xyz, notes=cloud.notes + notes)


def find_marks(xyz: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """(N,) bool, rows that hold no measurement, and a sentence on each mark found.

    One (0, 0, 0) is a point, and so are several in a file that tells every point several times.
    xyz: (N, 3), any values; known: (N,) bool, rows of which it is known, counted in and not told again
    """
    measured, notes = within_bounds(xyz) & ~known, []
    zeros = _zeros(xyz) & measured
    marked = np.zeros(len(xyz), bool)
    for value, axes in _far_values(xyz, measured & ~zeros).items():
        rows = measured & np.any([xyz[:, axis] == value for axis in axes], axis=0)
        marked |= rows
        where = " = ".join("xyz"[axis] for axis in axes)
        notes.append(_note(rows & ~zeros, f"have {where} = {value:.10g}, far off all else:"))
    measured &= ~(marked | zeros)
    if zeros.sum() > FEW_ZEROS or zeros.sum() > max(1, _copies(xyz[measured]) if zeros.sum() > 1 else 1):
        marked |= zeros
        notes.append(_note(zeros, "are exactly (0, 0, 0),"))
    return known | marked, tuple(notes)


def _note(rows: np.ndarray, what: str) -> str:
    count = f"{rows.sum()} of {len(rows)} rows {what} a mark for no measurement"
    return f"{count}; --keep-marks keeps them as points"


def _zeros(xyz: np.ndarray) -> np.ndarray:
    x, y, z = xyz.T
    return (x == 0) & (y == 0) & (z == 0)


def _far_values(xyz: np.ndarray, measured: np.ndarray) -> dict[float, list[int]]:
    """Values that repeat far off all others, each with the columns (0, 1, 2) it does so in."""
    rows = np.random.default_rng(0).integers(len(xyz), size=LOOKED_AT) if len(xyz) > LOOKED_AT else slice(None)
    sample = xyz[rows][measured[rows]]
    different = [np.unique(column) for column in sample.T]
    telling = [np.quantile(values, INNER) for values in different if len(values) >= TELLING]
    found: dict[float, list[int]] = {}
    extent = max((float(high - low) for low, high in telling), default=0.0) / (INNER[1] - INNER[0])
    for axis, values in enumerate(different if extent > 0 else ()):
        low, high = np.quantile(values, INNER) if len(values) >= TELLING else [np.median(sample[:, axis])] * 2
        column = xyz[:, axis]
        far = column[measured & ((column < low - FAR * extent) | (column > high + FAR * extent))]
        for value in _repeated(far, extent):
            found.setdefault(value, []).append(axis)
    return found


def _repeated(values: np.ndarray, extent: float) -> list[float]:
    """Values told REPEATS times or more, and more often than all others within `extent`: not those of a surface."""
    different, count = np.unique(values, return_counts=True)
    upto = np.append(0, np.cumsum(count))
    first = np.searchsorted(different, different - extent, "left")
    last = np.searchsorted(different, different + extent, "right")
    alone = (count >= REPEATS) & (2 * count >= upto[last] - upto[first])
    return different[alone].tolist() if alone.sum() <= MARKS else []


def _copies(xyz: np.ndarray) -> int:
    """How often nearly every place is told at most: 1, or more in files that tell all their points several times."""
    if not len(xyz):
        return 1
    mixture = xyz @ [1.0, math.sqrt(2), math.sqrt(3)]
    count = np.unique(mixture, return_counts=True)[1]
    return int(np.quantile(np.repeat(count, count), 0.99))
