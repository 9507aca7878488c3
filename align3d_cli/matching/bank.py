"""The nearest descriptors of a bank."""

from dataclasses import dataclass

import numba as nb
import numpy as np

from align3d_cli.helpers.compiled import compiled

CHUNK = 2048  # descriptors compared at once, 25 MB for a bank of 3000

_F32 = nb.types.Array(nb.float32, 2, "C", readonly=True)
_LENGTH = nb.types.Array(nb.float32, 1, "C", readonly=True)


@dataclass(frozen=True, slots=True)
class Bank:
    """B descriptors that others are compared with.

    rows: (B,) int64 of the points that they are of; descriptors: (B, D) float32; squares: (B,) float32 of their lengths
    """

    rows: np.ndarray
    descriptors: np.ndarray
    squares: np.ndarray


def bank_of(descriptors: np.ndarray, rows: np.ndarray) -> Bank:
    """Some rows (B,) of the descriptors (N, D) float32 of a surface, B >= 1."""
    known = np.ascontiguousarray(descriptors[rows])
    return Bank(rows, known, np.einsum("ij,ij->i", known, known))


def nearest_descriptors(asked: np.ndarray, bank: Bank, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(S, k) int64 rows of the points with the k nearest of the bank's descriptors, the nearest first, and (S,) float32
    the distance of that one; fewer columns where the bank holds fewer.

    asked: (S, D) float32
    """
    known = bank.descriptors
    k = min(k, len(known))
    rows, distance = np.empty((len(asked), k), np.int64), np.empty(len(asked), np.float32)
    for at in range(0, len(asked), CHUNK):
        part = asked[at : at + CHUNK]
        _smallest(part @ known.T, bank.squares, rows[at : at + CHUNK])
        way = part - known[rows[at : at + CHUNK, 0]]  # anew, for the product of near ones cancels
        distance[at : at + CHUNK] = np.sqrt(np.einsum("ij,ij->i", way, way))
    return bank.rows[rows], distance


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
