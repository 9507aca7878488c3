"""Area, length and width of a region on its reference surface, by a raster over the frame's plane."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.regions.reference import Reference

CELLS = 2  # a point's distance to the next: 4 cells a point
MOST_CELLS = 200_000  # of a raster, 25 ms; cells of larger regions are wider
OWN = 1.5  # distances from the nearest point that still belong to the surface; at random 0.1 % lie further
VOID = 2.0  # distances from every point: a hole; by chance 4 in a million
SHRUNK = 1.5  # what a hole's middle, as VOID finds it, lacks to its rim half a distance from the last points
BORDERED = 0.5  # of a hole's rim that must lie on the region
BEYOND = 0.25  # distances of points: the rim lies half of one beyond rows along it, and on the outermost of others
TURNS_DEG = np.arange(0, 90, 2)  # of the rectangles that are tried


@dataclass(frozen=True, slots=True)
class Outline:
    """area and area_missing on the surface (what is missing counts in both), length >= width along it."""

    area: float
    area_missing: float
    length: float
    width: float


def outline_of(reference: Reference, region: np.ndarray, around: np.ndarray, apart: float) -> Outline:
    """Measure a region.

    region: (K, 3) its points; around: (R, 3) the other points of the surface near it; apart: density ** -0.5
    """
    inner, outer = (reference.frame.local(xyz)[:, :2] for xyz in (region, around))
    turn = _smallest_rectangle(inner)
    inner_turned, outer_turned = inner @ turn.T, outer @ turn.T
    raster, side = _raster(inner_turned, apart)
    shape = raster.shape[:2]
    cells = raster.reshape(-1, 2)
    owned, missing = _owners(cells, inner_turned, outer_turned, apart, shape, side)
    covered = owned | missing
    stretch = reference.stretch(cells[covered] @ turn, 0.5 * apart) * side**2
    length, width = _sides(reference, inner_turned, turn, apart)
    return Outline(float(stretch.sum()), float(stretch[missing[covered]].sum()), max(length, width), min(length, width))


def _smallest_rectangle(xy: np.ndarray) -> np.ndarray:
    """(2, 2) rotation after which the box around (K, 2) points is smallest."""
    angles = np.radians(TURNS_DEG)
    turns = np.stack([np.cos(angles), np.sin(angles), -np.sin(angles), np.cos(angles)], axis=1).reshape(-1, 2, 2)
    sides = np.ptp(np.einsum("aij,kj->aki", turns, xy), axis=1)
    return turns[(sides[:, 0] * sides[:, 1]).argmin()]


def _raster(xy: np.ndarray, apart: float) -> tuple[np.ndarray, float]:
    """(H, W, 2) centres of cells around the points (K, 2) with two distances of margin, and the side of a cell."""
    low, high = xy.min(axis=0) - 2 * VOID * apart, xy.max(axis=0) + 2 * VOID * apart
    side = max(apart / CELLS, float(np.sqrt(np.prod(high - low) / MOST_CELLS)))
    across, along = (np.arange(low[i] + side / 2, high[i] + side, side) for i in (0, 1))
    return np.stack(np.meshgrid(across, along), axis=-1), side


def _owners(
    cells: np.ndarray, inner: np.ndarray, outer: np.ndarray, apart: float, shape: tuple[int, int], side: float
) -> tuple[np.ndarray, np.ndarray]:
    """(C,) bool each: cells nearest to a point of the region, and cells of holes inside its outline."""
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(np.concatenate([inner, outer])).query(cells)
    owned = (nearest < len(inner)) & (distance <= OWN * apart)
    deep = (distance > VOID * apart).reshape(shape)
    if not deep.any():
        return owned, np.zeros_like(owned)
    missing = _holes(deep, owned.reshape(shape), apart / side).ravel()
    return owned & ~_beyond(deep, apart / side).ravel(), missing


def _holes(deep: np.ndarray, owned: np.ndarray, apart_cells: float) -> np.ndarray:
    """(H, W) bool: holes that the region goes around for the greater part. deep: far from every point."""
    from scipy import ndimage

    labels, n = ndimage.label(deep)
    outside = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    found = np.zeros_like(deep)
    for number in set(range(1, n + 1)) - set(outside.tolist()):
        hole = _beyond(labels == number, apart_cells)
        away = ndimage.distance_transform_edt(labels != number)
        rim = ~hole & (away <= (SHRUNK + 1.5) * apart_cells)
        if owned[rim].mean() >= BORDERED:
            found |= hole
    return found


def _beyond(deep: np.ndarray, apart_cells: float) -> np.ndarray:
    """(H, W) bool: what is outside of the surface, by the cells that are far from every point."""
    from scipy import ndimage

    return ndimage.distance_transform_edt(~deep) <= SHRUNK * apart_cells


def _sides(reference: Reference, turned: np.ndarray, turn: np.ndarray, apart: float) -> tuple[float, float]:
    """Lengths on the surface of the middle lines of the rectangle, which reaches a little beyond the last points."""
    low, high = turned.min(axis=0) - BEYOND * apart, turned.max(axis=0) + BEYOND * apart
    sides = []
    for axis in (0, 1):
        line = np.tile((low + high) / 2, (65, 1))
        line[:, axis] = np.linspace(low[axis], high[axis], len(line))
        xy = line @ turn
        z = reference.height(xy)
        sides.append(float(np.hypot(np.diff(z), np.linalg.norm(np.diff(xy, axis=0), axis=1)).sum()))
    return sides[0], sides[1]
