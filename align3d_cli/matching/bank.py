"""The nearest descriptors of a bank."""

import numba as nb
import numpy as np

from align3d_cli.helpers.compiled import compiled

CHUNK = 2048  # descriptors compared at once, 25 MB for a bank of 3000

_F32 = nb.types.Array(nb.float32, 2, "C", readonly=True)
_LENGTH = nb.types.Array(nb.float32, 1, "C", readonly=True)


def nearest_descriptors(asked: np.ndarray, known: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(S, k) int64 rows of the k nearest of the known descriptors, the nearest first, and (S,) float32 the distance of
    that one; fewer columns where fewer are known.

    asked: (S, D) float32; known: (B, D) float32, B >= 1
    """
    k = min(k, len(known))
    length = np.einsum("ij,ij->i", known, known)
    rows, distance = np.empty((len(asked), k), np.int64), np.empty(len(asked), np.float32)
    for at in range(0, len(asked), CHUNK):
        part = asked[at : at + CHUNK]
        _smallest(part @ known.T, length, rows[at : at + CHUNK])
        way = part - known[rows[at : at + CHUNK, 0]]  # anew, for the product of near ones cancels
        distance[at : at + CHUNK] = np.sqrt(np.einsum("ij,ij->i", way, way))
    return rows, distance


@compiled(nb.void(_F32, _LENGTH, nb.int64[:, ::1]))
def _smallest(products, length, rows):
    """Rows of the smallest `length - 2 * products` of each row, in rising order; the first where several are equal."""
    k = rows.shape[1]
    best = np.empty(k, np.float32)
    for i in range(products.shape[0]):
        best[:] = np.inf
        for j in range(products.shape[1]):
            value = length[j] - np.float32(2.0) * products[i, j]
            if value < best[k - 1]:
                at = k - 1
                while at > 0 and value < best[at - 1]:
                    best[at], rows[i, at] = best[at - 1], rows[i, at - 1]
                    at -= 1
                best[at], rows[i, at] = value, j
