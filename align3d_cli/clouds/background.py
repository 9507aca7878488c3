"""The plane a part lies on: found on the border of an organised scan, dropped with all that is not the part.

Distances are those published for MVTec 3D-AD: 4 mm to fit, 5 mm to drop, clusters within 6 mm.
"""

from dataclasses import dataclass

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.off_plane import DROP_MM, part_off_plane
from align3d_cli.clouds.planes import heights, ransac_plane
from align3d_cli.clouds.sample import hash_order
from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.clouds.strays import core_of
from align3d_cli.clouds.units import MILLIMETRES

FIT_MM = 4.0
BORDER_PX = 10
BORDER_VALID = 0.5  # less of the border measured: the plane has been removed already
METRES = (0.1, 2.0)  # a field of view this wide, in a file without unit, is taken as metres
FIELD_MM = 300.0  # other fields are scaled to the one those distances were chosen for

# A support, not a part that fills the picture: measured on 40 road tiles (none passes) and parts on plates (all do).
BORDER_ON_PLANE = 0.8
FLAT = 0.003  # median distance from the plane over the field of view; roads have 0.004 and more
ONE_SIDED = 0.9  # of the points off the plane
PART_SHARE = (0.01, 0.8)  # of the points
STEEP = 0.5  # of the part's outline: the scan drops by more than a pixel's width there, a dent does not


@dataclass(frozen=True, slots=True)
class Support:
    """plane: (4,) a b c d; part: (N,) bool, the rows of the cloud that are the part lying on it."""

    plane: np.ndarray
    part: np.ndarray


def find_support(cloud: PointCloud, *, certain: bool) -> Support | None:
    """The support under a part, or None when there is none, or it has been removed already.

    certain: the caller knows that there is one; otherwise only what cannot be the part itself is taken for it,
    and only in organised scans.
    """
    if cloud.grid is None:
        return _under_points(cloud) if certain else None
    valid = cloud.valid
    border = _border(cloud.grid)
    on_border = border & valid
    if on_border.sum() < max(3, BORDER_VALID * border.sum()):
        return None
    rim = cloud.xyz[on_border]
    field = _field(rim)
    mm = _millimetre(cloud.unit, field)
    plane = ransac_plane(rim, FIT_MM * mm, np.random.default_rng(0))
    if plane is None:
        return None
    with np.errstate(invalid="ignore"):  # holes may be infinite
        height = heights(cloud.xyz, plane)
    part = part_off_plane(cloud.xyz, height, valid, mm, cloud.grid)
    support = Support(plane, part)
    if certain:
        return support
    return support if _carries_part(cloud, support, height, on_border, field, mm) else None


def _border(grid: tuple[int, int]) -> np.ndarray:
    """(H * W,) bool, the outer BORDER_PX pixels (fewer in small scans)."""
    width = min(BORDER_PX, max(1, min(grid) // 8))
    border = np.ones(grid, bool)
    border[width:-width, width:-width] = False
    return border.ravel()


def _field(rim: np.ndarray) -> float:
    """Diagonal of the field of view, without the outermost 2 % that may be noise."""
    low, high = np.percentile(rim, [2, 98], axis=0)
    return float(np.linalg.norm(high - low))


def _millimetre(unit: str | None, field: float) -> float:
    """One millimetre in the units of the cloud."""
    if unit in MILLIMETRES:
        return 1.0 / MILLIMETRES[unit]
    if METRES[0] <= field <= METRES[1]:
        return 0.001
    return field / FIELD_MM


def _carries_part(
    cloud: PointCloud, support: Support, height: np.ndarray, on_border: np.ndarray, field: float, mm: float
) -> bool:
    """Whether the plane is a flat rest with one part standing on it, rather than the part itself."""
    rim, valid = np.abs(height[on_border]), cloud.valid
    off = valid & (np.abs(height) > DROP_MM * mm)
    share = support.part.sum() / valid.sum()
    if (rim < FIT_MM * mm).mean() < BORDER_ON_PLANE or np.median(rim) > FLAT * field:
        return False
    if not PART_SHARE[0] <= share <= PART_SHARE[1]:
        return False
    above = (height[off] > 0).mean()
    if max(above, 1 - above) < ONE_SIDED or _is_pit(cloud, support, height):
        return False
    return _steep_outline(cloud, support.part, height) >= STEEP


def _is_pit(cloud: PointCloud, support: Support, height: np.ndarray) -> bool:
    """Whether the part lies behind the plane, as seen from a camera at the origin (when there is one)."""
    if cloud.grid is None or not _pinhole(cloud, cloud.grid[1]):
        return False
    camera = support.plane[3]  # height of the origin
    return bool(np.median(height[support.part]) * camera < 0)


def _pinhole(cloud: PointCloud, width: int) -> bool:
    """Whether columns follow x / z better than x: coordinates of a perspective camera at the origin.

    width: of the scan's picture, in pixels
    """
    rows = np.flatnonzero(cloud.valid)
    rows = rows[:: max(1, len(rows) // 5000)]
    x, y, z = cloud.xyz[rows].T
    if z.min() <= 0 <= z.max():
        return False
    v, u = np.divmod(rows, width)
    pixels = np.stack([u, v, np.ones(len(u))], axis=1)

    def misfit(values: np.ndarray) -> float:
        left = values - pixels @ np.linalg.lstsq(pixels, values, rcond=None)[0]
        return float(left.std() / max(values.std(), 1e-12))

    return misfit(x / z) + misfit(y / z) < misfit(x) + misfit(y)


def _steep_outline(cloud: PointCloud, part: np.ndarray, height: np.ndarray) -> float:
    """Share of the part's outline at which the scan drops by more than a pixel's width, or loses sight."""
    inside = part.reshape(cloud.grid)
    level = np.where(cloud.valid, np.abs(height), -1e300).reshape(cloud.grid)  # inf - inf is NaN
    pitch = point_spacing(cloud.xyz[cloud.valid])
    drops = []
    for side in range(4):  # each side of the pixels in turn
        turned, levels = np.rot90(inside, side), np.rot90(level, side)
        outline = turned[1:] & ~turned[:-1]
        drops.append((levels[1:] - levels[:-1])[outline])
    deep = np.concatenate(drops) > pitch
    return float(deep.mean()) if len(deep) else 0.0


def _under_points(cloud: PointCloud) -> Support | None:
    """The dominant plane of an unordered cloud, when all else lies on one side of it and within its outline."""
    rows = np.flatnonzero(cloud.valid)
    rows = rows[~core_of(cloud.xyz[rows]).far(cloud.xyz[rows])]  # far points would be the field of view
    xyz = cloud.xyz[rows]
    field = _field(xyz)
    mm = _millimetre(cloud.unit, field)
    plane = ransac_plane(xyz[hash_order(xyz)], FIT_MM * mm, np.random.default_rng(0))
    if plane is None:
        return None
    height = heights(xyz, plane)
    off = np.abs(height) > DROP_MM * mm
    above = (height[off] > 0).mean() if off.any() else 0.5
    if max(above, 1 - above) < ONE_SIDED or not _overhangs(xyz[~off], xyz[off], plane):
        return None
    part = np.zeros(len(cloud), bool)
    part[rows] = part_off_plane(xyz, height, np.ones(len(xyz), bool), mm, None)
    return Support(plane, part)


def _overhangs(rest: np.ndarray, part: np.ndarray, plane: np.ndarray) -> bool:
    """Whether the plane's points reach a tenth further than the part's, both ways along the plane."""
    along = np.linalg.svd(plane[None, :3])[2][1:].T
    spread_rest, spread_part = (np.subtract(*np.percentile(p @ along, [98, 2], axis=0)) for p in (rest, part))
    return bool((spread_rest > 1.1 * spread_part).all())
