"""From where the points of a scan are seen: which side of a surface is outside."""

import numpy as np

from align3d_cli.model.drawn import Drawn


def seen_from(drawn: Drawn, n: int) -> np.ndarray:
    """(n, 3) float64 unit vectors from each point of a cloud to the cameras that show it, on average over their pixels;
    0 for points that none shows.

    n: points of the cloud
    """
    cameras = drawn.views.cameras.camera_from_cloud
    out = np.zeros((n, 3))
    for view, camera in zip(drawn.views.index.numpy(), cameras, strict=True):
        shown = np.bincount(view[view >= 0], minlength=len(drawn.rows))
        out[drawn.rows] -= shown[:, None] * camera[2, :3]  # the camera looks along its own z
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return np.divide(out, length, out=np.zeros_like(out), where=length > 1e-9)
