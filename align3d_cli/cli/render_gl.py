"""`align3d render --renderer pyrender`: the same cameras, drawn by OpenGL."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from align3d_cli.clouds.cloud import Mesh, PointCloud
from align3d_cli.clouds.prepare import Prepared
from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.render.draw import draw_style
from align3d_cli.render.gl import draw_cloud, draw_mesh
from align3d_cli.render.settings import Style
from align3d_cli.render.splat import Views

if TYPE_CHECKING:
    import trimesh

POINT_SPACINGS = 1.6  # side of a drawn point in point spacings: closes a surface seen straight on


def gl_images(cloud: PointCloud, scan: Prepared, views: Views, style: Style) -> torch.Tensor:
    """(V, C, H, W) float32 in [0, 1] on the CPU, of the mesh where the scan is one, else of its points.

    style: grey and colour are lit by a head light; depth and geometry come from OpenGL's depth buffer
    Raises UsageError for another style and EnvironmentMissing where no OpenGL context can be had.
    """
    if style not in ("grey", "colour", "depth", "geometry"):
        raise UsageError(f"--style {style}: pyrender does not draw it; use grey, colour, depth or geometry")
    coloured = style == "colour"
    if cloud.mesh is not None:
        image, depth = draw_mesh(_trimesh(cloud.mesh, cloud.path, coloured), views.cameras)
    else:
        colours = scan.colours if coloured else None
        image, depth = draw_cloud(scan.xyz, views.cameras, colours=colours, point_px=_point_px(scan, views))
    if style in ("grey", "colour"):
        return image
    shown = torch.where(depth.isfinite(), 0, -1).to(torch.int32)
    return draw_style(style, scan, replace(views, index=shown, depth=depth, surface=depth))


def _trimesh(mesh: Mesh, path: Path | None, coloured: bool) -> "trimesh.Geometry":
    """The scan's own mesh, with its textures when they are to be seen."""
    import trimesh

    if not coloured:
        return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    if path is None:
        raise InputRejected("standard input: textures of a stream are not kept; give the file by name")
    return trimesh.load(path, force="mesh", process=False)


def _point_px(scan: Prepared, views: Views) -> float:
    depth = views.depth[views.depth.isfinite()].median().item()
    return max(2.0, POINT_SPACINGS * scan.spacing / views.cameras.pixel_size(depth))
