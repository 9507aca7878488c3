"""Points above the level, grouped by what hangs together on the surface."""

import numpy as np

from align3d_cli.clouds.voxels import components
from align3d_cli.regions.levels import Levels
from align3d_cli.regions.patch import REACH, UNEVEN, Patch

LEAST_POINTS = 10  # of a region; fewer have neither length nor depth, and noise makes them
DENSE = 5  # points above the level within some ten distances; a scratch one point wide has ten there


def candidates(xyz: np.ndarray, scores: np.ndarray, levels: Levels, apart: float) -> list[np.ndarray]:
    """Groups of rows (K,) int64 that regions can lie in: a quick look that leaves out what is warm by chance.

    xyz: (N, 3) finite; scores: (N,) float, NaN where unknown; apart: density ** -0.5 of the points
    """
    rows = np.flatnonzero(scores >= levels.edge)  # NaN is below every level
    if len(rows) < LEAST_POINTS or not (scores[rows] >= levels.core).any():
        return []
    labels = components(xyz[rows], REACH * UNEVEN[1] * apart, least=DENSE)  # touching cells hold what a link reaches
    return [rows[group] for group in _worthy(labels, scores[rows], levels) if labels[group[0]] > 0]


def grouped(patch: Patch, scores: np.ndarray, levels: Levels) -> list[np.ndarray]:
    """The regions as places in the patch, each (K,) int64.

    scores: (P,) of the patch's points, below the level where they are not asked for
    """
    from scipy.sparse.csgraph import connected_components

    warm = np.flatnonzero(scores >= levels.edge)
    _, label = connected_components(patch.graph[warm][:, warm], directed=False)
    return [warm[group] for group in _worthy(label, scores[warm], levels)]


def _worthy(label: np.ndarray, scores: np.ndarray, levels: Levels) -> list[np.ndarray]:
    """The places of each label that has enough points and a hot one among them."""
    sizes = np.bincount(label)
    hot = np.bincount(label, scores >= levels.core)
    by_label, ends = np.argsort(label, kind="stable"), np.cumsum(sizes)
    large = np.flatnonzero((sizes >= LEAST_POINTS) & (hot > 0))
    return [by_label[ends[one] - sizes[one] : ends[one]] for one in large]
