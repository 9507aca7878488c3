"""What the towers see of a sample, and which of it is defective: our own drawing, or the views that came with it."""

from dataclasses import dataclass, field

import numpy as np
import torch

from align3d_cli.clouds.labelled import Sample
from align3d_cli.clouds.prepare import Prepared, prepare
from align3d_cli.clouds.settings import Background
from align3d_cli.errors import InputRejected
from align3d_cli.model.given import check_reads_grey
from align3d_cli.render.draw import draw_style, draw_views
from align3d_cli.render.drawable import drawable
from align3d_cli.render.given import given_drawable, given_images, given_masks, given_views
from align3d_cli.render.settings import Style, ViewSettings
from align3d_cli.render.shade import mask_views
from align3d_cli.render.splat import Views


class NoColour(InputRejected):
    """Stage 1 needs coloured views of the auxiliary scans; the data set has none."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One sample in V views of K drawn points.

    scan:   the drawn points; defect: (K,) bool of them
    images: (V, C, H, W) as the tower reads them; coloured: (V, 3, H, W) of the coloured views, None unless asked for
    masks:  (V, H, W) bool, pixels that show a defect
    """

    scan: Prepared
    views: Views
    images: torch.Tensor = field(repr=False)
    coloured: torch.Tensor | None = field(repr=False)
    masks: torch.Tensor = field(repr=False)
    defect: np.ndarray = field(repr=False)


def draw(
    sample: Sample, style: Style, plan: ViewSettings, *, background: Background, coloured: bool, device: str
) -> Shown:
    """Read and draw a sample by the plan. Raises InputRejected (unreadable) or NoColour."""
    labelled = sample.load()
    if coloured and labelled.cloud.colours is None:
        raise NoColour(
            f"{sample.name}: the scans of this data set have no colour per point; stage 1 learns from coloured views: "
            "align on a data set with colour, or run `prompt-train --no-align` (rendering branch alone, as PointAD)"
        )
    drawn = drawable(prepare(labelled.cloud, background=background), plan)
    scan, defect = drawn.scan, labelled.defect[drawn.cloud_rows]
    views = draw_views(scan, plan, device=device)
    images = draw_style(style, scan, views, plan)
    colour = draw_style("colour", scan, views, plan) if coloured else None
    return Shown(scan, views, images, colour, mask_views(views, defect), defect)


def take_given(
    sample: Sample, style: Style, plan: ViewSettings, *, background: Background, coloured: bool, device: str
) -> Shown:
    """Read a sample and the views that came with it, brought to the size of the plan's.

    Raises InputRejected (unreadable), NoColour, or UsageError for a tower that reads other pictures.
    """
    check_reads_grey(style, "the image tower")
    labelled = sample.load()
    if sample.given is None:
        raise InputRejected(f"{sample.name}: no views came with it; use --drawn ours")
    given = sample.given(labelled.cloud)
    if coloured and given.coloured is None:
        raise NoColour(
            f"{sample.name}: no coloured views came with it (2d_rgb_rendering); use --drawn ours, or run "
            "`prompt-train --no-align` (rendering branch alone, as PointAD)"
        )
    scan = given_drawable(prepare(labelled.cloud, background=background), given).scan
    defect, views = labelled.defect[given.rows], given_views(given, plan.size_px, device)
    masks = mask_views(views, defect) if given.masks is None else given_masks(given.masks, plan.size_px)
    colour = given_images(given.coloured, plan.size_px, device) if coloured and given.coloured is not None else None
    return Shown(scan, views, given_images(given.pictures, plan.size_px, device), colour, masks, defect)
