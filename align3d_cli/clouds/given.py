"""Views of a scan that others drew: their pictures, and where each of the points that they drew lies in them."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class GivenViews:
    """V square pictures, S pixels a side, of K points of a scan.

    pictures: (V, S, S, 3) uint8 RGB, the renderings without colour of the part
    xyz:      (K, 3) float64, finite, the drawn points in the frame and unit of the cloud
    rows:     (K,) int64, which rows of the cloud they are
    index:    (K,) int64, their places among the n_points of the resized scan
    n_points: of the resized scan, places without a point included
    grid:     (H, W) of the resized scan, H * W == n_points; None where it has no order of pixels
    pixel_of_point: (V, K) int32, flat pixel row * S + column of each point
    visible:  (V, K) bool, the view shows the point
    preset:   the published views that these are: mvtec, eyecandies or real3d
    coloured: (V, S, S, 3) uint8 RGB, the same views of the coloured cloud; None where there are none
    masks:    (V, S, S) bool, pixels that show a defect; None where there are none
    """

    pictures: np.ndarray = field(repr=False)
    xyz: np.ndarray = field(repr=False)
    rows: np.ndarray = field(repr=False)
    index: np.ndarray = field(repr=False)
    n_points: int
    grid: tuple[int, int] | None
    pixel_of_point: np.ndarray = field(repr=False)
    visible: np.ndarray = field(repr=False)
    preset: str
    coloured: np.ndarray | None = field(default=None, repr=False)
    masks: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        views, side, points = self.pictures.shape[0], self.pictures.shape[1], len(self.rows)
        for name, array, shape in (
            ("pictures", self.pictures, (views, side, side, 3)),
            ("xyz", self.xyz, (points, 3)),
            ("index", self.index, (points,)),
            ("pixel_of_point", self.pixel_of_point, (views, points)),
            ("visible", self.visible, (views, points)),
            ("coloured", self.coloured, (views, side, side, 3)),
            ("masks", self.masks, (views, side, side)),
        ):
            if array is not None and array.shape != shape:
                raise ValueError(f"{name} must be {shape}, got {array.shape}")

    @property
    def side_px(self) -> int:
        """S, pixels a side of a picture."""
        return int(self.pictures.shape[1])
