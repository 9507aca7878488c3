"""The plane a part lies on: found on the border of an organised scan, dropped with all that is not the part.

Distances are those published for MVTec 3D-AD: 4 mm to fit, 5 mm to drop, clusters within 6 mm.
"""

from dataclasses import dataclass

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.planes import heights, ransac_plane
from align3d_cli.clouds.sample import hash_order
from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.clouds.strays import core_of
from align3d_cli.clouds.units import MILLIMETRES
from align3d_cli.clouds.voxels import components, largest

FIT_MM, DROP_MM, CLUSTER_MM = 4.0, 5.0, 6.0
CLUSTER_POINTS = 30  # DBSCAN's min_samples
WIDE_PX = 5  # as many sparse points each way in the picture are a surface; flying pixels stand one or two abreast
PIECE_SHARE = 0.05  # of the points of the largest cluster: the handle of a glass lid, apart from its steel rim
REACH = 1.05  # of the part's greatest height; sparse points above that are ghosts
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
    part = _part(cloud.xyz, height, valid, mm, cloud.grid)
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


def _part(
    xyz: np.ndarray, height: np.ndarray, valid: np.ndarray, mm: float, grid: tuple[int, int] | None
) -> np.ndarray:
    """(N,) bool, the largest cluster of what is off the plane.

    In an organised scan with what touches it in the image, for seen from one side the cap of a bottle and its shoulder
    are apart in space and so are the points of a steep wall, and with other large clusters that no edge cuts.
    """
    off = np.flatnonzero(valid & ~(np.abs(height) <= DROP_MM * mm))
    part = np.zeros(len(xyz), bool)
    if not len(off):
        return part
    # cells of 0.58 x: touching cells connect points that are the distance apart, give or take its half
    cell = 0.58 * max(CLUSTER_MM * mm, 5 * point_spacing(xyz[off]))
    labels = components(xyz[off], cell, least=CLUSTER_POINTS)
    part[off[largest(labels)]] = True
    if grid is None or not part.any():
        return part
    image = np.full(len(xyz), -1)
    image[off] = labels
    rising = np.where(valid, height, 0.0) * np.sign(np.median(height[part]))
    return _in_image(part.reshape(grid), image.reshape(grid), rising.reshape(grid)).ravel()


def _in_image(part: np.ndarray, labels: np.ndarray, rising: np.ndarray) -> np.ndarray:
    """(H, W) bool, the part with what belongs to it in the image.

    labels: (H, W) int, clusters from 1 on, 0 off the plane and in no cluster, -1 on the plane or not measured
    rising: (H, W) height over the plane, above 0 on the part's side
    """
    from scipy import ndimage

    part = part | _pieces(np.where(rising > 0, labels, 0).clip(min=0))
    sparse = (labels == 0) & (rising > 0) & (rising <= REACH * rising[part].max())
    wall = ndimage.binary_opening(sparse, np.ones((WIDE_PX, WIDE_PX), bool))
    return _touching(part, wall | (labels > 0))


def _pieces(labels: np.ndarray) -> np.ndarray:
    """(H, W) bool, the clusters of at least PIECE_SHARE of the largest one's points that no edge of the picture cuts.

    labels: (H, W) int, 0 for no cluster
    """
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    keep = sizes >= max(1.0, PIECE_SHARE * sizes.max())
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        keep[edge] = False
    return keep[labels]


def _touching(part: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """(H, W) bool, the pixels of `candidates` from which `part` is reached over gaps of up to two pixels."""
    from scipy import ndimage

    around = np.ones((3, 3), bool)
    joined = ndimage.label(ndimage.binary_dilation(candidates, around), around)[0]
    reached = np.zeros(joined.max() + 1, bool)
    reached[joined[part]] = True
    reached[0] = False
    return candidates & reached[joined]


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
    part[rows] = _part(xyz, height, np.ones(len(xyz), bool), mm, None)
    return Support(plane, part)


def _overhangs(rest: np.ndarray, part: np.ndarray, plane: np.ndarray) -> bool:
    """Whether the plane's points reach a tenth further than the part's, both ways along the plane."""
    along = np.linalg.svd(plane[None, :3])[2][1:].T
    spread_rest, spread_part = (np.subtract(*np.percentile(p @ along, [98, 2], axis=0)) for p in (rest, part))
    return bool((spread_rest > 1.1 * spread_part).all())
