"""Organised scans as TIFF: H x W x 3 coordinates, or a depth map with its focal length."""

import logging
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.unproject import unproject
from align3d_cli.io.organised import organised_cloud
from align3d_cli.io.source import ReadOptions, Source, check_count, check_expansion
from align3d_cli.io.tiff_pixels import DECODERS, PREDICTORS, UNPACKED, read_pixels, segment_shape

if TYPE_CHECKING:
    from tifffile import TiffPage

BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF in both byte orders
CHANNELS = (1, *range(3, 11))  # depth; x y z, with colours, normals and a scalar
RGB = 2  # TIFF's code; three channels of coordinates have it for want of a better one, more have not
TILE_LIMIT = 8192  # pixels along a tile's side; usual are 256
DAMAGED = "it is cut off or damaged, export it again"


def read_tiff(source: Source, options: ReadOptions) -> PointCloud:
    """Read an organised scan; pixels that are (0, 0, 0) or not finite become NaN rows. Raises InputRejected.

    Channels of floats behind the third are left out, with a note. A single-channel file is a depth map and needs
    `options.focal_px`, the focal length in pixels.
    """
    page = _first_page(source)
    channels = _check(source, page)
    if channels == 1:
        return _from_depth(source, page, options)
    image = _pixels(source, page)
    notes: tuple[str, ...] = ()
    if image.dtype.kind != "f":
        notes = (f"its three channels of {8 * image.dtype.itemsize}-bit whole numbers are taken for x, y and z",)
    elif channels > 3:
        notes = (f"the first three of its {channels} channels are taken for x, y and z",)
    return replace(organised_cloud(source, image[..., :3]), notes=notes)


@contextmanager
def _silenced() -> Iterator[None]:
    """tifffile logs what it stumbles over; its findings reach the user as ours."""
    logger = logging.getLogger("tifffile")

    def nothing(record: logging.LogRecord) -> bool:
        return False

    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


def _first_page(source: Source) -> "TiffPage":
    """The header of the first image; no pixel is read."""
    if source.head(4) not in BEGINNINGS:
        raise source.reject("does not begin as a TIFF file", "check what it is")
    import tifffile

    try:
        with _silenced():
            page = tifffile.TiffFile(source.stream).pages.first
            numbers = (page.imagelength, page.imagewidth, page.samplesperpixel, page.rowsperstrip, page.planarconfig)
            tiles = (page.tilelength, page.tilewidth) if page.is_tiled else ()
            for number in (*page.shape, *numbers, *tiles, *page.dataoffsets, *page.databytecounts):
                operator.index(number)  # a damaged tag can be a tuple or a text
            if not page.shape:
                raise ValueError("an image without a size")
    except Exception as error:  # tifffile raises whatever a damaged header makes it stumble over
        raise source.reject("the TIFF header does not hold together", DAMAGED) from error
    return page


def _has_more(page: "TiffPage") -> bool:
    """Whether a second image of the same size follows, not a thumbnail or the like."""
    try:
        with _silenced():
            return page.parent.pages[1].shape == page.shape
    except Exception:  # tifffile raises whatever a damaged header makes it stumble over; a damaged one adds nothing
        return False


def _check(source: Source, page: "TiffPage") -> int:
    """Channels of the image (1, or 3 and more), when its header is a scan's and meets the budget."""
    shape, dtype = page.shape, page.dtype
    channels = 1 if len(shape) == 2 else page.samplesperpixel
    if len(shape) not in (2, 3) or channels not in CHANNELS or dtype is None or dtype.kind not in "fiu":
        kind = "numbers" if dtype is not None and dtype.kind in "fiu" else "no plain numbers"
        finding = f"an image of {' x '.join(map(str, shape))}, {kind}, is no organised scan"
        raise source.reject(finding, "save three channels, x y z, or one, the depth")
    if (channels == 3 and dtype.itemsize == 1) or (channels > 3 and (dtype.kind != "f" or page.photometric == RGB)):
        finding = f"its {channels} channels of {8 * dtype.itemsize} bits are a colour picture, not coordinates"
        raise source.reject(finding, "give the file that holds x, y and z")
    _check_coding(source, page, dtype)
    _check_size(source, page, channels * dtype.itemsize)
    return channels


def _check_coding(source: Source, page: "TiffPage", dtype: np.dtype) -> None:
    for what, value, known in (
        ("compressed with", page.compression, (UNPACKED, *DECODERS)),
        ("coded with predictor", page.predictor, PREDICTORS),
        ("with their bits in order", page.fillorder, (1,)),
        ("whose bits are", page.bitspersample, (8 * dtype.itemsize,)),
    ):
        if value not in known:
            finding = f"has pixels {what} {getattr(value, 'name', value)}, which we do not read"
            step = "save it as 32-bit floats, plain or with deflate, lzw, packbits or zstd"
            raise source.reject(finding, step)


def _check_size(source: Source, page: "TiffPage", pixel_bytes: int) -> None:
    """What the header promises must fit the bytes there, before room is made for it."""
    rows, columns = segment_shape(page)
    if min(rows, columns, page.imagelength, page.imagewidth) < 1 or (page.is_tiled and max(rows, columns) > TILE_LIMIT):
        what = "tiles" if page.is_tiled else "strips"
        finding = f"an image of {page.imagelength} x {page.imagewidth} pixels in {what} of {rows} x {columns}"
        raise source.reject(finding, DAMAGED)
    check_count(source, page.imagelength * page.imagewidth, 0, what="pixels")
    offsets, lengths = page.dataoffsets, page.databytecounts
    if any(at + n > source.size for at, n in zip(offsets, lengths, strict=False)):
        raise source.reject("the pixels run past the end of the file", "it is cut off, export it again")
    stored = min(sum(lengths), source.size)  # strips may share bytes
    decoded = page.imagelength * page.imagewidth * pixel_bytes
    check_expansion(source, stored, decoded)
    check_expansion(source, max(lengths, default=0), rows * columns * pixel_bytes)  # tiles may reach over the edge
    if page.compression == UNPACKED and stored < decoded:
        raise source.reject(f"header promises {decoded} bytes of pixels, {stored} are there", DAMAGED)


def _pixels(source: Source, page: "TiffPage") -> np.ndarray:
    try:
        return read_pixels(source.stream, page)
    except ValueError as error:
        raise source.reject(f"its pixels do not decode ({error})", DAMAGED) from error


def _from_depth(source: Source, page: "TiffPage", options: ReadOptions) -> PointCloud:
    """A camera that looks through the middle of the image; 0 and what is not finite is no measurement."""
    if _has_more(page):
        raise source.reject("holds several images of one channel", "save x, y, z as one image, H x W x 3")
    if options.focal_px is None:
        raise source.reject("a single channel is a depth map, which needs a focal length", "add --focal PIXELS")
    depth = _pixels(source, page)[:, :, 0].astype(np.float64)
    rows, columns = depth.shape
    depth[~np.isfinite(depth) | (depth <= 0)] = np.nan
    xyz = unproject(depth, options.focal_px, (columns / 2, rows / 2))
    return PointCloud(xyz, grid=(rows, columns), path=source.path)
