"""Some of the points: drawn by where they are, the same ones in whatever order a file tells them, or spread by row."""

import numpy as np

ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)  # multipliers that spread bits, one a coordinate
SHIFT = 29  # brings the well mixed upper bits down
CELLS_BITS = 6  # 64 cells along the longest side when points are put in order: a few hundred points share a cell


def position_hash(xyz: np.ndarray) -> np.ndarray:
    """(N,) uint64 of (N, 3) float64: equal for equal places, otherwise as good as random."""
    mixed = np.zeros(len(xyz), np.uint64)
    for column, odd in zip(xyz.T, ODD, strict=True):
        mixed ^= (column + 0.0).view(np.uint64)  # which makes 0.0 of -0.0
        mixed *= np.uint64(odd)
        np.bitwise_xor(mixed, mixed >> np.uint64(SHIFT), out=mixed)
    return mixed


def hash_order(xyz: np.ndarray) -> np.ndarray:
    """(N,) int64 rows in an order that only their places decide, but for copies of a place, which are alike."""
    return np.argsort(position_hash(xyz))


def place_order(xyz: np.ndarray) -> np.ndarray:
    """(N,) int64 rows cell by cell, so that points near each other stand near each other, and within a cell as good as
    random. Places alone decide, but for copies of a place; a cloud moved without rounding keeps its order.

    xyz: (N, 3) finite
    """
    low, high = (np.array([bound(column) for column in xyz.T]) for bound in (np.min, np.max))
    placed = xyz - low
    along = placed / max(float((high - low).max()), np.finfo(float).tiny)
    cell = np.minimum(along * 2**CELLS_BITS, 2**CELLS_BITS - 1).astype(np.uint64)
    key = position_hash(placed) >> np.uint64(3 * CELLS_BITS)
    for axis in range(3):
        key |= cell[:, axis] << np.uint64(64 - (axis + 1) * CELLS_BITS)
    return np.argsort(key)


def some_points(xyz: np.ndarray, n: int) -> np.ndarray:
    """(M, 3) points drawn at random, in their order, M about n; all of them when there are no more.

    Where many points are copies of few places, M can be anything from n / 2 to 2 n.
    """
    if len(xyz) <= n:
        return xyz
    mixed = position_hash(xyz)
    drawn = np.flatnonzero(mixed < np.uint64(n / len(xyz) * 2.0**64))
    if not n / 2 <= len(drawn) <= 2 * n:
        drawn = np.argpartition(mixed, n)[:n]
    return xyz[drawn]


def spread_rows(n_rows: int, n: int) -> np.ndarray:
    """(n,) int64 rows spread over 0..n_rows - 1 without a rhythm that a grid could answer to; all rows if n covers."""
    if n >= n_rows:
        return np.arange(n_rows)
    taken = np.zeros(n_rows, bool)
    taken[(np.arange(n) * 0.6180339887498949 % 1.0 * n_rows).astype(np.int64)] = True
    return np.flatnonzero(taken)
