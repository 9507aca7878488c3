"""The published look: what Open3D's legacy visualizer draws with PointAD's settings."""

import numpy as np
import torch
from PIL import Image

from align3d_cli.render.cameras import PAPER_DISTANCE, Cameras, pointad_cameras, rotated_bounds
from align3d_cli.render.shade import grey, lit_colour
from align3d_cli.render.splat import splat

WINDOW_PX = 1024
POINT_PX = 7
NORMAL_NEIGHBOURS = 50  # and within 0.1 m, which 50 neighbours in a scan of the published size never reach
LIGHT_DISTANCE = 2.0  # of the lights before and behind the centre of the bounding box, over its longest side


def pointad_images(
    xyz: np.ndarray,
    rotations: np.ndarray,
    *,
    normals: np.ndarray,
    colours: np.ndarray | None = None,
    size_px: int = 336,
    window_px: int = WINDOW_PX,
    point_px: int = POINT_PX,
    device: str | torch.device = "cpu",
) -> torch.Tensor:
    """(V, 3, H, W) float32 in [0, 1], H = W = size_px: square points of point_px (odd) in a larger window, reduced.

    xyz: (N, 3) float64; rotations: (V, 3, 3); normals: (N, 3), the published ones come from the 50 nearest
    neighbours within 0.1 (metres); colours: (N, 3) uint8 RGB, None draws the uniform grey.
    A plain z-buffer with one depth a point: sparse clouds show their far side, as the published views do. Where the
    points fall, which are visible, and masks come from splat() with pointad_cameras(xyz, rotations, size_px).
    """
    window = pointad_cameras(xyz, rotations, window_px)
    images = []
    for view in range(len(window)):
        camera = Cameras(window.camera_from_cloud[view : view + 1], window.projection, window.scale_px, window_px)
        views = splat(xyz, camera, spacing=0.0, device=device, depth_tolerance=0.0, radius_px=0.5 * point_px)
        lights_z = _lights_z(xyz, camera)
        if colours is None:
            image = grey(views, normals, lights_z=lights_z)
        else:
            image = lit_colour(views, colours, normals, lights_z=lights_z)
        images.append(reduce_bicubic(image[0], size_px))
    return torch.stack(images)


def _lights_z(xyz: np.ndarray, camera: Cameras) -> tuple[float, float]:
    """Depths of the lights of a single pointad camera: one pair behind the eye, one behind the object."""
    low, high = rotated_bounds(xyz, camera.camera_from_cloud[:, :3, :3])
    longest = float((high - low).max())
    return (PAPER_DISTANCE - LIGHT_DISTANCE) * longest, (PAPER_DISTANCE + LIGHT_DISTANCE) * longest


def reduce_bicubic(image: torch.Tensor, size_px: int) -> torch.Tensor:
    """(3, H, W) float in [0, 1] -> (3, size_px, size_px), 8 bits deep, by Pillow's antialiased bicubic filter."""
    pixels = (image.clamp(0, 1) * 255.0).round().to(torch.uint8).movedim(0, -1).cpu().numpy()
    small = Image.fromarray(pixels).resize((size_px, size_px), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(small).copy()).movedim(-1, 0).float().div(255.0).to(image.device)
