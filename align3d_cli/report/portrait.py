"""How a scored scan looks: grey views with the final point scores at every pixel, for the sheet and the page.

The views are those the scan was scored from; how they are shaded is for people, whatever the model's encoder reads.
"""

from dataclasses import dataclass

import numpy as np
import torch

from align3d_cli.model.drawn import Drawn
from align3d_cli.render.cameras import CAMERA_FROM_VIEWER, preset_rotations
from align3d_cli.render.geometry import incidence
from align3d_cli.render.own_frame import OWN_PRESETS

GREY = (0.22, 0.72)  # lightness of a surface seen edge-on, and what facing the eye adds


@dataclass(frozen=True, slots=True)
class Portrait:
    """images: (V, 3, H, W) float32 in [0, 1], white around the part; maps: (V, H, W) float32, NaN where no surface.

    home: (3, 3) rotation from the cloud to the first view's camera (x right, y down, z forward)
    """

    images: np.ndarray
    maps: np.ndarray
    home: np.ndarray


@torch.inference_mode()
def portray(drawn: Drawn, scores: np.ndarray, preset: str) -> Portrait:
    """Shade the views of a scan.

    scores: (N,) float, one for every point of the cloud, NaN where unseen
    preset: name of the views, as the inspection states it
    """
    index = drawn.views.index.numpy()
    surface = index >= 0
    grey = np.where(surface, GREY[0] + GREY[1] * incidence(drawn.views).numpy(), 1.0).astype(np.float32)
    at_point = scores[drawn.rows].astype(np.float32)
    maps = np.where(surface, at_point[index.clip(min=0)], np.float32(np.nan))
    images = np.broadcast_to(grey[:, None], (len(grey), 3, *grey.shape[1:]))
    return Portrait(images, maps, _home(drawn, preset))


def _home(drawn: Drawn, preset: str) -> np.ndarray:
    """Upright in the frame of the file; views of the scan's own frame know no upright, so as the first picture is."""
    if preset.startswith(OWN_PRESETS):
        return drawn.views.cameras.camera_from_cloud[0, :3, :3]
    return CAMERA_FROM_VIEWER @ preset_rotations(preset)[0]
