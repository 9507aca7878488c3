"""Where the sensor of an organised scan stood: along the line of sight a point moves without leaving its pixel.

Three readings of the grid are tried. Rows and columns of a depth camera in its own frame are two coordinates divided by
the third; those of a parallel projection along an axis of the file are two coordinates as they are; any other camera is
a projective map. Surfaces that are steep, tilted or flat need no care: all readings look at places, none at normals.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from align3d_cli.clouds.sample import spread_rows

SAMPLE = 2000  # points that stand for the scan; the fits have at most 11 unknowns
FEWEST = 12  # points that determine the largest fit
AHEAD = 1e-3  # of the median depth; a coordinate that comes nearer to zero, or changes its sign, is no depth
# A tilted plane under a parallel projection fits two axes alike; then the one with squarer pixels counts, where the
# noise is below a hundredth of the plane's width and its pixels are not four times as long as they are wide
SQUARE = 1e-4
EXACT = 1e-6  # share of the spread, squared, that stays unexplained in a perfect fit: a third of a pixel in 336
DEGENERATE = 1e-9  # width over length of pixels that are none
RESOLVED = 1e-7  # of the largest singular value; float32 coordinates have nothing below
FAR_BETTER = 0.1  # of the unexplained share; a map of 11 unknowns explains noise too, so it has to win clearly


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to understand the grid.

    towards: (3,) unit vector to the sensor; unexplained: squares that the fit leaves, as a share of the spread's, >= 0
    oblong:  what pixels that are not square add to that when readings are compared
    """

    towards: np.ndarray
    unexplained: float
    oblong: float = 0.0


NO_READING = _Reading(np.array([0.0, 0.0, 1.0]), np.inf)


def sensor_direction(xyz: np.ndarray, index: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """(3,) unit vector from the middle of an organised scan towards its sensor.

    xyz: (N, 3) float64, finite; index: (N,) int, the flat pixel `row * W + column` of each; grid: (H, W)
    Seen from the sensor, columns run right and rows run down; a camera in its own frame stands at the origin, also
    where the file mirrors it. +z where the points are too few to tell, or all lie in one row. The direction of a plane
    is known only by the origin or by an axis of the file; of a plane turned away from both it is the normal.
    """
    rows = spread_rows(len(xyz), SAMPLE)
    sample, pixel = xyz[rows], _pixels(index[rows], grid)
    if len(rows) < FEWEST or not (np.ptp(pixel, axis=0) > 0).all():
        return np.array([0.0, 0.0, 1.0])
    best = min(_readings(sample, pixel), key=lambda reading: reading.unexplained + reading.oblong)
    if best.unexplained > EXACT:
        free = _projective(sample, pixel)
        best = free if free.unexplained < FAR_BETTER * best.unexplained else best
    return best.towards


def _pixels(index: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """(N, 2) column and row, counted from the middle in halves of the longer side."""
    row, column = np.divmod(index, grid[1])
    middle = 0.5 * (np.array([grid[1], grid[0]]) - 1)
    return (np.stack([column, row], axis=1) - middle) / (0.5 * max(grid))


def _readings(xyz: np.ndarray, pixel: np.ndarray) -> Iterator[_Reading]:
    """Each axis of the file as the line of sight: of a parallel projection, and as depth before a camera."""
    for axis in (2, 1, 0):  # z before y before x when they tie
        across, ahead = xyz[:, [(axis + 1) % 3, (axis + 2) % 3]], xyz[:, axis]
        yield _linear(across, pixel, np.eye(3)[axis])
        if np.min(ahead * np.sign(ahead[0])) > AHEAD * abs(np.median(ahead)):
            middle = xyz.mean(axis=0)
            yield replace(_linear(across / ahead[:, None], pixel), towards=-middle / np.linalg.norm(middle))


def _linear(image: np.ndarray, pixel: np.ndarray, axis: np.ndarray = NO_READING.towards) -> _Reading:
    """Image coordinates (N, 2) as a linear map of the pixels (N, 2).

    axis: (3,) at right angles to both images axes, which turn about it; right and down turn about the way ahead
    """
    image, pixel = image - image.mean(axis=0), pixel - pixel.mean(axis=0)
    turn = np.linalg.lstsq(pixel, image, rcond=None)[0]
    spread, (long, short) = (image**2).sum(axis=0), np.linalg.svd(turn, compute_uv=False)
    if not (spread > 0).all() or short <= DEGENERATE * long:
        return NO_READING
    unexplained = (((image - pixel @ turn) ** 2).sum(axis=0) / spread).sum()
    towards = -np.sign(np.linalg.det(turn)) * axis
    return _Reading(towards, float(unexplained), SQUARE * float(np.log(long / short)) ** 2)


def _projective(xyz: np.ndarray, pixel: np.ndarray) -> _Reading:
    """The best camera of any kind, by the direct linear transform; its line of sight through the middle of the points.

    Linear in 11 unknowns: pixel * (1 + c . place) = a . place + a0, for column and row.
    """
    middle = xyz.mean(axis=0)
    places = np.column_stack([(xyz - middle) / (np.abs(xyz - middle).max() or 1.0), np.ones(len(xyz))])
    none, (column, row) = np.zeros_like(places), pixel.T[:, :, None]
    system = np.block([[places, none, -column * places[:, :3]], [none, places, -row * places[:, :3]]])
    found = np.linalg.lstsq(system, pixel.T.ravel(), rcond=RESOLVED)[0]
    camera = np.append(found, 1.0).reshape(3, 4)
    u, v, depth = camera @ places.T
    right, down = camera[:2, :3] - camera[:2, 3:] * camera[2, :3]  # how places move a pixel, at the middle
    away = np.cross(right, down)
    if not (depth > 0).all() or not away.any():
        return NO_READING
    left, spread = pixel - np.stack([u / depth, v / depth], axis=1), pixel - pixel.mean(axis=0)
    unexplained = ((left**2).sum(axis=0) / (spread**2).sum(axis=0)).sum()
    return _Reading(-away / np.linalg.norm(away), float(unexplained))
