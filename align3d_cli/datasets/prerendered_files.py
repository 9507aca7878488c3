"""The files of a pre-rendered root, each checked before it counts: pictures of views, correspondences, drawn points."""

import re
from pathlib import Path

import numpy as np

from align3d_cli.datasets import layout
from align3d_cli.datasets.prerendered_entry import IMAGES, Entry
from align3d_cli.errors import InputRejected

SIDE = 336  # pixels of every published picture, and the side of the grid that its points are numbered in
VIEWS = 9  # of the published views; CoGeoAD drew 20 and reads the first nine
DRAWN = "nonzero_indices.npy"
GREY_OF_BOTH, COLOUR_OF_BOTH = "uni_view_", "rgb_view_"  # CoGeoAD keeps both kinds of pictures in one folder
RESTORE = "restore it from the data set's archive"


def check_filled(path: Path) -> None:
    """Raise InputRejected for a file that is not there or has 0 bytes, as some published sets hold them."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputRejected(f"{path}: cannot be read ({error.strerror}); {RESTORE}") from error
    if size == 0:
        raise InputRejected(f"{path}: holds nothing (0 bytes); {RESTORE}")


def view_files(folder: Path | None, entry: Entry, part: str, *suffixes: str, prefix: str = "") -> list[Path]:
    """The files of a part, one a view, in lexical order, each with content.

    Of more than nine the first nine by number count: CoGeoAD's 20 views begin with the published ones.
    Raises InputRejected for a missing or empty folder or file.
    """
    if folder is None:
        raise InputRejected(f"{entry.scan.parent.parent / part}: nothing of {entry.name}; {RESTORE}, or score our own")
    if not folder.is_dir():
        raise InputRejected(f"{folder}: no such folder; {RESTORE}, or score our own drawing")
    found = [f for f in sorted(layout.files(folder, *suffixes), key=lambda f: f.name) if f.name.startswith(prefix)]
    found = [f for f in found if f.name != DRAWN]
    if len(found) > VIEWS:
        found = sorted(found, key=view_number)[:VIEWS]
    if not found:
        raise InputRejected(f"{folder}: holds no files of views; {RESTORE}")
    for path in found:
        check_filled(path)
    return found


def view_number(path: Path) -> int:
    """k of `view_k.png` or `view_k_cor.npy`; -1 without one."""
    digits = re.findall(r"\d+", path.stem)
    return int(digits[-1]) if digits else -1


def has_both(folder: Path | None) -> bool:
    """Whether a folder of pictures is CoGeoAD's, with grey and coloured views side by side."""
    return any(f.name.startswith(GREY_OF_BOTH) for f in layout.files(folder, *IMAGES))


def read_pictures(files: list[Path]) -> np.ndarray:
    """(V, S, S, 3) uint8 RGB. Raises InputRejected for damage, and for pictures that are not square and all alike."""
    from PIL import Image

    pictures: list[np.ndarray] = []
    for path in files:
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError) as error:  # Pillow's, for all kinds of damage
            raise InputRejected(f"{path}: is damaged or no picture; {RESTORE}") from error
        height, width = pixels.shape[:2]
        if height != width or (pictures and pixels.shape != pictures[0].shape):
            wanted = f"{len(pictures[0])} x {len(pictures[0])}" if pictures else "a square"
            raise InputRejected(f"{path}: the picture has {height} x {width} pixels, not {wanted}; {RESTORE}")
        pictures.append(pixels)
    return np.stack(pictures)


def image_size(path: Path) -> tuple[int, int]:
    """(H, W) of an image, from its header. Raises InputRejected."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, SyntaxError, ValueError) as error:  # as above
        raise InputRejected(f"{path}: is damaged or no picture; {RESTORE}") from error


def picture_side(entry: Entry) -> int:
    """Pixels a side of the pictures of a scan, and of the grid that its points are numbered in; 336 without any."""
    files = layout.files(entry.pictures, *IMAGES)
    return image_size(files[0])[0] if files and files[0].stat().st_size else SIDE


def read_numbers(path: Path) -> np.ndarray:
    """An array of numbers from an .npy file. Raises InputRejected."""
    check_filled(path)
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:  # numpy's, for all kinds of damage
        raise InputRejected(f"{path}: is damaged or no array of numbers; {RESTORE}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iufb":
        raise InputRejected(f"{path}: holds no numbers; {RESTORE}")
    return array


def drawn_rows(entry: Entry) -> np.ndarray | None:
    """(K,) int64: the flat pixels of the resized scan that hold a drawn point; None where a root has no such file, and
    every point is drawn. Raises InputRejected for numbers outside the grid or twice there."""
    path = entry.places / DRAWN if entry.places else None
    if path is None or not path.is_file():
        return None
    numbers = read_numbers(path).ravel()
    numbers = np.flatnonzero(numbers) if numbers.dtype == bool else numbers
    rows = numbers.astype(np.int64)
    side = picture_side(entry)
    if not len(rows) or (rows != numbers).any() or rows.min() < 0 or rows.max() >= side * side:
        raise InputRejected(f"{path}: names no points of a grid of {side} x {side}; {RESTORE}")
    if len(np.unique(rows)) < len(rows):
        raise InputRejected(f"{path}: names a point twice; {RESTORE}")
    return rows
