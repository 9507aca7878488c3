"""`align3d render`: the views of a scan as pictures, with their cameras."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from align3d_cli.cli import output
from align3d_cli.cli.options import Device, check_folder, check_views, examples, positive, refuse_overwriting
from align3d_cli.clouds.settings import Background
from align3d_cli.errors import InputRejected
from align3d_cli.helpers.settings import SEEDS
from align3d_cli.render.settings import SIZES, Camera, Style, ViewSettings, with_views

if TYPE_CHECKING:
    from torch import Tensor

    from align3d_cli.clouds.cloud import PointCloud
    from align3d_cli.clouds.prepare import Prepared
    from align3d_cli.render.splat import Views


Renderer = Literal["splat", "pyrender"]  # our splatter, or OpenGL


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        epilog=examples(
            "align3d render part.ply --out views/",
            "align3d render part.stl --out views/ --views sphere:16 --style normal --size 512",
            "align3d render xyz/000.tiff --out views/ --views mvtec --camera pointad --maps",
        )
    )(render)


def render(
    scan: Annotated[str, typer.Argument(metavar="SCAN", help="The scan, any format that score reads.")],
    out: Annotated[Path, typer.Option(help="Folder for view_00.png .. and views.json.")],
    style: Annotated[Style, typer.Option(help="geometry tiles its channels from left to right.")] = "grey",
    views: Annotated[
        str, typer.Option(help="auto, a number, mvtec, eyecandies, real3d, sphere:N or front:N.")
    ] = "auto",
    size: Annotated[int, typer.Option(min=SIZES.least, max=SIZES.most, help="Height and width of a view in px.")] = 336,
    camera: Annotated[
        Camera, typer.Option(help="fitted: orthographic, each view rolled to fit; pointad: the published pinhole.")
    ] = "fitted",
    renderer: Annotated[Renderer, typer.Option(help="pyrender needs an OpenGL (EGL) driver.")] = "splat",
    background: Annotated[Background, typer.Option(help="The plane the part lies on.")] = "auto",
    maps: Annotated[
        bool, typer.Option("--maps", help="Also maps.npz: which point is at which pixel, and depth.")
    ] = False,
    device: Annotated[Device, typer.Option(help="auto takes CUDA where there is a GPU.")] = "auto",
    focal: Annotated[float | None, typer.Option(help="Focal length in px, for depth maps.", callback=positive)] = None,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS.most, help="Of the points drawn from meshes.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print what views.json holds.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
) -> None:
    """Draw a scan from several views: PNG pictures, the cameras as JSON, on request the point at every pixel."""
    check_views(views)
    check_folder("--out", out)
    refuse_overwriting([out / "views.json"], force=force)
    from align3d_cli.io.read import read_scan

    cloud = read_scan(scan, focal_px=focal, seed=seed)
    if style == "colour" and cloud.colours is None:
        raise InputRejected(f"{scan}: has no colour per point; use --style grey, normal, depth or geometry")
    from align3d_cli.clouds.prepare import prepare
    from align3d_cli.model.device import resolve_device
    from align3d_cli.report.view_files import write_views

    asked = with_views(ViewSettings(size_px=size, camera=camera), views)
    drawn = _draw(prepare(cloud, background=background), cloud, style, asked, renderer, resolve_device(device))
    described = {"input": scan, "style": style, "renderer": renderer} | write_views(out, *drawn, maps=maps, force=force)
    if json:
        output.result_json(described, indent=2)
    else:
        _print_written(out, described)


def _draw(
    scan: "Prepared", cloud: "PointCloud", style: Style, asked: ViewSettings, renderer: Renderer, device: str
) -> "tuple[Prepared, Views, Tensor, str]":
    """The prepared scan, its views, their images (V, C, H, W) and the preset's name. cloud: what the scan is of."""
    from align3d_cli.render.draw import draw_style, draw_views, resolve_preset

    plan = replace(asked, preset=resolve_preset(scan, asked))
    if renderer == "pyrender":
        from align3d_cli.cli.render_gl import gl_images

        drawn = draw_views(scan, plan)
        return scan, drawn, gl_images(cloud, scan, drawn, style), plan.preset
    drawn = draw_views(scan, plan, device=device)
    return scan, drawn, draw_style(style, scan, drawn), plan.preset


def _print_written(out: Path, described: dict[str, Any]) -> None:
    camera = described["projection"]
    counts = f"{described['n_points']:,} points, {described['n_unseen']:,} seen by no view"
    output.result(f"{out}: {len(described['views'])} views ({described['preset']}, {camera}), {counts}")
    for view in described["views"]:
        output.result(f"  {view['image']}  {view['n_visible']:,} points visible")
    output.result(f"  {', '.join(described['files'])}")
