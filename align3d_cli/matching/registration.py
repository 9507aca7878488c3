"""Registration of one scan to another: coarse without a guess, then fine, and whether it is to be believed."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.helpers.threads import each
from align3d_cli.matching.coarse import best_rows, coarse_poses
from align3d_cli.matching.guesses import own_turns
from align3d_cli.matching.icp import plane_residuals, refined, robust_scale
from align3d_cli.matching.nearest import Grid, grid_of
from align3d_cli.matching.poses import inverse
from align3d_cli.matching.surface import Surface, in_own_order, shown, spacing_for, thinned

REACHES = (4.0, 2.5, 2.0)  # spacings within which partners are looked for, from coarse to fine
STEPS = 8  # at most at each; most end after five
POINTS = 2000  # of each surface, enough to choose among poses; the best is refined by all
TURNS = 6  # of the turns of the part upon itself, those that lie nearest
ASKED = 500  # points that tell which those are
OVERLAP_REACH = 2.0  # spacings: two samplings of one surface have partners within one, noise doubles it
LARGEST_RATIO = 4.0  # of the sizes; a scan of one side or of half a part is at least a third of the whole across
LEAST_OVERLAP = 0.7  # of what must overlap; right poses have 0.9 and more, other objects of the same size up to 0.68
LARGEST_RESIDUAL = 0.01  # of the smaller size; sensors are ten times better, other objects are worse
UNITS = {1000.0: "m and mm", 25.4: "inch and mm", 10.0: "cm and mm", 100.0: "m and cm", 39.37: "m and inch"}
NEAR_UNIT = 0.15  # of a ratio of units; sizes of two scans of one part differ by less


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a moving surface lies on a fixed one.

    fixed_from_moving: (4, 4) rigid motion, never a mirror image
    residual:          robust root mean square of the distances between points and the planes of their partners, in
                       the file's unit; nan where there are none; residual_share: the same over the smaller size
    overlap_moving:    share of the moving surface's points that have a partner in the fixed one, [0, 1]
    overlap_fixed:     share of the fixed surface's points that have one in the moving
    failure:           why the pose is not to be believed, in words; empty where it is
    """

    fixed_from_moving: np.ndarray
    residual: float
    residual_share: float
    overlap_moving: float
    overlap_fixed: float
    failure: str = ""

    @property
    def success(self) -> bool:
        """Whether the surfaces are the same as far as they overlap."""
        return not self.failure


def register(moving: Surface, fixed: Surface, guesses: np.ndarray | None = None) -> Registration:
    """Find the moving surface on the fixed one, in whatever pose; a symmetric part where it fits best.

    guesses: (G, 4, 4) poses that are tried beside those found, the identity by default
    The answer does not depend on the order of the points, and nothing is drawn at random.
    """
    if failure := another_size(moving.size / fixed.size):
        return Registration(np.eye(4), np.nan, np.nan, 0.0, 0.0, failure)
    moving, fixed = in_own_order(moving), in_own_order(fixed)
    guesses = np.eye(4)[None] if guesses is None else guesses
    return _fitted(moving, fixed, coarse_poses(moving, fixed, guesses))


def another_size(ratio: float) -> str:
    """Why no overlap can be told at that ratio of the sizes, and the units that explain it; empty where it can."""
    if 1 / LARGEST_RATIO <= ratio <= LARGEST_RATIO:
        return ""
    times = max(ratio, 1 / ratio)
    which = "as large as" if ratio > 1 else "smaller than"
    units = [name for unit, name in UNITS.items() if abs(times / unit - 1) < NEAR_UNIT]
    said = f"it is {times:.4g} times {which} the reference"
    return f"{said}: one file in {units[0].replace(' and ', ', the other in ')}?" if units else said


def _fitted(moving: Surface, fixed: Surface, poses: np.ndarray) -> Registration:
    """The pose that fits best after fine registration, and how well."""
    pair = _pair_of(moving, fixed)
    best, misfit = _best_fitting(pair, poses)
    turned = _turned(moving, fixed, best)
    asked = pair.moving.take(np.arange(min(ASKED, len(pair.moving))))
    near = np.array([_nearness(asked, pair.grid, pose, pair.spacing) for pose in turned])
    likely = best_rows(turned, near, moving, TURNS)
    other, misfit_other = _best_fitting(pair, turned[likely])
    best = other if misfit_other < misfit else best
    return _measured(moving, fixed, pair.grid, pair.back, refined(moving, pair.grid, best, pair.reaches[1:], STEPS))


@dataclass(frozen=True, slots=True)
class _Pair:
    """Both surfaces thinned for the choice among poses, with the grids of all their points."""

    moving: Surface
    fixed: Surface
    grid: Grid
    back: Grid
    spacing: float

    @property
    def reaches(self) -> list[float]:
        return [reach * self.spacing for reach in REACHES]


def _pair_of(moving: Surface, fixed: Surface) -> _Pair:
    oriented = moving.oriented and fixed.oriented
    spacing = max(moving.spacing, fixed.spacing)
    grid, back = (grid_of(side.xyz, side.normals, REACHES[0] * spacing, oriented) for side in (fixed, moving))
    some, some_fixed = (thinned(side, spacing_for(side, POINTS)) for side in (moving, fixed))
    return _Pair(some, some_fixed, grid, back, spacing)


def _turned(moving: Surface, fixed: Surface, pose: np.ndarray) -> np.ndarray:
    """(K, 4, 4) poses that lie alike if the part is symmetric: the larger scan turned upon itself."""
    if len(moving) * moving.spacing**2 > len(fixed) * fixed.spacing**2:
        return pose @ own_turns(moving.xyz)
    return own_turns(fixed.xyz) @ pose


def _best_fitting(pair: _Pair, poses: np.ndarray) -> tuple[np.ndarray, float]:
    """The pose with the least misfit in both directions after refinement, and its misfit."""

    def fitted(pose: np.ndarray) -> tuple[np.ndarray, float]:
        fine = refined(pair.moving, pair.grid, pose, pair.reaches, STEPS)
        misfit = _misfit(pair.moving, pair.fixed, pair.grid, fine, pair.spacing)
        return fine, misfit + _misfit(pair.fixed, pair.moving, pair.back, inverse(fine), pair.spacing)

    return min(each(fitted, poses), key=lambda found: found[1])


def _misfit(moving: Surface, fixed: Surface, grid: Grid, pose: np.ndarray, spacing: float) -> float:
    """Mean of the squared distance in spacings, 1 at most and without a partner, over the points that the fixed
    surface must show: a defect counts as much in one pose as in another."""
    return 1 - _nearness(moving.take(shown(moving, fixed, pose)), grid, pose, spacing)


def _nearness(moving: Surface, grid: Grid, pose: np.ndarray, spacing: float) -> float:
    """Mean of 1 less the squared distance in spacings from the planes of the partners, 0 at least and without one."""
    residuals = plane_residuals(moving, grid, pose, OVERLAP_REACH * spacing)[3] / spacing
    return float(np.maximum(1 - residuals**2, 0).sum()) / max(len(moving), 1)


def _measured(moving: Surface, fixed: Surface, grid: Grid, back: Grid, pose: np.ndarray) -> Registration:
    """Residual and overlaps of a pose, and the verdict on them."""
    reach = OVERLAP_REACH * max(moving.spacing, fixed.spacing)
    rows, _, _, residuals = plane_residuals(moving, grid, pose, reach)
    rows_back = plane_residuals(fixed, back, inverse(pose), reach)[0]
    residual = robust_scale(residuals, 0.0) if len(residuals) else np.nan
    share = residual / min(moving.size, fixed.size)
    overlaps = len(rows) / len(moving), len(rows_back) / len(fixed)
    expected = shown(moving, fixed, pose), shown(fixed, moving, inverse(pose))
    agreed = max(
        seen[found].sum() / max(seen.sum(), 1) for seen, found in zip(expected, (rows, rows_back), strict=True)
    )
    return Registration(pose, residual, share, *overlaps, _why_not(share, float(agreed)))


def _why_not(residual_share: float, overlap: float) -> str:
    if overlap < LEAST_OVERLAP:
        return f"only {overlap:.0%} of it lies on the reference"
    if not residual_share <= LARGEST_RESIDUAL:
        return f"it deviates from the reference by {residual_share:.1%} of its size nearly everywhere"
    return ""
