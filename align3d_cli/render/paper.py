"""The published look: what Open3D's legacy visualizer draws with PointAD's settings."""

import numpy as np
import torch
from PIL import Image

from align3d_cli.render.cameras import Cameras, rotated_bounds
from align3d_cli.render.shade import grey, lit_colour
from align3d_cli.render.splat import Views, splat
from align3d_cli.render.window import Window

LIGHT_DISTANCE = 2.0  # of the lights before and behind the centre of the bounding box, over its longest side
HALVES = ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5))  # px right and down


def pointad_images(
    xyz: np.ndarray,
    cameras: Cameras,
    window: Window,
    *,
    normals: np.ndarray,
    colours: np.ndarray | None = None,
    device: str | torch.device = "cpu",
) -> torch.Tensor:
    """(V, 3, H, W) float32 in [0, 1], H = W = cameras.size_px: square points in a larger window, reduced.

    xyz: (N, 3) float64; cameras: of `pointad_cameras`; normals: (N, 3); colours: (N, 3) uint8 RGB, None draws the
    uniform grey.
    A plain z-buffer with one depth a point: sparse clouds show their far side, as the published views do. Where the
    points fall, which are visible, and masks come from splat() with the same cameras.
    """
    scale_px = cameras.scale_px * window.side_px / cameras.size_px
    images = []
    for matrix in cameras.camera_from_cloud:
        camera = Cameras(matrix[None], cameras.projection, scale_px, window.side_px)
        views = _squares(xyz, camera, window.point_px, device)
        lights_z = _lights_z(xyz, camera)
        copies = len(HALVES) ** (window.point_px % 2 == 0)
        if colours is None:
            image = grey(views, np.tile(normals, (copies, 1)), lights_z=lights_z)
        else:
            image = lit_colour(views, np.tile(colours, (copies, 1)), np.tile(normals, (copies, 1)), lights_z=lights_z)
        images.append(reduce_bicubic(image[0], cameras.size_px))
    return torch.stack(images)


def _squares(xyz: np.ndarray, camera: Cameras, point_px: int, device: str | torch.device) -> Views:
    """The points as squares of point_px in one view. Even squares are four odd ones, half a pixel off each way:
    then every row of the cloud is drawn four times, one cloud after the other."""
    if point_px % 2 == 0:
        right, down, ahead = camera.camera_from_cloud[0, :3]
        pixel = ((xyz @ ahead[:3] + ahead[3]) / camera.scale_px)[:, None]
        xyz = np.concatenate([xyz + pixel * (x * right[:3] + y * down[:3]) for x, y in HALVES])
        point_px -= 1
    return splat(xyz, camera, spacing=0.0, device=device, depth_tolerance=0.0, radius_px=0.5 * point_px)


def _lights_z(xyz: np.ndarray, camera: Cameras) -> tuple[float, float]:
    """Depths of the lights of a single view: one pair before the object, behind the eye, one pair beyond it."""
    low, high = rotated_bounds(xyz, camera.camera_from_cloud[:, :3, :3])
    away = float(0.5 * (low + high)[0, 2] + camera.camera_from_cloud[0, 2, 3])
    reach = LIGHT_DISTANCE * float((high - low).max())
    return away - reach, away + reach


def reduce_bicubic(image: torch.Tensor, size_px: int) -> torch.Tensor:
    """(3, H, W) float in [0, 1] -> (3, size_px, size_px), 8 bits deep, by Pillow's antialiased bicubic filter."""
    pixels = (image.clamp(0, 1) * 255.0).round().to(torch.uint8).movedim(0, -1).cpu().numpy()
    small = Image.fromarray(pixels).resize((size_px, size_px), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(small).copy()).movedim(-1, 0).float().div(255.0).to(image.device)
