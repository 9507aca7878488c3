"""What stands off a plane: the part on it, with what belongs to it in the picture of an organised scan."""

import numpy as np

from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.clouds.voxels import components, largest

DROP_MM, CLUSTER_MM = 5.0, 6.0  # published for MVTec 3D-AD
CLUSTER_POINTS = 30  # DBSCAN's min_samples
WIDE_PX = 5  # as many sparse points each way in the picture are a surface; flying pixels stand one or two abreast
PIECE_SHARE = 0.05  # of the points of the largest cluster: the handle of a glass lid, apart from its steel rim
REACH = 1.05  # of the part's greatest height; sparse points above that are ghosts


def part_off_plane(
    xyz: np.ndarray, height: np.ndarray, valid: np.ndarray, mm: float, grid: tuple[int, int] | None
) -> np.ndarray:
    """(N,) bool, the largest cluster of what is off the plane.

    In an organised scan with what touches it in the image, for seen from one side the cap of a bottle and its shoulder
    are apart in space and so are the points of a steep wall, and with other large clusters that no edge cuts.
    xyz: (N, 3); height: (N,) over the plane; valid: (N,) bool, measured; mm: one millimetre in the cloud's unit
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
