"""Labels of points from text rows, vertices and masks."""

import io
from pathlib import Path

import numpy as np

from align3d_cli.errors import InputRejected

SAME_PLACE = 1e-5  # of the extent: rows in the scan's own order differ from it by no more than rounding to few digits
FAR = 0.02  # of the extent: when most points are further than this from all rows, the rows belong to another scan


def read_rows(path: Path, columns: int) -> np.ndarray:
    """Rows of numbers from a text file, separated by spaces, tabs, commas or semicolons; a header line is passed over.

    Returns (R, C >= columns) float64. Raises InputRejected: no such file, other columns, not numbers.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRejected(f"{path}: labels cannot be read ({error}); check the data set's copy") from error
    text = text.replace(",", " ").replace(";", " ")
    if not text.strip():
        return np.empty((0, columns))
    try:
        rows = np.loadtxt(io.StringIO(text), ndmin=2, skiprows=_header_lines(text))
    except ValueError as error:
        raise InputRejected(f"{path}: not rows of numbers ({error}); expected `x y z label`") from error
    if rows.shape[1] < columns:
        raise InputRejected(f"{path}: {rows.shape[1]} columns where {columns} are expected (x y z label)")
    return rows


def _header_lines(text: str) -> int:
    """1 when the first line holds words instead of numbers."""
    try:
        [float(word) for word in text.lstrip().split("\n", 1)[0].split()]
    except ValueError:
        return 1
    return 0


def match_labels(xyz: np.ndarray, rows: np.ndarray, path: Path) -> np.ndarray:
    """Label of every point: that of the nearest row, in whatever order and number the rows come.

    xyz:  (N, 3) float, rows that are not finite get False
    rows: (R, 4) float, x y z label, a label above 0 is a defect
    path: of the rows, for messages
    Returns (N,) bool. Raises InputRejected when the rows lie elsewhere than the points.
    """
    if not np.isfinite(rows).all(axis=1).any():
        raise InputRejected(f"{path}: no rows; a label for every point is expected")
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
        raise InputRejected(f"{path}: the mask cannot be read ({error}); check the data set's copy") from error
    mask = np.asarray((values > 0).any(axis=2) if values.ndim == 3 else values > 0)
    if mask.shape != tuple(shape):
        raise InputRejected(f"{path}: mask of {mask.shape} pixels for a scan of {tuple(shape)}; they must be aligned")
    return mask


def read_colours(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A photograph aligned with an organised scan of (H, W) as (H * W, 3) uint8 RGB. Raises InputRejected."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError as error:
        raise InputRejected(f"{path}: the image cannot be read ({error}); check the data set's copy") from error
    if pixels.shape[:2] != tuple(shape):
        raise InputRejected(f"{path}: {pixels.shape[:2]} pixels for a scan of {tuple(shape)}; they must be aligned")
    return np.ascontiguousarray(pixels.reshape(-1, 3))


def _extent(xyz: np.ndarray) -> float:
    """Diagonal of the bounding box of the finite rows."""
    finite = xyz[np.isfinite(xyz).all(axis=1)]
    return float(np.linalg.norm(np.ptp(finite, axis=0))) if len(finite) else 0.0


def _nearest(query: np.ndarray, places: np.ndarray, extent: float, path: Path) -> np.ndarray:
    """(Q, 3) points -> (Q,) row of the nearest of (P, 3) places; InputRejected when most are far from all of them."""
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(places).query(query)
    if len(query) and np.median(distance) > FAR * extent > 0:
        raise InputRejected(
            f"{path}: labels lie {np.median(distance):.4g} away from the scan's points (extent {extent:.4g}); "
            "they belong to another scan"
        )
    return nearest
