"""From a scan and its point scores to its defect regions."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from align3d_cli.clouds.voxels import cell_keys
from align3d_cli.regions.group import candidates, grouped
from align3d_cli.regions.levels import Levels
from align3d_cli.regions.measure import RING, Surroundings, measured
from align3d_cli.regions.patch import near, patch_of
from align3d_cli.regions.region import Region

MOST = 15_000  # points of a patch, some 0.1 s; larger regions are measured on fewer points, which changes 2 % of areas


@dataclass(frozen=True, slots=True)
class Found:
    """The regions of a scan, the most severe first; labels: (N,) int32, the id of each point's region, 0 in none."""

    regions: tuple[Region, ...]
    labels: np.ndarray


def find_regions(
    xyz: np.ndarray,
    scores: np.ndarray,
    levels: Levels,
    apart: float,
    outward: Callable[[], np.ndarray] | None = None,
) -> Found:
    """The regions of the N points of a part. Only what lies near points above the level is looked at.

    xyz:     (N, 3) float64, finite, without background and strays
    scores:  (N,) float32 in [0, 1], NaN where unknown
    apart:   density ** -0.5 of the points, e.g. of `render.footprint.distance_apart`
    outward: gives (N, 3), unit vectors to where each point is seen from, 0 where that is not known; asked only when
             there is something to measure. Without it, outwards is away from the middle of the part
    """
    groups = candidates(xyz, scores, levels, apart)
    seen = outward() if groups and outward is not None else None
    found: list[tuple[Region, np.ndarray]] = []
    for group in groups:
        found += _regions_of(group, xyz, scores, levels, apart, seen)
    excess = [float((scores[members] - levels.edge).sum(dtype=np.float64)) for _, members in found]
    order = sorted(range(len(found)), key=lambda i: -excess[i])
    labels = np.zeros(len(xyz), np.int32)
    for number, i in enumerate(order, 1):
        labels[found[i][1]] = number
    return Found(tuple(replace(found[i][0], id=number) for number, i in enumerate(order, 1)), labels)


def _regions_of(
    group: np.ndarray, xyz: np.ndarray, scores: np.ndarray, levels: Levels, apart: float, seen: np.ndarray | None
) -> list[tuple[Region, np.ndarray]]:
    """The regions among some rows (K,) of a scan, each with its rows."""
    rows = near(xyz, group, RING[1] * apart)
    kept, wider = _thinned(xyz, scores, rows, apart)
    patch = patch_of(xyz, kept, seen, wider)
    about = Surroundings(xyz.mean(axis=0), len(xyz), scores[kept] >= levels.edge)
    found = []
    own = np.isin(kept, group, assume_unique=True)
    for region in grouped(patch, np.where(own, scores[kept], -1.0), levels):
        members = kept[region] if len(kept) == len(rows) else _members(xyz, group, kept, own, region)
        found.append((measured(patch, region, xyz[members], scores[members], about), members))
    return found


def _thinned(xyz: np.ndarray, scores: np.ndarray, rows: np.ndarray, apart: float) -> tuple[np.ndarray, float]:
    """About MOST of the rows, of every cell the one with the highest score, and how far apart these are."""
    if len(rows) <= MOST:
        return rows, apart
    wider = apart * float(np.sqrt(len(rows) / MOST))
    worst_first = rows[np.argsort(-np.nan_to_num(scores[rows], nan=-1.0), kind="stable")]
    return np.sort(worst_first[np.unique(cell_keys(xyz[worst_first], wider), return_index=True)[1]]), wider


def _members(xyz: np.ndarray, group: np.ndarray, kept: np.ndarray, own: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The rows of a group that are nearest to a region. own: (P,) bool, kept rows of the group; region: places in P."""
    from scipy.spatial import cKDTree

    inside = np.zeros(len(kept), bool)
    inside[region] = True
    return group[inside[own][cKDTree(xyz[kept[own]]).query(xyz[group])[1]]]
