"""How a scored scan looks: grey views with the final point scores at every pixel, for the sheet and the page.

These are drawn for people and do not depend on what the model's encoder reads.
"""

from dataclasses import dataclass

import numpy as np
import torch

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.render.cameras import CAMERA_FROM_VIEWER, preset_rotations
from align3d_cli.render.draw import draw_views
from align3d_cli.render.geometry import incidence
from align3d_cli.render.settings import ViewSettings

GREY = (0.22, 0.72)  # lightness of a surface seen edge-on, and what facing the eye adds


@dataclass(frozen=True, slots=True)
class Portrait:
    """images: (V, 3, H, W) float32 in [0, 1], white around the part; maps: (V, H, W) float32, NaN where no surface.

    home: (3, 3) rotation from the cloud to the first view's camera (x right, y down, z forward)
    """

    images: np.ndarray
    maps: np.ndarray
    home: np.ndarray


def portray(
    cloud: PointCloud, scores: np.ndarray, views: str, *, background: str = "auto", size_px: int = 300
) -> Portrait:
    """Draw the scan from a preset of views.

    scores: (N,) float, one for every point of the cloud, NaN where unseen
    views:  name of a preset, as the inspection states it; background: as it was scored with
    """
    scan = prepare(cloud, background=background)
    drawn = draw_views(scan, ViewSettings(preset=views, size_px=size_px))
    surface = (drawn.index >= 0).numpy()
    grey = np.where(surface, GREY[0] + GREY[1] * _facing(drawn), 1.0).astype(np.float32)
    at_point = scores[scan.index].astype(np.float32)
    maps = np.where(surface, at_point[drawn.index.clamp(min=0).numpy()], np.nan)
    return Portrait(np.repeat(grey[:, None], 3, axis=1), maps, CAMERA_FROM_VIEWER @ preset_rotations(views)[0])


@torch.inference_mode()
def _facing(drawn) -> np.ndarray:
    return incidence(drawn).numpy()
