"""Organised scans as TIFF: H x W x 3 coordinates, or a depth map with its focal length."""

import logging
import operator
from typing import TYPE_CHECKING

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.organised import organised_cloud
from align3d_cli.io.source import ReadOptions, Source, check_count, check_expansion
from align3d_cli.io.tiff_pixels import DECODERS, PREDICTORS, read_pixels

if TYPE_CHECKING:
    from tifffile import TiffPage

UNPACKED = 1  # TIFF's code for pixels stored as they are
TILE_LIMIT = 8192  # pixels along a tile's side; usual are 256
DAMAGED = "it is cut off or damaged, export it again"


def read_tiff(source: Source, options: ReadOptions) -> PointCloud:
    """Read an organised scan; pixels that are (0, 0, 0) or not finite become NaN rows. Raises InputRejected.

    A single-channel file is a depth map and needs `options.focal_px`, the focal length in pixels.
    """
    page = _first_page(source)
    channels = _check(source, page)
    if channels == 1 and _has_more(page):
        raise source.reject("holds several images of one channel", "save x, y, z as one image, H x W x 3")
    if channels == 1 and options.focal_px is None:
        raise source.reject("a single channel is a depth map, which needs a focal length", "add --focal PIXELS")
    try:
        image = read_pixels(source.stream, page)
    except ValueError as error:
        raise source.reject(f"its pixels do not decode ({error})", DAMAGED) from error
    if channels == 1:
        return _from_depth(source, image, options.focal_px)
    return organised_cloud(source, image)


def _first_page(source: Source) -> "TiffPage":
    """The header of the first image; no pixel is read."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # its findings reach the user as ours
    try:
        page = tifffile.TiffFile(source.stream).pages[0]
        numbers = (page.imagelength, page.imagewidth, page.samplesperpixel, page.rowsperstrip, page.planarconfig)
        tiles = (page.tilelength, page.tilewidth) if page.is_tiled else ()
        for number in (*page.shape, *numbers, *tiles, *page.dataoffsets, *page.databytecounts):
            operator.index(number)  # a damaged tag can be a tuple or a text
    except Exception as error:  # tifffile raises whatever a damaged header makes it stumble over
        raise source.reject(f"is no readable TIFF ({str(error)[:80]})", DAMAGED) from error
    return page


def _has_more(page: "TiffPage") -> bool:
    """Whether a second image of the same size follows, not a thumbnail or the like."""
    try:
        return page.parent.pages[1].shape == page.shape
    except Exception:  # tifffile raises whatever a damaged header makes it stumble over; a damaged one adds nothing
        return False


def _check(source: Source, page: "TiffPage") -> int:
    """Channels of the image (1 or 3), when its header is a scan's and meets the budget."""
    shape = page.shape
    channels = 1 if len(shape) == 2 else page.samplesperpixel
    if len(shape) not in (2, 3) or channels not in (1, 3) or page.dtype is None:
        step = "a scan has three channels, x y z, or one, depth"
        raise source.reject(f"an image of {' x '.join(map(str, shape))} is no organised scan", step)
    if channels == 3 and page.dtype.kind != "f":
        finding = f"three channels of {page.dtype} are a colour picture, not coordinates"
        raise source.reject(finding, "give the file with float x y z")
    _check_coding(source, page)
    check_count(source, page.imagelength * page.imagewidth, 0, what="pixels")
    offsets, lengths = page.dataoffsets, page.databytecounts
    if any(at + n > source.size for at, n in zip(offsets, lengths, strict=False)):
        raise source.reject("the pixels run past the end of the file", "it is cut off, export it again")
    stored = min(sum(lengths), source.size)  # strips may share bytes
    decoded = page.imagelength * page.imagewidth * channels * page.dtype.itemsize
    check_expansion(source, stored, decoded)
    if page.compression == UNPACKED and stored < decoded:
        raise source.reject(f"header promises {decoded} bytes of pixels, {stored} are there", DAMAGED)
    _check_segment_size(source, page)
    return channels


def _check_coding(source: Source, page: "TiffPage") -> None:
    for what, value, known in (
        ("compressed with", page.compression, DECODERS),
        ("coded with predictor", page.predictor, PREDICTORS),
    ):
        if value not in known:
            name = getattr(value, "name", value)
            raise source.reject(f"{what} {name}, which we do not read", "save it with deflate, lzw or none")


def _check_segment_size(source: Source, page: "TiffPage") -> None:
    """A tile may reach over the edge of the image, but not be many times larger than it."""
    rows, columns = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    if min(rows, columns, page.imagelength) < 1 or (page.is_tiled and max(rows, columns) > TILE_LIMIT):
        raise source.reject(f"strips or tiles of {rows} x {columns} pixels", DAMAGED)


def _from_depth(source: Source, depth: np.ndarray, focal_px: float) -> PointCloud:
    """Pinhole camera through the image centre: x right, y down, z forward (pixel centres at i + 0.5)."""
    depth = depth.astype(np.float64).reshape(depth.shape[:2])
    rows, columns = depth.shape
    depth[~np.isfinite(depth) | (depth <= 0)] = np.nan
    x = (np.arange(columns) + 0.5 - columns / 2) / focal_px * depth
    y = (np.arange(rows)[:, None] + 0.5 - rows / 2) / focal_px * depth
    xyz = np.stack([x, y, depth], axis=-1).reshape(-1, 3)
    return PointCloud(xyz, grid=(rows, columns), path=source.path)
