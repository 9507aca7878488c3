"""Views on disk: a PNG each, views.json with the cameras, and on request maps.npz with the point at every pixel."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from align3d_cli import __version__
from align3d_cli.clouds.prepare import Prepared
from align3d_cli.helpers.files import write_bytes
from align3d_cli.render.splat import Views

FRAME = "camera x right, y down, z forward; pixel (row i, column j) has its centre at (j + 0.5, i + 0.5)"


def write_views(
    folder: Path, scan: Prepared, views: Views, images: Any, preset: str, *, maps: bool = False, force: bool = False
) -> dict[str, Any]:
    """Write the pictures, then views.json; returns what that holds.

    images: (V, C, H, W) float tensor in [0, 1]; anything but 1 or 3 channels is tiled from left to right
    maps:   also maps.npz: rows (M,) of the scan that were drawn, rising, index (V, H, W) row of the scan or -1,
            depth (V, H, W), pixel_of_point (V, M), visible (V, M)
    Raises UsageError for files that exist and are not forced, EnvironmentMissing when they cannot be written.
    """
    pictures = images.cpu().numpy()
    names = [f"view_{number:02d}.png" for number in range(len(pictures))]
    for name, picture in zip(names, pictures, strict=True):
        write_bytes(folder / name, png_of(picture), force=force)
    if maps:
        write_bytes(folder / "maps.npz", _maps(scan, views), force=force)
    described = _describe(scan, views, preset, names) | {"files": ["views.json", *(["maps.npz"] if maps else [])]}
    write_bytes(folder / "views.json", (json.dumps(described, indent=2) + "\n").encode(), force=force)
    return described


def png_of(picture: np.ndarray) -> bytes:
    """(C, H, W) float in [0, 1] as a PNG file: 1 channel grey, 3 in colour, others side by side in grey."""
    levels = np.rint(picture.clip(0.0, 1.0) * 255).astype(np.uint8)
    pixels = np.moveaxis(levels, 0, -1) if len(levels) == 3 else np.hstack(levels)
    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(data, "PNG")
    return data.getvalue()


def _describe(scan: Prepared, views: Views, preset: str, names: list[str]) -> dict[str, Any]:
    cameras, visible = views.cameras, views.visible.cpu().numpy()
    return {
        "tool_version": __version__,
        "preset": preset,
        "projection": cameras.projection,
        "scale_px": cameras.scale_px,
        "size_px": cameras.size_px,
        "frame": FRAME,
        "n_points": len(scan.xyz),
        "n_unseen": int((~visible.any(axis=0)).sum()),
        "views": [
            {"image": name, "n_visible": int(seen.sum()), "camera_from_cloud": matrix.tolist()}
            for name, seen, matrix in zip(names, visible, cameras.camera_from_cloud, strict=True)
        ],
    }


def _maps(scan: Prepared, views: Views) -> bytes:
    index, order = views.index.cpu().numpy(), np.argsort(scan.index)
    data = io.BytesIO()
    np.savez_compressed(
        data,
        rows=scan.index[order],
        index=np.where(index >= 0, scan.index[index], -1),
        depth=views.depth.cpu().numpy(),
        pixel_of_point=views.pixel_of_point.cpu().numpy()[:, order],
        visible=views.visible.cpu().numpy()[:, order],
    )
    return data.getvalue()
