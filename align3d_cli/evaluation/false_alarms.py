"""What a good scan shows by mistake: regions that would be called defects, and how much of it is coloured.

Between the colour limits of the model, measured once on other scans, as `regions.levels` has them: what a user sees on
the heat map and in the list of regions. Regions hang together on the surface; they are those of the points that the run
log keeps with their places, at most `outputs.PREVIEW_POINTS`, spread over the scan, so one of ten points is 0.06 % of a
large scan's surface and smaller ones are not counted.
"""

from dataclasses import dataclass

import numpy as np

from align3d_cli.evaluation.outputs import PointOutputs
from align3d_cli.regions.find import find_regions
from align3d_cli.regions.levels import Levels
from align3d_cli.regions.patch import SIXTH

SPARSER = 0.75  # quantile of the distances between points, as `render.footprint.distance_apart` takes it


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Of one good scan. regions: how many; share: of its scored points at or above the level, in [0, 1]. nan where
    no level is known or nothing was scored."""

    regions: float
    share: float


UNKNOWN = FalseAlarms(float("nan"), float("nan"))


def false_alarms(outputs: PointOutputs, method: str, levels: Levels | None) -> FalseAlarms:
    """What a good scan shows by mistake."""
    scores = outputs.scores[method]
    known = scores[~np.isnan(scores)]
    if levels is None or not len(known):
        return UNKNOWN
    kept = scores[outputs.preview_rows]
    return FalseAlarms(n_regions(outputs.preview_xyz, kept, levels), float((known >= levels.edge).mean()))


def n_regions(xyz: np.ndarray, scores: np.ndarray, levels: Levels) -> int:
    """How many regions N points have. xyz: (N, 3) float, finite; scores: (N,) float, NaN where unknown"""
    if not (scores >= levels.core).any():  # most good scans: nothing to look for
        return 0
    places = xyz.astype(np.float64)
    apart = apart_of(places)
    return len(find_regions(places, scores, levels, apart).regions) if apart > 0 else 0


def apart_of(xyz: np.ndarray) -> float:
    """density ** -0.5 in the sparser quarter of points (N, 3) that lie without clusters."""
    from scipy.spatial import cKDTree

    k = min(7, len(xyz))  # the first neighbour is the point itself
    sixth = cKDTree(xyz).query(xyz, k=[k])[0]
    return SIXTH * float(np.quantile(sixth, SPARSER))
