"""The views that a scan was scored from, as far as pictures of it need them."""

from dataclasses import dataclass, field

import numpy as np
import torch

from align3d_cli.render.splat import Views


@dataclass(frozen=True, slots=True)
class Drawn:
    """Drawn views without what they say of every point: 8 bytes a pixel, whatever the size of the scan.

    rows:  (M,) int64, the rows of the cloud that the M drawn points are
    views: on the CPU; index and surface hold, pixel_of_point and visible are empty
    """

    rows: np.ndarray = field(repr=False)
    views: Views = field(repr=False)


def drawn_of(rows: np.ndarray, views: Views) -> Drawn:
    """What is kept of views. rows: (M,) of the cloud, the points that were drawn."""
    surface = views.surface.cpu()
    none = torch.empty((len(surface), 0), dtype=torch.int32)
    kept = Views(views.index.cpu(), surface, surface, none, none.bool(), views.cameras)
    return Drawn(rows, kept)
