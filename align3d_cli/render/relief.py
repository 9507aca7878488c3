"""Flat scans whose relief is out of proportion, brought to a depth that the model has met.

Relief from stereo, profilers and depth maps often has a vertical unit of its own: a pothole can come as deep as the
tile is wide. Such a scan is a sheet, nearly all of it on one plane with a few points far off; its depth is then pressed
to a tenth of its width for drawing. What is not plainly a sheet is left alone, and so are flat scans in proportion.
"""

import numpy as np

DEPTH_LIMIT = 0.1  # of the scan's extent: dents and bumps up to here are what the model was trained on
FLAT_SHARE = 0.2  # the middle four fifths of the points lie within this share of the depth range: a sheet with outliers
PLANE_SAMPLE = 20_000  # points for the plane; enough for a hundredth of the noise
PLANE_ROUNDS = 5


def press_relief(xyz: np.ndarray) -> np.ndarray:
    """(N, 3) float64 -> (N, 3): depth along the normal scaled down where the scan is such a sheet, else `xyz`."""
    sample = xyz[:: max(1, len(xyz) // PLANE_SAMPLE)]
    centre, normal = main_plane(sample)
    height = (sample - centre) @ normal
    low, tenth, ninetieth, high = np.quantile(height, [0.005, 0.1, 0.9, 0.995])
    limit = DEPTH_LIMIT * float(np.ptp(sample, axis=0).max())
    if high - low <= limit or ninetieth - tenth > FLAT_SHARE * (high - low):
        return xyz
    height = (xyz - centre) @ normal
    return xyz - np.outer(height * (1 - limit / (high - low)), normal)


def main_plane(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and unit normal of the plane through most points: least squares on the nearest seven tenths, repeated.

    xyz: (N, 3) float64
    """
    kept = xyz
    for _ in range(PLANE_ROUNDS):
        centre = kept.mean(axis=0)
        normal = np.linalg.eigh(np.cov((kept - centre).T))[1][:, 0]
        away = np.abs((xyz - centre) @ normal)
        kept = xyz[away <= np.quantile(away, 0.7)]
    return centre, normal
