"""Surface normals from neighbouring points."""

import numpy as np

from align3d_cli.clouds.eigen import smallest_eigenvalues
from align3d_cli.clouds.sample import place_order

CHUNK = 16_384  # points at once; 12 MB for 30 neighbours, larger ones leave the cache


def estimate_normals(xyz: np.ndarray, k: int = 30, radius: float | None = None) -> np.ndarray:
    """Unit normals by principal components of the neighbourhood; their sign is arbitrary (z or the first part >= 0).

    xyz:    (N, 3) finite
    k:      neighbours looked at, the point itself included
    radius: neighbours further away than this count for nothing
    Returns (N, 3) float32. Points without two neighbours get (0, 0, 1).
    """
    from scipy.spatial import cKDTree

    n = len(xyz)
    out = np.empty((n, 3), np.float32)
    if n < 3:
        out[:] = (0, 0, 1)
        return out
    order = place_order(xyz)
    near = np.ascontiguousarray(xyz[order])  # neighbours lie close in memory: the search is twice as fast
    tree = cKDTree(near, balanced_tree=False, compact_nodes=False)
    for at in range(0, n, CHUNK):
        asked = near[at : at + CHUNK]
        distance, neighbour = tree.query(asked, k=min(k, n), workers=-1)
        weights = None if radius is None else (distance <= radius).astype(np.float64)
        out[order[at : at + CHUNK]] = smallest_axes(_covariances(near, neighbour, weights))
    return out


def _covariances(xyz: np.ndarray, neighbour: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """(B, 3, 3) of the neighbourhoods, up to a factor.

    xyz: (N, 3); neighbour: (B, K) rows of it; weights: (B, K), or None for ones
    """
    total = neighbour.shape[1] if weights is None else np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    out, centred = np.empty((len(neighbour), 3, 3)), []
    for i in range(3):  # one coordinate at a time: three times as fast as arrays of vectors
        part = xyz[:, i][neighbour]
        part -= part[:, :1]  # the point itself comes first; keeps digits where coordinates are large
        part -= (part if weights is None else part * weights).sum(axis=1, keepdims=True) / total
        centred.append(part)
        weighted = part if weights is None else part * weights
        for j in range(i + 1):
            out[:, i, j] = out[:, j, i] = np.einsum("bk,bk->b", weighted, centred[j])
    return out


def smallest_axes(matrices: np.ndarray) -> np.ndarray:
    """(B, 3) float32 unit eigenvector of the smallest eigenvalue of symmetric (B, 3, 3) matrices.

    In closed form: the eigenvalue as in `eigen`, the vector as the longest cross product of two rows of A - lambda I.
    (0, 0, 1) where all directions are alike.
    """
    scale = np.abs(matrices).max(axis=(1, 2))
    a = matrices / np.maximum(scale, 1e-300)[:, None, None]
    rows = a - smallest_eigenvalues(a)[:, None, None] * np.eye(3)
    crosses = np.stack([np.cross(rows[:, i], rows[:, j]) for i, j in ((0, 1), (0, 2), (1, 2))], axis=1)
    lengths = np.einsum("bij,bij->bi", crosses, crosses)
    best = lengths.argmax(axis=1)
    axis, length = crosses[np.arange(len(a)), best], np.sqrt(lengths[np.arange(len(a)), best])
    axis /= np.maximum(length, 1e-300)[:, None]
    axis[length < 1e-12] = (0, 0, 1)
    leading = np.where(
        np.abs(axis[:, 2]) > 1e-9, axis[:, 2], np.where(np.abs(axis[:, 1]) > 1e-9, axis[:, 1], axis[:, 0])
    )
    return (axis * np.where(leading < 0, -1.0, 1.0)[:, None]).astype(np.float32)
