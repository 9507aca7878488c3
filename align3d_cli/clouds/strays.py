"""Stray points: far from the part, or flying about beside it; found before anything is framed or refused."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from align3d_cli.clouds.flying import flying_points, standing_off
from align3d_cli.clouds.sample import some_points
from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.clouds.voxels import components

LOOKED_AT = 20_000  # points that tell where the part is: quantiles within 1 % of its extent
INNER = (0.15, 0.85)  # of the coordinates; a tenth of the points may be anywhere, all on one side too
FAR_SPANS = 2.0  # extents beside the part; what is further belongs to something else
FAR_SHARE = 0.01  # of the points, in one group, unless it is that large
STRAY_SHARE = 5e-5  # a stray group has at most this share of the points, or STRAY_POINTS
STRAY_POINTS = 5
STRAY_GAP = 1 / 12  # of the extent: the least empty distance around a stray group
FEW, FEW_SHARE = 10, 0.001  # strays up to this many are no reason to look at all points of the surface again
STRAY_SPACINGS = 6  # and that many times the points' spacing, for sparse clouds


@dataclass(frozen=True, slots=True)
class Core:
    """Where most of a scan is. low, high: (3,) of a box; span: its longest side, about the extent of the part."""

    low: np.ndarray
    high: np.ndarray
    span: float

    def far(self, xyz: np.ndarray) -> np.ndarray:
        """(N,) bool of (N, 3): points more than FAR_SPANS extents outside the box."""
        out = np.zeros(len(xyz), bool)
        for x, low, high in zip(xyz.T, self.low, self.high, strict=True):
            out |= (x < low - FAR_SPANS * self.span) | (x > high + FAR_SPANS * self.span)
        return out


def core_of(xyz: np.ndarray) -> Core:
    """The box that the part fills, whatever a tenth of the points do. xyz: (N >= 1, 3) finite."""
    low, high = np.quantile(some_points(xyz, LOOKED_AT), INNER, axis=0)
    beyond = (high - low) * INNER[0] / (INNER[1] - INNER[0])  # points spread evenly reach that much further
    low, high = low - beyond, high + beyond
    return Core(low, high, float((high - low).max()))


def near_points(xyz: np.ndarray) -> np.ndarray:
    """(N, 3) -> (M, 3): the points that are not far from most others; all of them where most lie at one place."""
    core = core_of(xyz)
    far = core.far(xyz)
    return xyz[~far] if core.span > 0 and far.any() else xyz


def stray_points(xyz: np.ndarray, *, surface: bool = False) -> tuple[np.ndarray, float]:
    """(N,) bool, points that fly far off in groups too small to be a part, or about it; and the spacing of all others.

    xyz:     (N, 3) finite
    surface: known to be one, as samples of a mesh are, or pixels, which stand alone at depth edges: nothing flies there
    """
    core = core_of(xyz)
    stray = np.zeros(len(xyz), bool)
    if core.span == 0:
        return stray, point_spacing(xyz)
    if not surface:
        stray = flying_points(xyz, core.span)
    out = core.far(xyz) | stray
    spacing = point_spacing(xyz[~out] if out.any() else xyz)
    _drop(stray, xyz, lambda rest: _small_groups(rest, core, max(STRAY_GAP * core.span, STRAY_SPACINGS * spacing)))
    if not surface and stray.sum() > max(FEW, FEW_SHARE * len(xyz)):
        _drop(stray, xyz, lambda rest: standing_off(rest, core.span))
    return stray, point_spacing(xyz[~stray]) if stray.any() else spacing


def _drop(stray: np.ndarray, xyz: np.ndarray, judge: Callable[[np.ndarray], np.ndarray]) -> None:
    """Mark those as stray, in place, of which `judge` says so when it sees the rest."""
    rest = np.flatnonzero(~stray)
    stray[rest] = judge(xyz[rest] if len(rest) < len(xyz) else xyz)


def _small_groups(xyz: np.ndarray, core: Core, cell: float) -> np.ndarray:
    """(N,) bool, points in groups that are small, or far off and not large; the largest group is none of these."""
    labels = components(xyz, cell)
    sizes = np.bincount(labels)
    small = sizes <= max(STRAY_POINTS, STRAY_SHARE * len(xyz))
    far = core.far(xyz)
    if far.any():
        small |= (np.bincount(labels, weights=far) == sizes) & (sizes <= FAR_SHARE * len(xyz))
    small[sizes.argmax()] = False
    return small[labels]
