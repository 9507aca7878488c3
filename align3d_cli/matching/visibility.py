"""What a scan of one side could have seen of a surface."""

from dataclasses import dataclass

import numpy as np

PIXEL = 2.0  # spacings a side: smaller pixels of a depth map have holes between the points
FACING = 0.35  # cosine; surfaces seen at less than 20 degrees are lost by sensors, and not missed
BEHIND = 2.5  # pixels of depth: the slope of a surface at the least angle, within one pixel


@dataclass(frozen=True, slots=True)
class View:
    """From where a scan was taken, in its own frame.

    direction: (3,) from the sensor into the scene
    eye:       (3,) where the sensor stands, or None for one that is far away
    """

    direction: np.ndarray
    eye: np.ndarray | None = None

    def ways(self, xyz: np.ndarray) -> np.ndarray:
        """(N, 3) unit vectors from the sensor to the points (N, 3)."""
        ways = np.broadcast_to(self.direction, xyz.shape) if self.eye is None else xyz - self.eye
        return ways / np.linalg.norm(ways, axis=1, keepdims=True)


def visible(xyz: np.ndarray, normals: np.ndarray, scan_xyz: np.ndarray, spacing: float, view: View) -> np.ndarray:
    """(N,) bool: the surface faces the sensor there, and neither it nor the scan stands before it.

    xyz, normals: (N, 3) of a surface in the scan's frame, normals outward; scan_xyz: (M, 3)
    spacing:      the larger one of both
    """
    pixel, depth = _image(np.concatenate((xyz, scan_xyz)), PIXEL * spacing, view)
    front = np.full(int(pixel.max()) + 1, np.inf)
    np.minimum.at(front, pixel, depth)
    facing = -np.einsum("ij,ij->i", normals, view.ways(xyz)) > FACING
    return facing & (depth[: len(xyz)] <= front[pixel[: len(xyz)]] + BEHIND * PIXEL * spacing)


def _image(xyz: np.ndarray, side: float, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Pixel (N,) int64, numbered from 0, and depth (N,) of each point, pixels about `side` wide on the scan."""
    forward = view.direction / np.linalg.norm(view.direction)
    right = np.cross(forward, np.eye(3)[np.abs(forward).argmin()])
    right /= np.linalg.norm(right)
    axes = np.stack((right, np.cross(forward, right), forward))
    placed = (xyz - (0 if view.eye is None else view.eye)) @ axes.T
    across, depth = placed[:, :2], placed[:, 2]
    if view.eye is not None:
        across = across / depth[:, None] * np.median(depth)
    cells = np.floor((across - across.min(axis=0)) / side).astype(np.int64)
    return np.unique(cells @ np.array([cells[:, 1].max() + 1, 1]), return_inverse=True)[1], depth
