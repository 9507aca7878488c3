"""A scan as it is compared with others: evenly spaced points, their descriptors, and what the model says of them."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.clouds.sensor import sensor_direction
from align3d_cli.matching.evenly import even_points
from align3d_cli.matching.fpfh import fpfh
from align3d_cli.matching.orientation import oriented_normals
from align3d_cli.matching.sheet import Sheet, sheet_of
from align3d_cli.matching.surface import Surface
from align3d_cli.matching.visibility import View

CELL = 0.01  # of the references' diagonal, between even points: 5 000 to 15 000 points a scan
RADII = (0.035, 0.09)  # of it: a dent's own surroundings, and where on the part that is


@dataclass(frozen=True, slots=True)
class Seen:
    """A scan's S even points and its M prepared ones.

    zero_shot: (S,) float32 in [0, 1], mean point score of the model around each even point
    row:       (M,) int64, the even point of each prepared point
    raw:       object score of the model before calibration
    """

    surface: Surface
    zero_shot: np.ndarray
    row: np.ndarray
    raw: float


def diagonal(xyz: np.ndarray) -> float:
    """Length of the diagonal of the box around (N, 3) points."""
    return float(np.linalg.norm(np.ptp(xyz, axis=0)))


def see(scan: Prepared, points: np.ndarray, raw: float, size: float | None = None) -> Seen:
    """A scan made comparable.

    points: (M,) point scores of the model in [0, 1]; raw: its object score before calibration
    size:   diagonal of the references in the file's unit, the scan's own by default: what is compared is measured alike
    """
    towards = None if scan.grid is None else sensor_direction(scan.xyz, scan.index, scan.grid)
    return seen_from(scan.xyz, points, raw, size or diagonal(scan.xyz), towards)


def even_rows(scan: Prepared, size: float) -> np.ndarray:
    """(M,) int64, the even point of each prepared point, as `see` has them at that size."""
    return even_points(scan.xyz, CELL * size)[1]


def seen_from(xyz: np.ndarray, points: np.ndarray, raw: float, size: float, towards: np.ndarray | None) -> Seen:
    """As `see`, of prepared points (M, 3). towards: (3,) to the sensor of a one-sided scan, else None"""
    even, row = even_points(xyz, CELL * size)
    normals = oriented_normals(even, towards)
    descriptors = fpfh(even, normals, [radius * size for radius in RADII])
    descriptors = descriptors.astype(np.float16).astype(np.float32)  # as they are stored: read again they are the same
    view = None if towards is None else View(-towards)
    surface = Surface(even, normals, descriptors, CELL * size, diagonal(even), view=view)
    zero_shot = np.bincount(row, points) / np.bincount(row)
    return Seen(surface, zero_shot.astype(np.float32), row, raw)


def sheet(seen: Seen, triangles: np.ndarray | None = None) -> Sheet:
    """The scan as a surface that deviations are measured from. triangles: (T, 3, 3) of the mesh that it is of"""
    one = seen.surface
    return sheet_of(one.xyz, one.normals, one.spacing, one.size, oriented=one.oriented, triangles=triangles)
