"""One defect region, as Python, JSON, tables and rules know it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["concave", "convex", "mixed", "missing", "flat", "unknown"]
Place = tuple[float, float, float]
DIGITS = 6  # that lengths and areas are stored with, more than any scanner measures


@dataclass(frozen=True, slots=True)
class Region:
    """Points above the level that hang together on the surface. Lengths are in the scan's own unit.

    id:     counted from 1, the most severe first (the sum of what its points exceed the level by)
    kind:   concave or convex: below or above the surface around it; mixed: both; missing: material or measurement is
            absent inside its outline; flat: no deeper than the surface around it is rough; unknown: the surface
            around it does not tell
    points: how many; share: of the scored points, in [0, 1]
    area:   on the surface around it continued over the region, what is missing inside included; where no simple
            surface continues it, of the region's own surface
    area_missing: of that, where no point was measured
    length, width: sides of the smallest rectangle around it on that surface
    depth, height: greatest distance below and above that surface, at least 0; None where it is unknown
    roughness: standard deviation of the points around the region from that surface; where no simple surface continues
            it, of points that were foretold from further ones; None where depths are unknown
    centre: mean of its points; low, high: corners of the box around them, along the axes of the file
    peak:   greatest point score, the float32 number that heat maps store; mean: of its point scores
    """

    id: int
    kind: Kind
    points: int
    share: float
    area: float
    area_missing: float
    length: float
    width: float
    depth: float | None
    height: float | None
    roughness: float | None
    centre: Place
    low: Place
    high: Place
    peak: float
    mean: float

    def as_dict(self) -> dict[str, Any]:
        """The region as JSON states it: lists for places."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def rounded(value: float) -> float:
    """A measure with DIGITS significant digits: the very number that is shown, stored and compared."""
    return float(f"{value:.{DIGITS}g}")


def place(xyz: Any) -> Place:
    """Three rounded coordinates."""
    x, y, z = (rounded(float(value)) for value in xyz)
    return x, y, z
