"""What `packing` packed, unpacked by its definition, as `viewer/columns.js` does it."""

import base64
import zlib
from typing import Any

import numpy as np


def unpacked(payload: dict[str, Any]) -> dict[str, np.ndarray]:
    """The columns of a payload by name."""
    data, n, columns = zlib.decompress(base64.b64decode(payload["data"])), payload["shown"], {}
    for name, bits in payload["columns"]:
        low, data = np.frombuffer(data[:n], np.uint8).astype(np.int64), data[n:]
        if bits == 16:
            low, data = low + 256 * np.frombuffer(data[:n], np.uint8).astype(np.int64), data[n:]
        columns[name] = np.cumsum(low) % 2**bits
    assert not data
    return columns


def places(payload: dict[str, Any]) -> np.ndarray:
    """(N, 3) the points of a payload in the file's frame."""
    columns = unpacked(payload)
    return payload["origin"] + payload["step"] * np.stack([columns[axis] for axis in "xyz"], axis=1)
