"""Labels of points from text rows, vertices and masks."""

from pathlib import Path

import numpy as np

from align3d_cli.errors import InputRejected
from align3d_cli.io.mesh_text import COMMENT
from align3d_cli.io.text import NotANumber, counted, parse_numbers, plain_text, words_per_line

SAME_PLACE = 1e-5  # of the extent: rows in the scan's own order differ from it by no more than rounding to few digits
SEPARATORS = bytes.maketrans(b",;", b"  ")
ROWS = "give rows of x y z label"
COPY = "check the data set's copy"
FAR = 0.02  # of the extent: when most points are further than this from all rows, the rows belong to another scan


def read_rows(path: Path, columns: int) -> np.ndarray:
    """Rows of numbers from a text file, separated by spaces, tabs, commas or semicolons; a header line is passed over.

    Returns (R, C >= columns) float64. Raises InputRejected: no such file, other columns, not numbers.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputRejected(f"{path}: the labels cannot be read ({error.strerror}); {COPY}") from error
    text = COMMENT.sub(b"", plain_text(data)).translate(SEPARATORS)
    text = _without_header(text if b"\n" in text else text.replace(b"\r", b"\n"))
    words = words_per_line(text)
    there = np.flatnonzero(words)
    if not len(there):
        return np.empty((0, columns))
    first = int(words[there[0]])
    odd = there[words[there] != first]
    if len(odd):
        finding = f"line {odd[0] + 1} has {counted(words[odd[0]], 'number')}, the first row has {first}"
        raise InputRejected(f"{path}: {finding}; {ROWS}")
    if first < columns:
        raise InputRejected(f"{path}: has {counted(first, 'column')}, {columns} are expected; {ROWS}")
    try:
        return parse_numbers(text).reshape(len(there), first)
    except NotANumber as error:
        raise InputRejected(f"{path}: {error}; {ROWS}") from error


def _without_header(text: bytes) -> bytes:
    """The text, its first line blank when that holds words instead of numbers."""
    above = len(text) - len(text.lstrip())
    end = text.find(b"\n", above)
    end = len(text) if end < 0 else end
    try:
        parse_numbers(text[above:end])
    except NotANumber:
        return b"\n" * text.count(b"\n", 0, above) + text[end:]
    return text


def match_labels(xyz: np.ndarray, rows: np.ndarray, path: Path) -> np.ndarray:
    """Label of every point: that of the nearest row, in whatever order and number the rows come.

    xyz:  (N, 3) float, rows that are not finite get False
    rows: (R, 4) float, x y z label, a label above 0 is a defect
    path: of the rows, for messages
    Returns (N,) bool. Raises InputRejected when the rows lie elsewhere than the points.
    """
    if not np.isfinite(rows).all(axis=1).any():
        raise InputRejected(f"{path}: holds no rows of numbers; {ROWS}, one for every point")
    defect = rows[:, 3] > 0
    extent = _extent(rows[:, :3])
    if len(rows) == len(xyz) and np.abs(rows[:, :3] - xyz).max() <= SAME_PLACE * extent:
        return defect
    finite, usable = np.isfinite(xyz).all(axis=1), np.isfinite(rows).all(axis=1)
    label = np.zeros(len(xyz), bool)
    nearest = _nearest(xyz[finite], rows[usable, :3], extent, path)
    label[finite] = defect[usable][nearest]
    return label


def mark_nearest(places: np.ndarray, anomalous: np.ndarray, path: Path) -> np.ndarray:
    """(M, 3) places and (R, 3) anomalous points -> (M,) bool, True for the place nearest to each anomalous point."""
    label = np.zeros(len(places), bool)
    anomalous = anomalous[np.isfinite(anomalous).all(axis=1)]
    if len(anomalous):
        label[_nearest(anomalous, places, _extent(places), path)] = True
    return label


def carry_labels(xyz: np.ndarray, places: np.ndarray, label: np.ndarray) -> np.ndarray:
    """(N, 3) points -> (N,) bool, the label of the nearest of (M, 3) places."""
    from scipy.spatial import cKDTree

    return label[cKDTree(places).query(xyz)[1]]


def read_mask(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A mask image as (H, W) bool: any colour channel above 0 is a defect (the values encode the class, not 255).

    Raises InputRejected: not an image, or not of the scan's (H, W).
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            plain = (
                image if image.mode in ("1", "L", "I", "I;16", "F") else image.convert("RGB")
            )  # drops alpha, palette
            values = np.asarray(plain)
    except OSError as error:
        raise InputRejected(f"{path}: the mask {_why(error)}; {COPY}") from error
    mask = np.asarray((values > 0).any(axis=2) if values.ndim == 3 else values > 0)
    if mask.shape != tuple(shape):
        raise InputRejected(f"{path}: the mask has {_sizes(mask.shape, shape)}; give the one that belongs to the scan")
    return mask


def read_colours(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A photograph aligned with an organised scan of (H, W) as (H * W, 3) uint8 RGB. Raises InputRejected."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError as error:
        raise InputRejected(f"{path}: the picture {_why(error)}; {COPY}") from error
    if pixels.shape[:2] != tuple(shape):
        raise InputRejected(
            f"{path}: the picture has {_sizes(pixels.shape, shape)}; give the one that belongs to the scan"
        )
    return np.ascontiguousarray(pixels.reshape(-1, 3))


def _why(error: OSError) -> str:
    """Why a picture does not open: Pillow's own errors have no reason of the system's."""
    return f"cannot be read ({error.strerror})" if error.strerror else "is damaged or no picture"


def _sizes(there: tuple[int, ...], scan: tuple[int, ...]) -> str:
    return f"{there[0]} x {there[1]} pixels, the scan {scan[0]} x {scan[1]}"


def _extent(xyz: np.ndarray) -> float:
    """Diagonal of the bounding box of the finite rows."""
    finite = xyz[np.isfinite(xyz).all(axis=1)]
    return float(np.linalg.norm(np.ptp(finite, axis=0))) if len(finite) else 0.0


def _nearest(query: np.ndarray, places: np.ndarray, extent: float, path: Path) -> np.ndarray:
    """(Q, 3) points -> (Q,) row of the nearest of (P, 3) places; InputRejected when most are far from all of them."""
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(places).query(query)
    if len(query) and np.median(distance) > FAR * extent > 0:
        finding = f"the labels lie {np.median(distance):.4g} away from the scan's points, of extent {extent:.4g}"
        raise InputRejected(f"{path}: {finding}; give those that belong to this scan, not to another")
    return nearest
