"""Label files of data sets."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from align3d_cli.datasets import labels

from .case import Case

XYZ = np.random.default_rng(0).random((60, 3))


def reading(data: str | bytes, read: Callable[[Path], object], name: str = "gt.txt") -> Case:
    """Read labels of these bytes."""

    def case(folder: Path) -> object:
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        return read(folder / name)

    return case


def rows(path: Path) -> object:
    """The label of every point of a scan."""
    return labels.match_labels(XYZ, labels.read_rows(path, 4), path)


def mask(path: Path) -> object:
    """The mask of a scan of 4 x 5 pixels."""
    return labels.read_mask(path, (4, 5))


def colours(path: Path) -> object:
    """The photograph of a scan of 4 x 5 pixels."""
    return labels.read_colours(path, (4, 5))


def picture(folder: Path) -> bytes:
    """A picture of 3 x 3 pixels."""
    from PIL import Image

    Image.new("L", (3, 3)).save(folder / "picture.png")
    return (folder / "picture.png").read_bytes()


FAR = "".join(f"{i} 9e9 {i} 1\n" for i in range(60))
CASES = {
    "absent": lambda folder: rows(folder / "gt.txt"),
    "no text": reading(b"\xff\xfe\0\xd8", rows),
    "words": reading("x y z label\n1 2 3 bad\n", rows),
    "ragged": reading("1 2 3 1\n1 2 3\n", rows),
    "three columns": reading("1 2 3\n", rows),
    "empty": reading("", rows),
    "of another scan": reading(FAR, rows),
    "mask absent": lambda folder: mask(folder / "gt.png"),
    "mask is no picture": reading("hello", mask, "gt.png"),
    "mask of another size": lambda folder: reading(picture(folder), mask, "gt.png")(folder),
    "photograph is no picture": reading("hello", colours, "rgb.png"),
    "photograph of another size": lambda folder: reading(picture(folder), colours, "rgb.png")(folder),
}
