"""Organised scans as TIFF: H x W x 3 coordinates, or a depth map with its focal length."""

import zlib
from typing import TYPE_CHECKING

import numpy as np

from align3d_cli.scans.cloud import PointCloud
from align3d_cli.scans.source import INFLATED_FREELY, ReadOptions, Source, check_count, check_expansion

if TYPE_CHECKING:
    from tifffile import TiffPage

UNPACKED, DEFLATED = (1,), (8, 32946)
DEFLATE_LIMIT = 1032  # deflate cannot expand by more, RFC 1951
DAMAGED = "it is cut off or damaged, export it again"


def read_tiff(source: Source, options: ReadOptions) -> PointCloud:
    """Read an organised scan; pixels that are (0, 0, 0) or not finite become NaN rows. Raises InputRejected.

    A single-channel file is a depth map and needs `options.focal_px`, the focal length in pixels.
    """
    import tifffile

    try:
        with tifffile.TiffFile(source.stream) as tiff:
            page = tiff.pages[0]
            channels = _check(source, page)
            image = _decode(source, page)
    except (tifffile.TiffFileError, ValueError, IndexError, KeyError, TypeError, OSError, zlib.error) as error:
        raise source.reject(f"is no readable TIFF ({str(error)[:80]})", DAMAGED) from error
    if channels == 1:
        return _from_depth(source, image, options.focal_px)
    xyz = image.astype(np.float64).reshape(-1, 3)
    xyz[~np.isfinite(xyz).all(axis=1) | (xyz == 0).all(axis=1)] = np.nan
    return PointCloud(xyz, grid=image.shape[:2], path=source.path)


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
    check_count(source, page.imagelength * page.imagewidth, 0, what="pixels")
    offsets, lengths = page.dataoffsets, page.databytecounts
    if any(at + n > source.size for at, n in zip(offsets, lengths, strict=False)):
        raise source.reject("the pixels run past the end of the file", "it is cut off, export it again")
    stored, decoded = sum(lengths), page.imagelength * page.imagewidth * channels * page.dtype.itemsize
    check_expansion(source, stored, decoded)
    if page.compression in UNPACKED and stored < decoded:
        raise source.reject(f"header promises {decoded} bytes of pixels, {stored} are there", DAMAGED)
    return channels


def _decode(source: Source, page: "TiffPage") -> np.ndarray:
    """(H, W, C) or (H, W) pixels."""
    if page.compression in DEFLATED:
        _check_segments(source, page)
    elif page.compression not in UNPACKED and not _decodable(page):
        name = getattr(page.compression, "name", page.compression)
        raise source.reject(f"compressed with {name}", "save it with deflate or none, or `pip install imagecodecs`")
    image = page.asarray()
    return np.moveaxis(image, 0, -1) if image.ndim == 3 and page.planarconfig == 2 else image


def _decodable(page: "TiffPage") -> bool:
    from tifffile import TIFF

    try:
        return TIFF.DECOMPRESSORS[page.compression] is not None
    except KeyError:
        return False


def _check_segments(source: Source, page: "TiffPage") -> None:
    """Every deflated strip or tile must decode to no more than its pixels take."""
    rows, columns = page.rowsperstrip, page.imagewidth
    if page.is_tiled:
        rows, columns = page.tilelength, page.tilewidth
    limit = rows * columns * page.samplesperpixel * page.dtype.itemsize
    check_expansion(source, max(page.databytecounts, default=0), limit)
    for at, stored in zip(page.dataoffsets, page.databytecounts, strict=False):
        if stored * DEFLATE_LIMIT > INFLATED_FREELY and _inflated_bytes(source, at, stored, limit) > limit:
            raise source.reject("a strip decodes to more pixels than it has", DAMAGED)


def _inflated_bytes(source: Source, at: int, stored: int, limit: int) -> int:
    """Bytes a strip decodes to, counted up to limit + 1."""
    source.stream.seek(at)
    return len(zlib.decompressobj().decompress(source.stream.read(stored), limit + 1))


def _from_depth(source: Source, depth: np.ndarray, focal_px: float | None) -> PointCloud:
    """Pinhole camera through the image centre: x right, y down, z forward (pixel centres at i + 0.5)."""
    if focal_px is None:
        raise source.reject("a single channel is a depth map, which needs a focal length", "add --focal PIXELS")
    depth = depth.astype(np.float64).reshape(depth.shape[:2])
    rows, columns = depth.shape
    depth[~np.isfinite(depth) | (depth <= 0)] = np.nan
    x = (np.arange(columns) + 0.5 - columns / 2) / focal_px * depth
    y = (np.arange(rows)[:, None] + 0.5 - rows / 2) / focal_px * depth
    xyz = np.stack([x, y, depth], axis=-1).reshape(-1, 3)
    return PointCloud(xyz, grid=(rows, columns), path=source.path)
