"""The authors' views of a scan: pictures, defects in them, and the pixel of every drawn point in every view.

In `2d_3d_cor/<id>/` the first file by name lists the drawn points, `nonzero_indices.npy`; then comes a file a view,
`view_k_cor.npy`, with rows (x, y, visible) of these points only, in pixels of the pictures. Roots of scans without grid
have no list: there every point is drawn.
"""

from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.given import GivenViews
from align3d_cli.clouds.prepare import MINIMUM_POINTS
from align3d_cli.datasets import prerendered_files as parts
from align3d_cli.datasets.prerendered_entry import IMAGES, Entry
from align3d_cli.errors import InputRejected

HALF = 127  # of 255: a pixel shows a defect above one half
EYECANDIES = (  # whose views begin with a tilt of 45 degrees
    *("CandyCane", "ChocolateCookie", "ChocolatePraline", "Confetto", "GummyBear"),
    *("HazelnutTruffle", "LicoriceSandwich", "Lollipop", "Marshmallow", "PeppermintCandy"),
)


def read_views(entry: Entry, cloud: PointCloud) -> GivenViews:
    """All that the authors drew of a scan. cloud: as `prerendered.load` reads it.

    Raises InputRejected, with the file's name, for what is missing, empty, damaged or of another scan.
    """
    both = parts.has_both(entry.pictures)
    grey = parts.GREY_OF_BOTH if both else ""
    files = parts.view_files(entry.pictures, entry, "2d_rendering", *IMAGES, prefix=grey)
    correspondences = parts.view_files(entry.places, entry, "2d_3d_cor", ".npy")
    _check_beside(correspondences, files)
    pictures = parts.read_pictures(files)
    side = pictures.shape[1]
    rows, index = _drawn_points(entry, cloud, side)
    pixel_of_point, visible = _places(correspondences, len(index), side)
    return GivenViews(
        pictures=pictures,
        xyz=cloud.xyz[rows],
        rows=rows,
        index=index,
        n_points=side * side if cloud.grid else len(cloud),
        grid=(side, side) if cloud.grid else None,
        pixel_of_point=pixel_of_point,
        visible=visible,
        preset=_preset(entry, cloud),
        coloured=_coloured(entry, files, both),
        masks=_masks(entry, files),
    )


def _preset(entry: Entry, cloud: PointCloud) -> str:
    if cloud.grid is None:
        return "real3d"
    return "eyecandies" if entry.name.split("/")[0] in EYECANDIES else "mvtec"


def _drawn_points(entry: Entry, cloud: PointCloud, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the cloud (K,) that were drawn, and their places (K,) in the scan resized to side x side (nearest)."""
    index = parts.drawn_rows(entry)
    if index is None:
        if cloud.grid is not None and entry.places is not None:
            raise InputRejected(f"{entry.places / parts.DRAWN}: no such file; {parts.RESTORE}")
        index = np.arange(len(cloud))
    if cloud.grid is None:
        rows = index
    else:
        height, width = cloud.grid
        rows = (index // side * height // side) * width + index % side * width // side
    if len(rows) < MINIMUM_POINTS or rows.max() >= len(cloud):
        finding = f"names {len(rows)} points of a scan of {len(cloud)}, at least {MINIMUM_POINTS} of its own are needed"
        raise InputRejected(f"{entry.places}: {finding}; {parts.RESTORE}")
    lost = int((~cloud.valid[rows]).sum())
    if lost:
        finding = f"{lost} of {len(rows)} drawn points are not measured in {entry.scan.name}"
        raise InputRejected(f"{entry.places}: {finding}; the two belong to different scans, {parts.RESTORE}")
    return rows, index


def _places(files: list[Path], n_points: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """pixel_of_point (V, K) int32 and visible (V, K) of the files `view_k_cor.npy`."""
    pixel_of_point, visible = [], []
    for path in files:
        values = parts.read_numbers(path)
        if values.shape != (n_points, 3):
            finding = f"holds {' x '.join(map(str, values.shape))} numbers, {n_points} rows x, y, visible are expected"
            raise InputRejected(f"{path}: {finding}; {parts.RESTORE}")
        if not np.isfinite(values).all():
            raise InputRejected(f"{path}: holds values that are no numbers; {parts.RESTORE}")
        column, row = np.trunc(values[:, 0]).astype(np.int64), np.trunc(values[:, 1]).astype(np.int64)
        if min(column.min(), row.min()) < 0 or max(column.max(), row.max()) >= side:
            finding = f"places from {min(column.min(), row.min())} to {max(column.max(), row.max())}"
            raise InputRejected(f"{path}: {finding} lie outside pictures of {side} pixels; {parts.RESTORE}")
        pixel_of_point.append((row * side + column).astype(np.int32))
        visible.append(values[:, 2] > 0)
    return np.stack(pixel_of_point), np.stack(visible)


def _check_beside(files: list[Path], pictures: list[Path]) -> None:
    """Raise InputRejected where two folders do not hold the same views: one file less shifts all others."""
    if len(files) != len(pictures):
        finding = f"{len(files)} views, {len(pictures)} in {pictures[0].parent}"
        raise InputRejected(f"{files[0].parent}: {finding}; {parts.RESTORE}")
    for path, picture in zip(files, pictures, strict=True):
        if parts.view_number(path) != parts.view_number(picture):
            raise InputRejected(f"{path}: stands beside {picture.name}, a view is missing; {parts.RESTORE}")


def _coloured(entry: Entry, pictures: list[Path], both: bool) -> np.ndarray | None:
    """The coloured views, (V, S, S, 3) uint8; None where a root has none."""
    folder = entry.pictures if both else entry.coloured
    if folder is None:
        return None
    prefix = parts.COLOUR_OF_BOTH if both else ""
    return _like(parts.view_files(folder, entry, "2d_rgb_rendering", *IMAGES, prefix=prefix), pictures)


def _masks(entry: Entry, pictures: list[Path]) -> np.ndarray | None:
    """(V, S, S) bool, pixels that show a defect; None where a root has no `2d_gt`."""
    if entry.masks is None:
        return None
    masks = _like(parts.view_files(entry.masks, entry, "2d_gt", *IMAGES), pictures)
    return np.asarray(masks.max(axis=3) > HALF)


def _like(files: list[Path], pictures: list[Path]) -> np.ndarray:
    """The pictures of a second folder, which holds the same views as the first in the same size."""
    _check_beside(files, pictures)
    return parts.read_pictures([pictures[0], *files])[1:]
