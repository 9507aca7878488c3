"""Images of coordinates: one point a pixel, some of them not measured."""

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.source import Source


def organised_cloud(source: Source, image: np.ndarray, *, unit: str | None = None) -> PointCloud:
    """The cloud of an (H, W, 3) image, row major; `read_scan` makes the pixels without measurement NaN."""
    return PointCloud(image.astype(np.float64).reshape(-1, 3), grid=image.shape[:2], unit=unit, path=source.path)
