"""Depth images to points: the pinhole camera, in one place.

Pixel (row i, column j) covers i .. i + 1 and j .. j + 1, so its middle lies at (j + 0.5, i + 0.5) and the middle of an
image at (W / 2, H / 2). A camera matrix that counts from the middle of the first pixel has its centre half a pixel
lower than this.
"""

import numpy as np


def pixel_rays(shape: tuple[int, int], focal_px: float, centre: tuple[float, float]) -> np.ndarray:
    """(H, W, 3) float64 directions through the middles of the pixels: x right, y down, z = 1 forward.

    shape: (H, W); centre: (x, y) of the principal point in pixels, see above
    """
    height, width = shape
    x, y = np.meshgrid(
        (np.arange(width) + 0.5 - centre[0]) / focal_px, (np.arange(height) + 0.5 - centre[1]) / focal_px
    )
    return np.stack((x, y, np.ones_like(x)), axis=2)


def unproject(depth: np.ndarray, focal_px: float, centre: tuple[float, float]) -> np.ndarray:
    """(H * W, 3) float64 points of a depth image, row major, in the camera's frame and the unit of the depth.

    depth: (H, W) along the optical axis; NaN where nothing was measured gives NaN
    """
    height, width = depth.shape
    points = pixel_rays((height, width), focal_px, centre)
    points *= depth[..., None]
    return points.reshape(-1, 3)
