"""The separate parts that one scan holds: what hangs together, with room between."""

from dataclasses import replace

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.voxels import bounds, components

GAP = 1 / 24  # of the scan's extent: the least room between two parts; two in touching cells are one
GAP_SPACINGS = 8  # and that many times the points' spacing
COMPARABLE = 0.1  # of the points: a part beside which the others are no crumbs
REACHING = 1.5  # times the extent of the largest part: further and the views show little else than room


def parts_of(xyz: np.ndarray, spacing: float) -> np.ndarray:
    """(N,) int label of the part each point is of, counted from 1, the largest part first.

    xyz: (N, 3) finite, without stray points; spacing: median distance to the nearest other point
    """
    if not len(xyz):
        return np.empty(0, np.int64)
    low, high = bounds(xyz)
    cell = max(GAP * float((high - low).max()), GAP_SPACINGS * spacing)
    labels = components(xyz, cell) - 1 if cell > 0 else np.zeros(len(xyz), np.int64)
    rank = np.argsort(np.argsort(-np.bincount(labels), kind="stable"), kind="stable")
    return rank[labels] + 1


def several_parts(xyz: np.ndarray, spacing: float) -> str | None:
    """Why one score cannot speak for all that the scan holds, or None: parts of like size, or one far beside.

    xyz, spacing: as for `parts_of`
    """
    labels = parts_of(xyz, spacing)
    sizes = np.bincount(labels)[1:]
    if len(sizes) < 2:
        return None
    first = xyz[labels == 1]
    large = int((sizes >= COMPARABLE * len(xyz)).sum())
    beside = [n for n in range(2, large + 1) if _lie_apart(first, xyz[labels == n])]
    if not beside and _extent(xyz) <= REACHING * _extent(first):
        return None
    told = [f"{n:,}".replace(",", " ") for n in sizes[: max(large, 2)]]
    count = f"{len(told)} separate parts of {', '.join(told[:-1])} and {told[-1]} points"
    return f"the scan holds {count}; the score is of all together: cut them apart or rerun with --split"


def _lie_apart(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a plane across the line between their middles parts them; a rim and the knob amid it are one part."""
    across = other.mean(axis=0) - one.mean(axis=0)
    return bool((one @ across).max() < (other @ across).min())


def _extent(xyz: np.ndarray) -> float:
    low, high = bounds(xyz)
    return float((high - low).max())


def separated(cloud: PointCloud, index: np.ndarray, labels: np.ndarray) -> list[PointCloud]:
    """A cloud for each part of like size, the largest first; the cloud itself where there is one part only.

    index:  (M,) rows of the cloud that are on a part; labels: (M,) of `parts_of`
    An organised scan keeps its grid, the pixels off the part without measurement; other scans keep the part's rows.
    """
    sizes = np.bincount(labels)[1:]
    numbers = [n + 1 for n in np.flatnonzero(sizes >= COMPARABLE * len(labels))]
    if len(numbers) < 2:
        return [cloud]
    return [_only(cloud, np.sort(index[labels == number])) for number in numbers]


def _only(cloud: PointCloud, rows: np.ndarray) -> PointCloud:
    if cloud.grid is not None:
        xyz = np.full_like(cloud.xyz, np.nan)
        xyz[rows] = cloud.xyz[rows]
        return replace(cloud, xyz=xyz)
    colours, normals = (None if part is None else part[rows] for part in (cloud.colours, cloud.normals))
    return replace(cloud, xyz=cloud.xyz[rows], colours=colours, normals=normals, mesh=None, origin=None)
