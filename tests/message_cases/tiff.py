"""TIFF: headers, codings, pixels, depth maps."""

from pathlib import Path

import numpy as np
import tifffile

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.read import read_scan

from .case import Case, scan

XYZ = np.random.default_rng(0).random((16, 16, 3), np.float32)
DEPTH = XYZ[..., 0]
COLOURS = {"photometric": "rgb"}


def tiff(
    image: np.ndarray,
    *,
    tags: dict[str, int] | None = None,
    cut: int = 0,
    spoil: bool = False,
    focal_px: float | None = None,
    **options: object,
) -> Case:
    """Read an image; some tags are others, the file lacks bytes at its end, or its pixels are noise."""

    def case(folder: Path) -> PointCloud:
        path = folder / "a.tiff"
        tifffile.imwrite(path, image, **options)
        with tifffile.TiffFile(path, mode="r+b") as file:
            places = file.pages[0].dataoffsets
            for name, value in (tags or {}).items():
                file.pages[0].tags[name].overwrite(value)
        data = path.read_bytes()
        data = data[: places[0]] + b"\xff" * (len(data) - places[0]) if spoil else data
        path.write_bytes(data[: len(data) - cut])
        return read_scan(path, focal_px=focal_px)

    return case


CASES = {
    "another file": scan("a.tiff", "hello\n"),
    "header damaged": scan("a.tiff", b"II*\0\x08\0\0\0\x01\0" + b"\xff" * 40),
    "two channels": tiff(XYZ[..., :2], planarconfig="contig", photometric="minisblack", extrasamples=[0]),
    "complex": tiff(DEPTH.astype(np.complex64)),
    "colour picture": tiff((255 * XYZ).astype(np.uint8), **COLOURS),
    "more channels": tiff(XYZ[..., [0, 1, 2, 0]], planarconfig="contig", photometric="minisblack"),
    "whole numbers": tiff((999 * XYZ).astype(np.uint16), **COLOURS),
    "jpeg": tiff((255 * DEPTH).astype(np.uint8), compression="jpeg"),
    "unknown predictor": tiff(XYZ, tags={"Predictor": 9}, compression="zlib", predictor=3, **COLOURS),
    "bits that do not fill": tiff((999 * DEPTH).astype(np.uint16), tags={"BitsPerSample": 10}),
    "cut": tiff(XYZ, cut=99, **COLOURS),
    "size of zero": tiff(XYZ, tags={"ImageWidth": 0}, tile=(16, 16), **COLOURS),
    "pixels too few": tiff(XYZ, tags={"ImageLength": 32, "RowsPerStrip": 32}, **COLOURS),
    "pixels too many": tiff(XYZ, tags={"ImageLength": 60_000, "ImageWidth": 60_000}, **COLOURS),
    "tile that is a bomb": tiff(
        XYZ, tags={"TileWidth": 8192, "TileLength": 8192}, tile=(16, 16), compression="zlib", **COLOURS
    ),
    "strips missing": tiff(XYZ, tags={"ImageLength": 64}, rowsperstrip=8, compression="zlib", **COLOURS),
    "pixels damaged": tiff(XYZ, spoil=True, compression="zlib", **COLOURS),
    "pixels short": tiff(XYZ, tags={"ImageLength": 18, "RowsPerStrip": 18}, compression="zlib", **COLOURS),
    "depth without focal length": tiff(DEPTH),
    "channels as pages": tiff(np.moveaxis(XYZ, -1, 0), photometric="minisblack", focal_px=9.0),
}
