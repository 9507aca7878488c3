"""Planes through noisy points."""

import numpy as np

TRIALS = 256  # with half the points on the plane, all 256 draws miss it with probability 1e-15


def fit_plane(xyz: np.ndarray) -> np.ndarray:
    """(4,) plane a b c d of least squared distance, (a, b, c) of length one. xyz: (N >= 3, 3) finite."""
    centre = xyz.mean(axis=0)
    moments = (xyz - centre).T @ (xyz - centre)
    normal = np.linalg.eigh(moments)[1][:, 0]
    return np.append(normal, -normal @ centre)


def heights(xyz: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """(N,) signed distance of every point from the plane."""
    return xyz @ plane[:3] + plane[3]


def ransac_plane(xyz: np.ndarray, tolerance: float, rng: np.random.Generator) -> np.ndarray | None:
    """(4,) the plane most points lie within `tolerance` of, refined by least squares on those points.

    xyz: (N, 3) finite; all trials at once on at most 2000 of them (Fischler and Bolles 1981).
    None when there are fewer than 3 points or all lie on a line.
    """
    if len(xyz) < 3:
        return None
    some = xyz[:: max(1, len(xyz) // 2000)]
    a, b, c = (some[rng.integers(len(some), size=TRIALS)] for _ in range(3))
    normals = np.cross(b - a, c - a)
    lengths = np.linalg.norm(normals, axis=1)
    good = lengths > 1e-9 * np.ptp(some, axis=0).max() ** 2
    if not good.any():
        return None
    normals = normals[good] / lengths[good, None]
    offsets = -(normals * a[good]).sum(axis=1)
    near = np.abs(normals @ some.T + offsets[:, None]) < tolerance
    best = near.sum(axis=1).argmax()
    plane = np.append(normals[best], offsets[best])
    for _ in range(2):
        inliers = np.abs(heights(xyz, plane)) < tolerance
        if inliers.sum() < 3:
            break
        plane = fit_plane(xyz[inliers])
    return plane
