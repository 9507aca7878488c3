"""The pixels of a TIFF page, strip by strip, none decoded to more than its place in the image.

The compressions are imagecodecs' (BSD-3, 80 MB installed): it reads all that TIFF and PCD use, LZW many times faster
than Python can, and never writes beyond the room it is given. Strips, tiles and predictors stay here: tifffile's own
reading refuses last strips that their writer filled up.
"""

from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from tifffile import TiffPage

UNPACKED = 1  # TIFF's code for pixels stored as they are
DECODERS = {  # TIFF's code -> imagecodecs' function
    5: "lzw_decode",
    8: "zlib_decode",
    32946: "zlib_decode",
    32773: "packbits_decode",
    34925: "lzma_decode",
    50000: "zstd_decode",
}
NO_PREDICTOR, DIFFERENCES, FLOAT_DIFFERENCES = 1, 2, 3  # TIFF 6.0 section 14 and Adobe's technical note 3
PREDICTORS = (NO_PREDICTOR, DIFFERENCES, FLOAT_DIFFERENCES)


def segment_shape(page: "TiffPage") -> tuple[int, int]:
    """(rows, columns) of a full strip or tile."""
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def read_pixels(stream: BinaryIO, page: "TiffPage") -> np.ndarray:
    """(H, W, C) pixels. Raises ValueError when a strip or tile is damaged or too short."""
    assert page.dtype is not None
    apart = page.planarconfig == 2
    channels = 1 if apart else page.samplesperpixel
    rows, columns = segment_shape(page)
    down, across = -(-page.imagelength // rows), -(-page.imagewidth // columns)
    image = np.zeros((page.imagelength, page.imagewidth, page.samplesperpixel), page.dtype)
    needed = down * across * (page.samplesperpixel if apart else 1)
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))[:needed]
    if len(segments) < needed:
        raise ValueError(f"{len(segments)} of {needed} strips or tiles are there")
    for i, (at, stored) in enumerate(segments):
        plane, i = divmod(i, down * across)
        top, left = i // across * rows, i % across * columns
        place = image[top : top + rows, left : left + columns, plane : plane + channels]
        stream.seek(at)
        shape = (rows if page.is_tiled else len(place), columns, channels)
        segment = _segment(stream.read(stored), page, page.dtype, shape, rows)
        place[...] = segment[: place.shape[0], : place.shape[1]]
    return image


def _segment(data: bytes, page: "TiffPage", dtype: np.dtype, shape: tuple[int, int, int], most_rows: int) -> np.ndarray:
    """(rows, columns, channels) of one strip or tile; some writers fill the last strip up to `most_rows`."""
    row_bytes = shape[1] * shape[2] * dtype.itemsize
    size = shape[0] * row_bytes
    decoded = _decoded(data, page.compression, most_rows * row_bytes)[:size]
    if len(decoded) < size:
        raise ValueError(f"a strip or tile ends after {len(decoded)} of {size} bytes")
    if page.predictor == FLOAT_DIFFERENCES:
        return _undo_float_differences(decoded, dtype, shape)
    values = np.frombuffer(decoded, dtype.newbyteorder(page.parent.byteorder)).reshape(shape)
    if page.predictor == DIFFERENCES:
        words = values.view(values.dtype.str.replace("f", "u").replace("i", "u")).astype(f"=u{values.itemsize}")
        return np.cumsum(words, axis=1, dtype=words.dtype).view(dtype.newbyteorder("="))
    return values


def _decoded(data: bytes, compression: int, limit: int) -> bytes:
    """At most `limit` bytes."""
    if compression == UNPACKED:
        return data[:limit]
    import imagecodecs

    try:
        return getattr(imagecodecs, DECODERS[compression])(data, out=limit)
    except RuntimeError as error:
        raise ValueError("a strip or tile is damaged or holds more than its pixels") from error


def _undo_float_differences(data: bytes, dtype: np.dtype, shape: tuple[int, int, int]) -> np.ndarray:
    """Rows of byte planes, most significant first, each byte stored as the difference to that one pixel before."""
    rows, columns, channels = shape
    byte = np.frombuffer(data, np.uint8).reshape(rows, columns * dtype.itemsize, channels)
    planes = np.cumsum(byte, axis=1, dtype=np.uint8).reshape(rows, dtype.itemsize, columns * channels)
    values = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(dtype.newbyteorder(">"))
    return values.reshape(shape)
