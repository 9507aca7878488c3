"""The smallest defect that a scan can show: smaller ones fall between its points or between the pixels of its views."""

import math
from dataclasses import dataclass

from align3d_cli.regions.group import LEAST_POINTS
from align3d_cli.regions.region import rounded

LEAST_PIXELS = 3  # across: one on the defect and one on each side


@dataclass(frozen=True, slots=True)
class Resolution:
    """Lengths in the scan's unit.

    spacing:  how far apart the points lie, density ** -0.5 where they are sparse
    pixel:    side of a pixel of the views; None where there were no views
    smallest: diameter of the smallest round defect that has the points of a region and the pixels to be one; smaller
              ones are not shown, larger ones are shown to the model, which need not find them
    """

    spacing: float
    pixel: float | None
    smallest: float

    def as_dict(self) -> dict[str, float | None]:
        """As JSON states it."""
        return {"spacing": self.spacing, "pixel": self.pixel, "smallest": self.smallest}


def resolution_of(apart: float, pixel: float | None) -> Resolution:
    """From density ** -0.5 of the points and the side of a pixel, both in the scan's unit."""
    by_points = math.sqrt(LEAST_POINTS * 4.0 / math.pi) * apart  # a disc that holds that many
    smallest = max(by_points, LEAST_PIXELS * (pixel or 0.0))
    return Resolution(rounded(apart), None if pixel is None else rounded(pixel), rounded(smallest))
