"""Where good parts differ from each other: what `teach` tells, so that somebody looks whether they may."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from align3d_cli.reference.seen import Seen
from align3d_cli.regions.find import find_regions
from align3d_cli.regions.levels import Levels
from align3d_cli.regions.region import Place, Region, rounded
from align3d_cli.render.footprint import distance_apart

TIMES = 3.0  # how far apart good parts lie in the middle of their surface: of what varies at random little lies beyond
LEAST = 5e-4  # of the size, below which nothing is said to vary: half of what scanners are off
CORE = 1.5  # times the level, that a place must reach somewhere


@dataclass(frozen=True, slots=True)
class Varying:
    """A place where good parts differ. Lengths and places in the unit and the frame of the first part's file.

    id: counted from 1, as `regions.find` orders them: the largest with the most first
    area, length, width: on the surface; centre: mean of its points; low, high: corners of the box around them
    mean, most: how far the surfaces lie apart there, from the lowest to the highest
    """

    id: int
    area: float
    length: float
    width: float
    centre: Place
    low: Place
    high: Place
    mean: float
    most: float


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """How far good parts lie apart, on the M prepared points of the first of them.

    part:   name of its file; unit: of lengths, None where the file states none
    middle: how far they lie apart in the middle of their surface; level: from where on a place is said to vary
    xyz:    (M, 3); apart: (M,) float32, nan where no other part goes on within 6 % of the size
    region: (M,) int32, the id of each point's place, 0 in none
    """

    part: str
    unit: str | None
    middle: float
    level: float
    places: tuple[Varying, ...]
    xyz: np.ndarray
    apart: np.ndarray
    region: np.ndarray

    def as_dict(self) -> dict[str, Any]:
        """As JSON: all but the points."""
        told = {name: getattr(self, name) for name in ("part", "unit", "middle", "level")}
        return told | {"places": [asdict(one) for one in self.places]}


def variation_of(part: str, unit: str | None, xyz: np.ndarray, seen: Seen, apart: np.ndarray) -> Variation | None:
    """Where good parts vary; None where no other part lies on the first.

    part, unit: as the fields; xyz: (M, 3) prepared points of the first part, seen as `seen`
    apart: (S,) how far they lie apart at its even points, nan where that is unknown
    """
    known = ~np.isnan(apart)
    if not known.any():
        return None
    middle = float(np.median(apart[known]))
    level = max(TIMES * middle, LEAST * seen.surface.size)
    places, labels = _places(seen, apart, level)
    spread = apart[seen.row].astype(np.float32)
    return Variation(part, unit, rounded(middle), rounded(level), places, xyz, spread, labels[seen.row])


def _places(seen: Seen, apart: np.ndarray, level: float) -> tuple[tuple[Varying, ...], np.ndarray]:
    """The places, and (S,) the id of each even point's."""
    surface = seen.surface
    scores = apart / (apart + level)  # in [0, 1], as regions are found on: a half at the level
    levels = Levels(0.5, CORE / (CORE + 1))
    found = find_regions(
        surface.xyz,
        scores.astype(np.float32),
        levels,
        distance_apart(surface.xyz, surface.spacing)[0],
        lambda: surface.normals.astype(np.float64),
    )
    every = (_varying(region, apart[found.labels == region.id]) for region in found.regions)
    return tuple(every), found.labels


def _varying(region: Region, apart: np.ndarray) -> Varying:
    sizes = region.area, region.length, region.width
    amounts = rounded(float(apart.mean())), rounded(float(apart.max()))
    return Varying(region.id, *sizes, region.centre, region.low, region.high, *amounts)
