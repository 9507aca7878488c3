"""A mesh as its file has it, row for row."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.io.surface import Surface


@dataclass(frozen=True, slots=True)
class MeshFile:
    """What a mesh file holds: its own rows, which the heat map is written to, and the surfaces to draw points from.

    vertices: (M, 3) float64 in file order; faces: (F, 3) int64, rows of vertices, in file order
    surfaces: all faces, each once, with their colours; empty for a file of points
    colours:  (M, 3) uint8 of the vertices, or None
    unit:     "m", .. where the format states it
    notes:    what was doubtful about the reading, a sentence each
    """

    vertices: np.ndarray
    faces: np.ndarray
    surfaces: tuple[Surface, ...]
    colours: np.ndarray | None = None
    unit: str | None = None
    notes: tuple[str, ...] = ()


def fan_corners(corners: np.ndarray) -> np.ndarray:
    """(F, 3) int: polygons of `corners` (P,) corners cut into fans, all triangles of one from its first corner.

    Counted over the corners of all polygons one after the other; those of fewer than 3 give no triangle.
    """
    fans = np.maximum(corners - 2, 0)
    first = np.repeat(np.cumsum(corners) - corners, fans)
    step = np.arange(fans.sum()) - np.repeat(np.cumsum(fans) - fans, fans)
    return np.stack([first, first + step + 1, first + step + 2], axis=1)
