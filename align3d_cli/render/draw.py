"""One prepared scan to its views and the images the encoder reads: the same road for scoring, training and `render`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.render import cameras as cams
from align3d_cli.render.geometry import geometry_channels
from align3d_cli.render.splat import Views, splat
from align3d_cli.scans.prepare import Prepared


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """Which views to draw; the fields are those of model.bundle.ViewSettings."""

    preset: str = "auto"
    count: int = 9
    size_px: int = 336
    camera: str = "fitted"


def draw_views(scan: Prepared, plan: ViewPlan, *, device: str = "cpu", turn: np.ndarray | None = None) -> Views:
    """Render the scan's points from the planned views.

    turn: (3, 3) extra rotation of the scan before the preset's own, for training on other directions.
    """
    rotations = cams.preset_rotations(resolve_preset(scan, plan))
    if turn is not None:
        rotations = rotations @ turn
    place = {"fitted": cams.fitted_cameras, "pointad": cams.pointad_cameras}.get(plan.camera)
    if place is None:
        raise UsageError(f"camera {plan.camera!r} is not known; use fitted or pointad")
    return splat(scan.xyz, place(scan.xyz, rotations, plan.size_px), spacing=scan.spacing, device=device)


def resolve_preset(scan: Prepared, plan: ViewPlan) -> str:
    """The preset's name, with "auto" decided by the scan: from the front for one-sided scans, else all around."""
    if plan.preset != "auto":
        return plan.preset
    return cams.choose_views(scan.xyz, scan.grid, plan.count, scan.index)


def draw_style(style: str, scan: Prepared, views: Views) -> torch.Tensor:
    """Images of one style: (V, C, H, W) float32 in [0, 1]. Styles: grey, colour, normal, depth, geometry."""
    from align3d_cli.render import shade
    from align3d_cli.scans.normals import estimate_normals

    painters: dict[str, Callable[[], torch.Tensor]] = {
        "grey": lambda: shade.grey(views, estimate_normals(scan.xyz)),
        "colour": lambda: shade.colour(views, _colours(scan)),
        "normal": lambda: shade.normal_map(views, estimate_normals(scan.xyz)),
        "depth": lambda: shade.depth_map(views),
        "geometry": lambda: geometry_channels(views),
    }
    if style not in painters:
        raise UsageError(f"style {style!r} is not known; use one of {', '.join(painters)}")
    return painters[style]()


def _colours(scan: Prepared) -> np.ndarray:
    if scan.colours is None:
        raise InputRejected(
            "the scan has no colour per point; coloured views need it (use --no-align or another style)"
        )
    return scan.colours
