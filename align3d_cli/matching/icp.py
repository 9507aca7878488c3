"""Fine registration: points upon planes, from far to near, blind to what does not fit.

Each step solves for the small motion that brings the points nearest to the planes of their partners (Chen and Medioni
1991) with Tukey's weights: a dent, a missing piece or the parts that only one scan shows weigh nothing.
"""

import numpy as np

from align3d_cli.matching.nearest import Grid, partners
from align3d_cli.matching.poses import rotation_of
from align3d_cli.matching.surface import Surface

FACING = 0.7  # cosine between a point's normal and its partner's: 45 degrees, edges and noise included
TUKEY = 4.685  # scales beyond which a residual weighs nothing; 95 % efficient for normal noise (Holland, Welsch 1977)
NORMAL_SCALE = 1.4826  # standard deviation of normal noise over its median absolute value
LEAST_SCALE = 1e-3  # of the spacing: exact copies have a median of rounding only
STILL = 3e-5  # of the size: motion of a step below which the pose stands still, a thirtieth of usual noise
DAMPING = 1e-6  # of the largest curvature: what turning a ball changes is left as it is
FEWEST = 12  # partners, twice the unknowns; with fewer there is nothing to solve


def refined(moving: Surface, grid: Grid, pose: np.ndarray, reaches: list[float], steps: int) -> np.ndarray:
    """The pose (4, 4) after at most `steps` steps at each of the falling reaches (at most the grid's cell)."""
    for reach in reaches:
        for _ in range(steps):
            pose, motion = _step(moving, grid, pose, reach)
            if motion < STILL * moving.size:
                break
    return pose


def plane_residuals(
    moving: Surface, grid: Grid, pose: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of the K points that have a partner: rows (K,), where they are in the fixed frame (K, 3), the partner's normal
    (K, 3), and signed distance from its plane (K,), positive on the side that the normal points to."""
    found, _ = partners(moving.xyz, moving.normals, pose, grid, reach, FACING)
    rows = np.flatnonzero(found >= 0)
    there = moving.xyz[rows] @ pose[:3, :3].T + pose[:3, 3]
    normals = grid.normals[found[rows]].astype(np.float64)
    return rows, there, normals, np.einsum("ij,ij->i", there - grid.xyz[found[rows]], normals)


def robust_scale(residuals: np.ndarray, spacing: float) -> float:
    """Standard deviation of the residuals (K >= 1,) but for outliers, at least a trifle."""
    return max(NORMAL_SCALE * float(np.median(np.abs(residuals))), LEAST_SCALE * spacing)


def _step(moving: Surface, grid: Grid, pose: np.ndarray, reach: float) -> tuple[np.ndarray, float]:
    """The next pose, and how far it moved the surface at most."""
    rows, there, normals, residuals = plane_residuals(moving, grid, pose, reach)
    if len(rows) < FEWEST:
        return pose, 0.0
    limit = TUKEY * robust_scale(residuals, moving.spacing)
    weights = np.maximum(1 - (residuals / limit) ** 2, 0) ** 2
    centre, half = there.mean(axis=0), moving.size / 2
    slopes = np.concatenate((np.cross((there - centre) / half, normals), normals), axis=1)
    matrix = (slopes * weights[:, None]).T @ slopes
    matrix += DAMPING * np.trace(matrix) * np.eye(6)
    motion = -np.linalg.solve(matrix, slopes.T @ (weights * residuals))
    turn = rotation_of(motion[:3] / half)
    step = np.eye(4)
    step[:3, :3], step[:3, 3] = turn, centre + motion[3:] - turn @ centre
    return step @ pose, float(np.linalg.norm(motion[:3]) + np.linalg.norm(motion[3:]))
