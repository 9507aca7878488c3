"""The pixels of a TIFF page, strip by strip, none decoded to more than its place in the image."""

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from align3d_cli.io.lzw import lzw_decompress

if TYPE_CHECKING:
    from tifffile import TiffPage

NO_PREDICTOR, DIFFERENCES, FLOAT_DIFFERENCES = 1, 2, 3  # TIFF 6.0 section 14 and Adobe's technical note 3


def _inflate(data: bytes, limit: int) -> bytes:
    """Inflate to at most `limit` bytes, and make sure that this was all and its checksum is right."""
    inflater = zlib.decompressobj()
    out = inflater.decompress(data, limit)
    if not inflater.eof and (inflater.decompress(inflater.unconsumed_tail, 1) or not inflater.eof):
        raise ValueError("a strip holds more than its pixels, or ends too early")
    return out


DECODERS: dict[int, Callable[[bytes, int], bytes]] = {
    1: lambda data, limit: data[:limit],
    5: lzw_decompress,
    8: _inflate,
    32946: _inflate,
}
PREDICTORS = (NO_PREDICTOR, DIFFERENCES, FLOAT_DIFFERENCES)


def read_pixels(stream: BinaryIO, page: "TiffPage") -> np.ndarray:
    """(H, W, C) pixels. Raises ValueError when a strip or tile is damaged or too short."""
    apart = page.planarconfig == 2
    channels = 1 if apart else page.samplesperpixel
    rows, columns = min(page.rowsperstrip, page.imagelength), page.imagewidth
    if page.is_tiled:
        rows, columns = page.tilelength, page.tilewidth
    down, across = -(-page.imagelength // rows), -(-page.imagewidth // columns)
    image = np.zeros((page.imagelength, page.imagewidth, page.samplesperpixel), page.dtype)
    offsets, lengths = page.dataoffsets, page.databytecounts
    if len(offsets) < down * across * (page.samplesperpixel if apart else 1):
        raise ValueError(f"{len(offsets)} strips are too few")
    for i, (at, stored) in enumerate(zip(offsets, lengths, strict=True)):
        plane, i = divmod(i, down * across)
        top, left = i // across * rows, i % across * columns
        place = image[top : top + rows, left : left + columns, plane : plane + channels]
        stream.seek(at)
        segment = _segment(stream.read(stored), page, (rows if page.is_tiled else len(place), columns, channels), rows)
        place[...] = segment[: place.shape[0], : place.shape[1]]
    return image


def _segment(data: bytes, page: "TiffPage", shape: tuple[int, int, int], most_rows: int) -> np.ndarray:
    """(rows, columns, channels) of one strip or tile; some writers fill the last strip up to `most_rows`."""
    row_bytes = shape[1] * shape[2] * page.dtype.itemsize
    size = shape[0] * row_bytes
    try:
        decoded = DECODERS[page.compression](data, most_rows * row_bytes)[:size]
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(decoded) < size:
        raise ValueError(f"a strip ends after {len(decoded)} of {size} bytes")
    if page.predictor == FLOAT_DIFFERENCES:
        return _undo_float_differences(decoded, page.dtype, shape)
    values = np.frombuffer(decoded, page.dtype.newbyteorder(page.parent.byteorder)).reshape(shape)
    if page.predictor == DIFFERENCES:
        words = values.view(values.dtype.str.replace("f", "u").replace("i", "u")).astype(f"=u{values.itemsize}")
        return np.cumsum(words, axis=1, dtype=words.dtype).view(page.dtype.newbyteorder("="))
    return values


def _undo_float_differences(data: bytes, dtype: np.dtype, shape: tuple[int, int, int]) -> np.ndarray:
    """Rows of byte planes, most significant first, each byte stored as the difference to that one pixel before."""
    rows, columns, channels = shape
    byte = np.frombuffer(data, np.uint8).reshape(rows, columns * dtype.itemsize, channels)
    planes = np.cumsum(byte, axis=1, dtype=np.uint8).reshape(rows, dtype.itemsize, columns * channels)
    values = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(dtype.newbyteorder(">"))
    return values.reshape(shape)
