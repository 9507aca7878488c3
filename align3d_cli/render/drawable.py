"""Which points of a prepared scan are drawn: all of them, or as many as a view has pixels, as the published code.

There every organised scan is resized to the size of a view before anything else, and every other cloud resampled to as
many points; normals, pictures and point maps know only these.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from align3d_cli.clouds.prepare import MINIMUM_POINTS, Prepared
from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.errors import InputRejected
from align3d_cli.render.nearest import nearest_rows
from align3d_cli.render.settings import ViewSettings


@dataclass(frozen=True, slots=True)
class Drawable:
    """The K points of a scan that are drawn, of its M prepared ones.

    scan:   what is drawn; a resized one has the grid of a view, or stands in array order for one
    origin: the prepared scan
    rows:   (K,) int64, which of the origin's points they are; some can stand there twice, and of given views -1 is a
            point that the origin leaves out
    """

    scan: Prepared
    origin: Prepared
    rows: np.ndarray = field(repr=False)

    @property
    def cloud_rows(self) -> np.ndarray:
        """(K,) int64, which rows of the cloud they are; of our own drawing."""
        return self.origin.index[self.rows]

    @property
    def whole(self) -> bool:
        """Whether every prepared point is drawn as it is."""
        return self.scan is self.origin

    def back(self, values: np.ndarray) -> np.ndarray:
        """Values (K,) of the drawn points as values (M,) of all: a point's own, else that of the nearest drawn one."""
        if self.whole:
            return values
        source, own = np.full(len(self.origin.xyz), -1), np.flatnonzero(self.rows >= 0)
        source[self.rows[own[::-1]]] = own[::-1]  # of a point's copies the first counts
        left = source < 0
        if left.any():
            source[left] = nearest_rows(self.scan.xyz, self.origin.xyz[left])
        return values[source]


def drawable(scan: Prepared, plan: ViewSettings) -> Drawable:
    """The points of a scan that the plan draws. Raises InputRejected where a resized scan keeps too few."""
    if plan.input == "all points":
        return Drawable(scan, scan, np.arange(len(scan.xyz)))
    side = plan.size_px
    index, rows = _of_grid(scan, scan.grid, side) if scan.grid else _of_array(scan.index, side)
    if len(rows) < MINIMUM_POINTS:
        finding = f"{len(rows)} of {len(scan.xyz)} points of the scan are left at {side} x {side}"
        raise InputRejected(f"{finding}, at least {MINIMUM_POINTS} are needed; scan the part larger in the image")
    resized = replace(
        scan,
        xyz=scan.xyz[rows],
        index=index,
        colours=None if scan.colours is None else scan.colours[rows],
        grid=(side, side) if scan.grid else None,
        spacing=point_spacing(scan.xyz[rows]),
        report=scan.report | {"n_points": side * side},
    )
    return Drawable(resized, scan, rows)


def _of_grid(scan: Prepared, grid: tuple[int, int], side: int) -> tuple[np.ndarray, np.ndarray]:
    """Flat pixels of a side x side grid that hold a point, and which: nearest, from pixel floor(i * H / side)."""
    height, width = grid
    place = np.arange(side)
    pixels = (place * height // side)[:, None] * width + place * width // side
    row_at = np.full(height * width, -1)
    row_at[scan.index] = np.arange(len(scan.index))
    rows = row_at[pixels].ravel()
    index = np.flatnonzero(rows >= 0)
    return index, rows[index]


def _of_array(index: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of points without grid: point floor(i * M / side ** 2) in the order of the file, which stays.

    index: (M,) rows of the file that the prepared points are
    """
    place = np.arange(side * side)
    return place, np.argsort(index)[place * len(index) // (side * side)]
