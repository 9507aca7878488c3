"""Columns of whole numbers packed for a page: neighbours in space beside each other, steps between them, deflated.

`viewer/columns.js` undoes it. Every browser inflates by itself since 2023, so no decoder has to be shipped.
"""

import base64
import zlib
from collections.abc import Sequence

import numpy as np

LEVEL = 6  # of deflate: 9 takes up to five times as long and saves 1 %
# Bits of a 16-bit number moved apart so that two others fit between them, in four steps (Morton 1966)
SPREADS = (
    (16, 0x00FF_0000_FF00_00FF),
    (8, 0xF00F_00F0_0F00_F00F),
    (4, 0x30C3_0C30_C30C_30C3),
    (2, 0x9249_2492_4924_9249),
)


def along_curve(places: np.ndarray) -> np.ndarray:
    """(N,) order in which (N, 3) uint16 places follow the Z curve, on which neighbours are near each other."""
    x, y, z = (_spread(places[:, axis].astype(np.uint64)) for axis in range(3))
    return np.argsort(x | (y << np.uint64(1)) | (z << np.uint64(2)), kind="stable")


def _spread(numbers: np.ndarray) -> np.ndarray:
    for shift, mask in SPREADS:
        numbers = (numbers | (numbers << np.uint64(shift))) & np.uint64(mask)
    return numbers


def packed(columns: Sequence[np.ndarray]) -> bytes:
    """Columns (N,) of uint8 or uint16 as one deflated stream, each as its steps, low bytes before high ones."""
    return zlib.compress(b"".join(map(_planes, columns)), LEVEL)


def _planes(column: np.ndarray) -> bytes:
    steps = np.diff(column, prepend=column.dtype.type(0))  # unsigned, so it wraps around as the page's sums do
    if column.dtype == np.uint8:
        return steps.tobytes()
    return (steps & 0xFF).astype(np.uint8).tobytes() + (steps >> 8).astype(np.uint8).tobytes()


def base64_text(data: bytes) -> str:
    """Bytes as a page holds them."""
    return base64.b64encode(data).decode("ascii")
