"""Pictures that colour meshes."""

from typing import BinaryIO

import numpy as np


def decode_picture(stream: BinaryIO) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB, top row first; None when it is damaged or no picture: that costs the colours only."""
    from PIL import Image

    try:
        with Image.open(stream) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for damage
        return None
