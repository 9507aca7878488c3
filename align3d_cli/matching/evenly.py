"""Points of one scan, evenly spaced: however densely it was measured, the surface counts alike everywhere."""

import numpy as np

from align3d_cli.clouds.voxels import cell_keys


def even_points(xyz: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """(S, 3) float64 mean of the points in each cubic cell, which takes noise off too, and (N,) int64 each point's row.

    xyz: (N, 3) finite; cell: side in its unit
    """
    _, row = np.unique(cell_keys(xyz, cell), return_inverse=True)
    row = row.ravel()
    count = np.bincount(row)
    return np.stack([np.bincount(row, xyz[:, axis]) / count for axis in range(3)], axis=1), row
