"""The frame that a scan carries with it: views laid in it show the same pictures however the scan was turned.

x right, y up, z to the viewer, as the rotations of a preset expect it.
"""

import numpy as np

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.clouds.sensor import sensor_direction
from align3d_cli.render.choose import choose_views

OWN_PRESETS = ("around", "facing")  # names of the views that are laid in the frame of the scan
LEAST = 1e-6  # sine between rows and the line of sight; rounding of float32 alone makes less


def own_preset(scan: Prepared, n: int) -> str:
    """`facing:n` for organised scans and open sheets, `around:n` for parts closed all around."""
    if scan.grid is not None:
        return f"facing:{n}"
    kind = choose_views(scan.xyz @ scan.axes.T, None, n)
    return f"around:{n}" if kind.startswith("sphere") else f"facing:{n}"


def own_frame(scan: Prepared) -> np.ndarray:
    """(3, 3) rotation from the file's frame to the scan's own.

    Of an organised scan: towards the sensor, rows downwards. Else the principal axes, the shortest to the viewer.
    """
    if scan.grid is None:
        return scan.axes
    toward = sensor_direction(scan.xyz, scan.index, scan.grid)
    row = scan.index // scan.grid[1]
    down = (row - row.mean()) @ (scan.xyz - scan.xyz.mean(axis=0))
    right = np.cross(toward, down)
    length = np.linalg.norm(right)
    if length <= LEAST * np.linalg.norm(down):  # a single row, or rows along the line of sight
        return scan.axes
    right /= length
    return np.stack([right, np.cross(toward, right), toward])
