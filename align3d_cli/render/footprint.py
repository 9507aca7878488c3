"""How large a splat must be so that a surface closes, and how deep a surface may be."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from align3d_cli.render.cameras import Cameras
from align3d_cli.render.choose import spread_rows

# Fixed-point steps of the surface sums: integers add up to the same bytes in any order, on any device.
WEIGHT_STEPS = 1023.0
OFFSET_STEPS = 1024.0  # per pixel
DEPTH_STEPS = 65536.0  # per depth tolerance

SAMPLE = 32768  # rows that stand for the whole cloud when its density is measured
QUERIES = 512
NEIGHBOURS = 6
LEAST_PX = 0.75  # below this a splat may miss every pixel centre but its own, and averages nothing


@dataclass(frozen=True, slots=True)
class Footprint:
    """Half side of the square splats of one call.

    A splat's half side in pixels is unit_px (perspective: unit_px / depth), clipped to [least_px, most_px].
    middle_px:  half side in the middle of the cloud
    pixel_size: side of a pixel there, in units of the cloud
    tolerance:  depth behind the front that still is the same surface, in units of the cloud; 0 for a plain z-buffer
    trimmed:    whether pixels that only outer rims of splats reach are given up again
    """

    least_px: float
    unit_px: float
    most_px: float
    middle_px: float
    pixel_size: float
    tolerance: float
    trimmed: bool


def fixed_footprint(
    xyz: np.ndarray, cameras: Cameras, radius_px: float, spacing: float, depth_tolerance: float | None = None
) -> Footprint:
    """Every splat 2 * radius_px wide, whatever its distance. The tolerance defaults as in closing_footprint."""
    radius_px = max(float(radius_px), 0.5)  # the pixel under the point's centre is always covered
    pixel = cameras.pixel_size(_middle_depth(xyz, cameras))
    tolerance = max(float(spacing), radius_px * pixel) if depth_tolerance is None else float(depth_tolerance)
    return Footprint(radius_px, 0.0, radius_px, radius_px, pixel, tolerance, trimmed=False)


def closing_footprint(
    xyz: np.ndarray, cameras: Cameras, spacing: float, depth_tolerance: float | None = None
) -> Footprint:
    """Splats just wide enough that no view sees through a surface.

    xyz: (N, 3) float64, finite; spacing: median nearest-neighbour distance. The tolerance defaults to the splats'
    half side or one pixel, whichever is larger.
    """
    depth = _middle_depth(xyz, cameras)
    pixel = cameras.pixel_size(depth)
    radius = closing_radius(xyz, spacing)
    most_px = max(cameras.size_px / 16.0, LEAST_PX)  # a handful of points stays a handful of spots
    middle_px = min(max(radius / pixel, LEAST_PX), most_px)
    perspective = cameras.projection == "perspective"
    unit_px = radius * cameras.scale_px
    nearest_px = min(2.0 * middle_px, most_px) if perspective else middle_px
    tolerance = max(radius, pixel) if depth_tolerance is None else float(depth_tolerance)
    return Footprint(LEAST_PX, unit_px, nearest_px, middle_px, pixel, tolerance, trimmed=True)


def closing_radius(xyz: np.ndarray, spacing: float) -> float:
    """Half side of the square that finds a point wherever it is laid on the surface, in units of the cloud.

    The density comes from the sixth neighbours in a subsample, its sparser quarter. How much of the mean distance
    between points is needed depends on how evenly they lie: spacing * sqrt(density) is 0.47 for points thrown at
    random (squares of half side h are empty with exp(-4 h^2 density)) and 1 on a grid.
    """
    if len(xyz) <= NEIGHBOURS:
        return float(spacing)
    n = min(len(xyz), SAMPLE)
    rows = spread_rows(len(xyz), n)
    sample = xyz[rows]
    neighbour = cKDTree(sample, balanced_tree=False).query(sample[:: max(n // QUERIES, 1)], k=NEIGHBOURS + 1)[0]
    distance = np.quantile(neighbour[:, -1], [0.5, 0.75])
    apart = distance * np.sqrt(np.pi / (NEIGHBOURS - 1.0 / 3.0) * n / len(xyz))  # density ** -0.5
    if not apart[0] > 0:
        return float(spacing)
    evenness = spacing / apart[0]
    return float(apart[1] * np.interp(evenness, [0.5, 0.9], [1.4, 0.9]))


def _middle_depth(xyz: np.ndarray, cameras: Cameras) -> float:
    """Depth of the middle of the cloud in the view that stands nearest to it."""
    rows = spread_rows(len(xyz), 4096)
    middle = xyz[rows].mean(axis=0)
    return float((cameras.camera_from_cloud[:, 2, :3] @ middle + cameras.camera_from_cloud[:, 2, 3]).min())
