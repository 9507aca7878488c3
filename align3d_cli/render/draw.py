"""One prepared scan to its views and the images the encoder reads: the same road for scoring, training and `render`."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.errors import InputRejected
from align3d_cli.render import cameras as cams
from align3d_cli.render.geometry import geometry_channels
from align3d_cli.render.own_frame import OWN_PRESETS, own_frame, own_preset
from align3d_cli.render.relief import press_relief
from align3d_cli.render.settings import PUBLISHED_COUNT, Style, ViewSettings
from align3d_cli.render.splat import Views, splat
from align3d_cli.render.window import window_of


def draw_views(
    scan: Prepared, plan: ViewSettings, *, device: str = "cpu", turn: np.ndarray | None = None, roll: bool = True
) -> Views:
    """Render the scan's points from the planned views.

    turn: (3, 3) extra rotation of the scan before the preset's own, for training on other directions
    roll: fitted views are rolled so that they show the scan as large as can be
    """
    preset = resolve_preset(scan, plan)
    rotations = cams.preset_rotations(preset)
    own = preset.startswith(OWN_PRESETS)
    if own:
        rotations = rotations @ own_frame(scan)
    fitted = plan.camera == "fitted"
    xyz = press_relief(scan.xyz) if fitted else scan.xyz
    if turn is not None:
        rotations = rotations @ turn
    if fitted and roll:
        rotations = cams.rolled_to_fit(xyz, rotations, steady=own)
    if fitted:
        cameras = cams.fitted_cameras(xyz, rotations, plan.size_px)
    else:
        cameras = cams.pointad_cameras(xyz, rotations, plan.size_px, step_back=cams.STEP_BACK.get(preset))
    views = splat(xyz, cameras, spacing=scan.spacing, device=device, gradual=plan.blend == "gradual")
    if plan.pixels == "published":
        views = replace(views, pixel_of_point=published_pixels(xyz, views, window_of(preset).side_px))
    if plan.visibility == "one per pixel":
        views = replace(views, visible=nearest_in_pixel(xyz, views))
    return views


def resolve_preset(scan: Prepared, plan: ViewSettings) -> str:
    """The preset's name, with "auto" decided by the scan: from the front for one-sided scans, else all around.

    In the published look organised scans get the nine views (and the flip) of MVTec 3D-AD, others those of Real3D-AD.
    """
    if plan.preset != "auto":
        return plan.preset
    if plan.look == "published" and plan.count == PUBLISHED_COUNT:
        return "mvtec" if scan.grid else "real3d"
    if plan.frame == "scan":
        return own_preset(scan, plan.count)
    return cams.choose_views(scan.xyz, scan.grid, plan.count, scan.index)


def draw_style(style: Style, scan: Prepared, views: Views, plan: ViewSettings | None = None) -> torch.Tensor:
    """Images of one style: (V, C, H, W) float32 in [0, 1].

    plan: what the views were drawn by; its look "published" draws grey and colour as Open3D did for PointAD. None: the
    closed look
    """
    from align3d_cli.clouds.normals import estimate_normals
    from align3d_cli.render import shade

    painters: dict[Style, Callable[[], torch.Tensor]] = {
        "grey": lambda: shade.grey(views, estimate_normals(scan.xyz)),
        "colour": lambda: shade.colour(views, _colours(scan)),
        "normal": lambda: shade.normal_map(views, estimate_normals(scan.xyz)),
        "depth": lambda: shade.depth_map(views),
        "geometry": lambda: geometry_channels(views),
    }
    if plan and plan.look == "published" and style in ("grey", "colour"):
        return _published(scan, views, resolve_preset(scan, plan), _colours(scan) if style == "colour" else None)
    return painters[style]()


def _published(scan: Prepared, views: Views, preset: str, colours: np.ndarray | None) -> torch.Tensor:
    from align3d_cli.clouds.normals import estimate_normals
    from align3d_cli.render.paper import pointad_images

    window = window_of(preset)
    normals = estimate_normals(scan.xyz, k=window.normal_neighbours, radius=window.normal_radius)
    return pointad_images(scan.xyz, views.cameras, window, normals=normals, colours=colours, device=views.index.device)


def published_pixels(xyz: np.ndarray, views: Views, window_px: int) -> torch.Tensor:
    """(V, N) int32, the flat pixels int(u * size / window) of the points' places u, v in the published window.

    There the optical axis is at (window - 1) / 2, where pixels count from their corners half a pixel too far to the
    upper left (0.16 px of a view at 336 of 1024), and points outside the view are moved onto its border.
    """
    cameras, found = views.cameras, torch.empty_like(views.pixel_of_point)
    points, size = torch.as_tensor(xyz, dtype=torch.float64, device=found.device), cameras.size_px
    for view in range(len(cameras)):
        u, v, _ = cams.project_view(cameras, view, points)
        column, row = ((part - 0.5 * size / window_px).trunc().clamp(0, size - 1) for part in (u, v))
        found[view] = (row * size + column).to(found.dtype)
    return found


def nearest_in_pixel(xyz: np.ndarray, views: Views) -> torch.Tensor:
    """(V, N) bool, the nearest of the points whose centres share a pixel: what a z-buffer of points keeps.

    Of points at the very same depth the first counts: the first by place, as `prepare` orders them.
    """
    device, pixels = views.index.device, views.cameras.size_px**2
    points = torch.as_tensor(xyz, dtype=torch.float64, device=device)
    rows = torch.arange(len(points), device=device)
    kept = torch.zeros_like(views.visible)
    for view, pixel in enumerate(views.pixel_of_point.long()):
        depth = cams.project_view(views.cameras, view, points)[2]
        pixel = torch.where(pixel < 0, pixels, pixel)  # all that fall outside share one more pixel
        nearest = torch.full((pixels + 1,), torch.inf, dtype=torch.float64, device=device)
        nearest.scatter_reduce_(0, pixel, depth, "amin")
        front = depth == nearest[pixel]
        first = torch.full((pixels + 1,), len(points), device=device)
        first.scatter_reduce_(0, pixel[front], rows[front], "amin")
        kept[view] = (first[pixel] == rows) & (pixel < pixels)
    return kept


def _colours(scan: Prepared) -> np.ndarray:
    if scan.colours is None:
        raise InputRejected(
            "the scan has no colour per point; coloured views need it (use --no-align or another style)"
        )
    return scan.colours
