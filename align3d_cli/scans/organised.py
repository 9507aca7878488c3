"""Images of coordinates: one point a pixel, some of them not measured."""

import numpy as np

from align3d_cli.scans.cloud import PointCloud
from align3d_cli.scans.source import Source


def organised_cloud(source: Source, image: np.ndarray) -> PointCloud:
    """The cloud of an (H, W, 3) image, row major; pixels without measurement become NaN rows."""
    xyz = image.astype(np.float64).reshape(-1, 3)
    xyz[unmeasured(xyz)] = np.nan
    return PointCloud(xyz, grid=image.shape[:2], path=source.path)


def unmeasured(xyz: np.ndarray) -> np.ndarray:
    """(N,) bool of (N, 3): rows that are (0, 0, 0) or not finite. One column at a time: half the time of `all`."""
    x, y, z = xyz.T
    return ~(np.isfinite(x) & np.isfinite(y) & np.isfinite(z)) | ((x == 0) & (y == 0) & (z == 0))
