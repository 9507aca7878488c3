"""How far apart points may lie and still be one surface, across the image and in depth."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from align3d_cli.clouds.sample import some_points
from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.clouds.voxels import bounds, distinct, thinned
from align3d_cli.render.cameras import Cameras
from align3d_cli.render.choose import spread_rows

SAMPLE = 16_384  # rows that stand for the whole cloud when its density is measured
QUERIES = 8192  # of its rows, within 1 %; with 2048 splats came out a pixel wider or narrower by chance
NEIGHBOURS = 6
CLUSTERED = 0.3  # evenness below which points lie in clusters; it is 0.47 for points thrown at random
THINNINGS = 4  # of points in clusters; frames of one sensor laid over each other take one or two
WEIGHT_STEPS = 64
WIDEST_PX = 10  # a handful of points stays a handful of spots


@dataclass(frozen=True, slots=True)
class Footprint:
    """Size of the square splats of one call: every point covers its own pixel and `reach_px` more on each side.

    tolerance: depth behind the front that still is the same surface, in units of the cloud; 0 for a plain z-buffer
    closing:   whether what the splats add beyond an outline is taken off again
    width_px:  where the weight of a point among those that share a pixel comes to zero; None: just beyond the square
    """

    reach_px: int
    tolerance: float
    closing: bool
    width_px: float | None = None

    @property
    def weights(self) -> list[int]:
        """What a point counts 0, 1, .. pixels beside its own."""
        return splat_weights(self.reach_px + 1.0 if self.width_px is None else self.width_px)


def splat_weights(width_px: float) -> list[int]:
    """Integer weight of a neighbour 0, 1, .. pixels away, all that are nearer than `width_px` >= 1; their products
    weigh the square. Never 0."""
    n = math.ceil(width_px)
    return [max(round(WEIGHT_STEPS * (1.0 - (i / width_px) ** 2) ** 2), 1) for i in range(n)]


def fixed_footprint(cameras: Cameras, xyz: np.ndarray, radius_px: float, depth_tolerance: float | None) -> Footprint:
    """Square splats about 2 * radius_px wide (an odd number of pixels). The tolerance defaults to their half side."""
    tolerance = radius_px * _finest_pixel(cameras, xyz) if depth_tolerance is None else float(depth_tolerance)
    return Footprint(max(round(radius_px - 0.5), 0), tolerance, closing=False)


def closing_footprint(
    cameras: Cameras, xyz: np.ndarray, spacing: float, depth_tolerance: float | None = None, gradual: bool = False
) -> Footprint:
    """Splats just wide enough that no view sees through a surface.

    xyz: (N, 3) float64, finite; spacing: median nearest-neighbour distance.
    gradual: points are blended over a width that follows their distance, not over whole pixels
    """
    apart, evenness = distance_apart(xyz, spacing)
    # A square of half side h on points thrown at random is empty with exp(-4 h^2 density); a grid needs far less
    radius = apart * float(np.interp(evenness, [0.5, 0.9], [1.6, 1.0]))
    pixel = _finest_pixel(cameras, xyz)
    reach_px = min(max(math.ceil(radius / pixel - 0.5), 0), WIDEST_PX)
    tolerance = 1.25 * max(apart, pixel) if depth_tolerance is None else float(depth_tolerance)
    half = min(max(radius / pixel, 0.5), WIDEST_PX)
    width_px = min(2 * half, half + 1) if gradual else None  # as wide as whole pixels are on average; at most one, one
    return Footprint(reach_px, tolerance, tolerance > 0, width_px)


def distance_apart(xyz: np.ndarray, spacing: float) -> tuple[float, float]:
    """density ** -0.5 in the sparser quarter of the cloud, and how evenly its points lie.

    The evenness, spacing * density ** 0.5, is 0.47 for points thrown at random and 1 on a grid. Copies of a point, and
    clusters as of several frames of one sensor, make a cloud denser without closing a gap, so they count as one point.
    """
    xyz = distinct(xyz - bounds(xyz)[0])  # points are drawn by their places: a cloud moved whole is drawn alike
    apart, evenness = _density(xyz, spacing)
    for _ in range(THINNINGS):
        if evenness >= CLUSTERED:
            break
        xyz = thinned(xyz, apart)
        spacing = point_spacing(xyz)
        apart, evenness = _density(xyz, spacing)
    return apart, evenness


def _density(xyz: np.ndarray, spacing: float) -> tuple[float, float]:
    """As distance_apart, every point counted: from the sixth neighbours in a subsample."""
    sample = some_points(xyz, SAMPLE)
    n = len(sample)
    if n <= NEIGHBOURS:
        return float(spacing), 1.0
    tree = cKDTree(sample, balanced_tree=False, compact_nodes=False)
    distance = tree.query(some_points(sample, QUERIES), k=NEIGHBOURS + 1)[0][:, -1]
    apart = np.quantile(distance, [0.5, 0.75]) * math.sqrt(math.pi / (NEIGHBOURS - 1.0 / 3.0) * n / len(xyz))
    return (float(apart[1]), float(spacing / apart[0])) if apart[0] > 0 else (float(spacing), 1.0)


def _finest_pixel(cameras: Cameras, xyz: np.ndarray) -> float:
    """Side of a pixel, in units of the cloud, where the cloud comes nearest to the cameras."""
    rows = spread_rows(len(xyz), 2048)
    matrices = cameras.camera_from_cloud
    depth = matrices[:, 2, :3] @ xyz[rows].T + matrices[:, 2, 3:]
    ahead = depth[depth > 0]
    return cameras.pixel_size(float(np.quantile(ahead, 0.05)) if len(ahead) else 1.0)
