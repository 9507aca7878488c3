"""Coarse registration without a guess: many poses, one score, the few best that differ."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.helpers.threads import each
from align3d_cli.matching.guesses import axis_poses
from align3d_cli.matching.icp import FACING, refined
from align3d_cli.matching.nearest import Grid, agreements, grid_of
from align3d_cli.matching.pairs import matches, pair_poses
from align3d_cli.matching.poses import about, angles_between, inverse
from align3d_cli.matching.surface import Surface, shown, spacing_for, thinned

POINTS = 2000  # of the larger surface; spacing 2 to 3 % of the size, within which fine registration finds home
REACH = 3.0  # spacings within which points are partners: poses from pairs err by one or two
GLANCE = 80  # points a pose is scored by at first in each direction; the share is good to 6 %
GLANCED = 200  # poses left after that
ASKED = 300  # points they are scored by again, good to 3 %
ASKED_AGAIN = 600  # points once few poses are left, and points that those are refined by
TRIED = 16  # poses that differ, refined on the thin surfaces; symmetric parts have as many that are right
BEST = 6  # poses that go on to fine registration
STEPS = 6  # at each reach; the thin surfaces are a start only
TURN_DEG = 8.0  # poses nearer to each other than this and SHIFT find the same home
SHIFT = 0.03  # of the size


@dataclass(frozen=True, slots=True)
class Side:
    """A surface thinned for coarse registration, with its grid and the points that are asked."""

    thin: Surface
    grid: Grid

    def asked(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, 3) and normals (n, 3): as good as random, for the surface stands in its own order."""
        return self.thin.xyz[:n], self.thin.normals[:n]


def sides_of(moving: Surface, fixed: Surface) -> tuple[Side, Side]:
    """Both thinned alike; they stand in their own order."""
    spacing = max(spacing_for(moving, POINTS), spacing_for(fixed, POINTS))
    oriented = moving.oriented and fixed.oriented
    return _side_of(moving, spacing, oriented), _side_of(fixed, spacing, oriented)


def _side_of(surface: Surface, spacing: float, oriented: bool) -> Side:
    thin = thinned(surface, spacing)
    return Side(thin, grid_of(thin.xyz, thin.normals, REACH * thin.spacing, oriented))


def coarse_poses(moving: Surface, fixed: Surface, guesses: np.ndarray) -> np.ndarray:
    """(K, 4, 4) fixed_from_moving, the best first, symmetric ones among them; at least one.

    guesses: (G >= 1, 4, 4), tried as they are and with the centres brought together.
    """
    here, there = sides_of(moving, fixed)
    return _refined_best(here, there, np.concatenate([
        pair_poses(here.thin, there.thin, matches(here.thin, there.thin)),
        axis_poses(here.thin.xyz, there.thin.xyz),
        guesses,
        _centred(guesses, here.thin.xyz.mean(axis=0), there.thin.xyz.mean(axis=0)),
    ]))  # fmt: skip


def _centred(guesses: np.ndarray, centre: np.ndarray, fixed_centre: np.ndarray) -> np.ndarray:
    return np.concatenate([about(guess[None, :3, :3], centre, fixed_centre) for guess in guesses])


def _scored(here: Side, there: Side, poses: np.ndarray, n: int) -> np.ndarray:
    """(K,) in [0, 1]: share of either surface that lies on the other, the mean of both directions.

    Both, because a scan of one side is a share of the whole part, and the whole part no share of it.
    """
    reach = min(here.grid.cell, there.grid.cell, REACH * max(here.thin.spacing, there.thin.spacing))
    ways = ((here, there, poses), (there, here, inverse(poses)))
    shares = each(lambda way: agreements(*way[0].asked(n), way[2], way[1].grid, reach, FACING), ways)
    return (shares[0] + shares[1]) / 2


def _scored_by_views(here: Side, there: Side, poses: np.ndarray) -> np.ndarray:
    """`_scored` for few poses, of the points that the other scan must show if the pose is right."""
    reach = min(here.grid.cell, there.grid.cell, REACH * max(here.thin.spacing, there.thin.spacing))

    def share(side: Side, other: Side, pose: np.ndarray) -> float:
        rows = np.flatnonzero(shown(side.thin, other.thin, pose))[:ASKED_AGAIN]
        asked = side.thin.xyz[rows], side.thin.normals[rows]
        return float(agreements(*asked, pose[None], other.grid, reach, FACING)[0]) if len(rows) else 0.0

    return np.array([share(here, there, pose) + share(there, here, inverse(pose)) for pose in poses]) / 2


def _refined_best(here: Side, there: Side, poses: np.ndarray) -> np.ndarray:
    """The best of the poses after a short refinement, the best first."""
    poses = poses[np.argsort(-_scored(here, there, poses, GLANCE), kind="stable")[:GLANCED]]
    tried = poses[best_rows(poses, _scored(here, there, poses, ASKED), here.thin, TRIED)]
    some = here.thin.take(np.arange(min(ASKED_AGAIN, len(here.thin))))
    reaches = [there.grid.cell, there.grid.cell / 2]
    better = np.array(each(lambda pose: refined(some, there.grid, pose, reaches, STEPS), tried))
    rows = best_rows(better, _scored_by_views(here, there, better), here.thin, BEST)
    return better[rows]


def best_rows(poses: np.ndarray, scores: np.ndarray, surface: Surface, n: int) -> list[int]:
    """Rows of up to n poses by falling score, each unlike all before it."""
    centre = surface.xyz.mean(axis=0)
    places = poses[:, :3, :3] @ centre + poses[:, :3, 3]
    free, chosen = np.ones(len(poses), bool), []
    for row in np.argsort(-scores, kind="stable").tolist():
        if free[row]:
            chosen.append(row)
            near = np.linalg.norm(places - places[row], axis=1) < SHIFT * surface.size
            free &= ~(near & (angles_between(poses[row], poses) < np.deg2rad(TURN_DEG)))
        if len(chosen) == n:
            break
    return chosen
