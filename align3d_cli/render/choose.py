"""Which views suit a scan: from the side the sensor stood on, or all around."""

import numpy as np

from align3d_cli.clouds.sample import spread_rows as spread_rows
from align3d_cli.clouds.sensor import sensor_direction

SAMPLE = 60_000  # points that stand for the scan; the test costs some 15 ms
FINEST = 192  # cells along the longest side, fewer when points are few: about two a cell
SHEET = 0.5  # share of points seen from both sides: a closed part shows only its rim (and through its holes)
LAYER = 0.3  # share of a sheet's points in the middle half of its local thickness; half of them when spread evenly


def choose_views(xyz: np.ndarray, grid: tuple[int, int] | None, n: int, index: np.ndarray | None = None) -> str:
    """Name of the views that suit the cloud, for cameras.preset_rotations.

    xyz: (N, 3) float64, finite; grid: (H, W) of an organised scan; index: (N,) its flat pixel under each point, may
    be left out when N == H * W.
    Returns "front:n" or another side ("front-z:n", ..) for organised scans - the side the sensor stood on, by the
    order of rows and columns, or towards the origin when index is missing - and for open sheets; "sphere:n" for
    parts closed all around. A sheet is seen from both sides of some axis alike.
    """
    if grid is not None:
        if index is None and len(xyz) != grid[0] * grid[1]:
            return f"{_side(*_towards_origin(xyz))}:{n}"
        return f"{_side(*_main_axis(_sensor_direction(xyz, grid, index)))}:{n}"
    sample = xyz[spread_rows(len(xyz), SAMPLE)]
    low, high = sample.min(axis=0), sample.max(axis=0)
    unit = (sample - low) / max(float((high - low).max()), 1e-12)
    both = [_one_layer_seen_from_both_sides(unit, axis) for axis in range(3)]
    axis = max((2, 1, 0), key=lambda a: both[a])  # z before y before x when they tie
    return f"{_side(axis, 1.0)}:{n}" if both[axis] > SHEET else f"sphere:{n}"


def _side(axis: int, sign: float) -> str:
    name = f"front{'+' if sign >= 0 else '-'}{'xyz'[axis]}"
    return "front" if name == "front+z" else name


def _sensor_direction(xyz: np.ndarray, grid: tuple[int, int], index: np.ndarray | None) -> np.ndarray:
    if index is None:  # places without a measurement are exactly zero
        index = np.flatnonzero((xyz != 0).any(axis=1))
        xyz = xyz[index]
    return sensor_direction(xyz, index, grid)


def _main_axis(direction: np.ndarray) -> tuple[int, float]:
    axis = max((2, 1, 0), key=lambda a: abs(direction[a]))  # z before y before x when they tie
    return axis, float(direction[axis])


def _towards_origin(xyz: np.ndarray) -> tuple[int, float]:
    """Axis and sign that lead from the cloud to the origin, where range sensors stand in their own frame."""
    middle = xyz[spread_rows(len(xyz), SAMPLE)].mean(axis=0)
    axis = max((2, 1, 0), key=lambda a: abs(middle[a]))
    return axis, -float(np.sign(middle[axis]) or -1.0)


def _one_layer_seen_from_both_sides(unit: np.ndarray, axis: int) -> float:
    """Share of the points (N, 3) in [0, 1] seen along an axis from its positive and from its negative end.

    0 when the points that are lie in two layers, as those of a thin closed plate do.
    """
    across = [a for a in range(3) if a != axis]
    size = int(min(max((len(unit) / 2.0) ** 0.5, 8), FINEST))
    column, row = np.minimum((unit[:, across] * size).astype(np.int64), size - 1).T
    cell, height = row * size + column, unit[:, axis]
    below = _spread_maximum(cell, height, size)[cell] - height
    above = height + _spread_maximum(cell, -height, size)[cell]
    # A sheet may climb one cell a cell (45 degrees) across the 3 x 3 cells that close it
    both = (below < 3.0 / size) & (above < 3.0 / size)
    between = np.minimum(below, above) >= 0.25 * (below + above)
    return float(both.mean()) if (both & between).sum() > LAYER * both.sum() else 0.0


def _spread_maximum(cell: np.ndarray, height: np.ndarray, size: int) -> np.ndarray:
    """(size * size,) greatest height in each cell and its eight neighbours."""
    padded = np.full((size + 2, size + 2), -np.inf)
    top = np.full(size * size, -np.inf)
    np.maximum.at(top, cell, height)
    padded[1:-1, 1:-1] = top.reshape(size, size)
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]).ravel()
