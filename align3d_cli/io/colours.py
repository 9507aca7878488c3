"""Colours as files write them: bytes, 16-bit words, fractions of one."""

from typing import overload

import numpy as np

MUCH = 4095.0  # the most of 12 bits; larger ones are of 16 bits, others above 255 are whiter than white


def full_scale(values: np.ndarray) -> float:
    """The value that means full brightness: the type's maximum; for floats, which hold them all, by the largest."""
    if values.dtype.kind in "ui":
        return 65535.0 if values.dtype.itemsize == 2 and values.dtype.kind == "u" else 255.0
    top = np.nanmax(values, initial=0.0)
    if top <= 1.0:
        return 1.0
    return 255.0 if top <= MUCH else 65535.0


@overload
def as_uint8(values: np.ndarray) -> np.ndarray: ...
@overload
def as_uint8(values: None) -> None: ...
def as_uint8(values: np.ndarray | None) -> np.ndarray | None:
    """(N, 3) uint8 from (N, 3) of any scalar type; None stays None."""
    if values is None or values.dtype == np.uint8:
        return values
    scaled = np.nan_to_num(values.astype(np.float64)) * (255.0 / full_scale(values))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
