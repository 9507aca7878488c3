"""Hilly plates as good parts, their copies with a dent, a hole or other hills, and what a model might say of them."""

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.matching.poses import moved
from align3d_cli.reference.learning import Told
from align3d_cli.reference.seen import Seen, diagonal, see

SIDE = 64  # pixels of a scan
NOISE = 3e-4  # of the heights; a plate is 1.4 from corner to corner
DENT_AT, DENT_RADIUS, DENT_DEPTH = np.array([0.62, 0.4]), 0.09, 0.05
LEVEL, WARM = 0.2, 0.6  # zero-shot scores of a plate and of a dent in it
RAW = 0.4  # object score of the model


def heights(x, y, kind: int, tall: float = 1.0):
    """Ten hills and hollows, the same for a kind but for the first one, which is `tall`."""
    rng = np.random.default_rng(100 + kind)
    z = np.zeros_like(x)
    for number in range(10):
        cx, cy, width, height = *rng.uniform(0, 1, 2), rng.uniform(0.06, 0.14), rng.uniform(-0.1, 0.1)
        z += (tall if number == 0 else 1) * height * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))
    return z


def first_hill(kind: int) -> np.ndarray:
    """(2,) where the hill stands that `tall` raises."""
    return np.random.default_rng(100 + kind).uniform(0, 1, 2)


def plate(
    seed: int, *, kind: int = 0, dent: bool = False, hole: bool = False, tall: float = 1.0, scale: float = 1.0,
    pose: np.ndarray | None = None, grid: bool = True, rough: float = 0.0,
) -> Told:  # fmt: skip
    """A scan of a plate from above, other samples and other noise for each seed, and a model's word on it.

    hole: nothing was measured in a quarter of its breadth; rough: standard deviation of the heights
    grid: organised, so that the side of the sensor is known
    """
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[0:SIDE, 0:SIDE] + rng.uniform(0.2, 0.8, (2, SIDE, SIDE))) / SIDE
    y = 1 - y  # rows run down
    away = np.hypot(x - DENT_AT[0], y - DENT_AT[1])
    z = heights(x, y, kind, tall) + rng.normal(0, NOISE + rough, x.shape)
    z -= dent * DENT_DEPTH * np.exp(-((away / DENT_RADIUS) ** 2) * 2)
    xyz = scale * np.stack([x, y, z], axis=-1).reshape(-1, 3)
    warm = LEVEL + dent * (WARM - LEVEL) * np.exp(-((away / DENT_RADIUS) ** 2)) + rng.normal(0, 0.01, x.shape)
    if hole:
        xyz[(away < 0.125).ravel()] = np.nan
    xyz = xyz if pose is None else moved(pose, xyz)
    name = f"plate{seed}.ply"
    scan = prepare(PointCloud(xyz, grid=(SIDE, SIDE) if grid else None), background="keep")
    return Told(name, None, scan, warm.ravel()[scan.index].clip(0, 1), RAW)


def seen_at(told: Told, size: float | None = None) -> Seen:
    """The plate as it is compared with others."""
    return see(told.scan, told.points, told.raw, size or diagonal(told.scan.xyz))


def in_dent(xyz: np.ndarray, radius: float = 0.5 * DENT_RADIUS) -> np.ndarray:
    """(N,) bool: in the dent, where a plate that lies as it was made would have one."""
    return np.linalg.norm(xyz[:, :2] - DENT_AT, axis=1) < radius
