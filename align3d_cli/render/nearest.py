"""The nearest of many points, found in pieces of the surface that are each searched in their own frame.

One KD-tree over a part with flat sides is slow for queries far off: its cells are boxes along the axes of the file, so
of a side that lies askew, or of several sides in one box, thousands of cells seem nearer than the nearest point is.
Cut into pieces and turned to lie flat, a side is searched as the plane that it is.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

FLAT = 0.005  # thickness by length of a piece that is cut no further: its cells have nothing above the points
SMALL = 1000  # points of a piece that is cut no further: any tree of so few is quick
MOST_CUTS = 7  # at most 128 pieces: every query is measured against every one
FEW = 5000  # queries; one tree answers so many in well under a second whatever the part
BLOCK = 32768  # queries at a time: 34 MB of distances to 128 pieces
WORTH_THREADS = 4096  # queries; starting threads takes as long as some hundred


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some of the points in a frame along their principal axes.

    rows: (P,) int, which points; axes: (3, 3), columns; centre, half: (3,) of their box in that frame
    tree: of the points in that frame
    """

    rows: np.ndarray
    axes: np.ndarray
    centre: np.ndarray
    half: np.ndarray
    tree: cKDTree

    def least(self, places: np.ndarray) -> np.ndarray:
        """(Q,) distance of places (Q, 3) from the piece's box: no point of it is nearer."""
        beyond = np.maximum(np.abs(places @ self.axes - self.centre) - self.half, 0)
        return np.sqrt(np.einsum("qi,qi->q", beyond, beyond))


def nearest_rows(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(Q,) int, the row of points (M, 3), M > 0, that is nearest to each of places (Q, 3); both finite.

    The same as one KD-tree gives, but for points that are equally near to rounding.
    """
    if len(places) <= FEW:
        return cKDTree(points, balanced_tree=False).query(places, workers=-1)[1]
    middle = points.mean(axis=0)  # map coordinates leave no digits for the turned frames
    points, places = points - middle, places - middle
    pieces = _pieces(points)
    found = [_nearest_in(pieces, places[at : at + BLOCK]) for at in range(0, len(places), BLOCK)]
    return np.concatenate(found)


def _nearest_in(pieces: list[_Piece], places: np.ndarray) -> np.ndarray:
    """First the piece whose box is nearest, then every other that could hold a nearer point."""
    least = np.stack([piece.least(places) for piece in pieces])
    first = least.argmin(axis=0)
    distance, row = np.full(len(places), np.inf), np.zeros(len(places), np.int64)
    for number, piece in enumerate(pieces):
        _search(piece, places, np.flatnonzero(first == number), distance, row)
    for number, piece in enumerate(pieces):
        _search(piece, places, np.flatnonzero((first != number) & (least[number] < distance)), distance, row)
    return row


def _search(piece: _Piece, places: np.ndarray, which: np.ndarray, distance: np.ndarray, row: np.ndarray) -> None:
    """Put the piece's nearest points into distance and row of the places `which`, where they are nearer."""
    if not len(which):
        return
    apart, at = piece.tree.query(places[which] @ piece.axes, workers=-1 if len(which) > WORTH_THREADS else 1)
    nearer = apart < distance[which]
    distance[which[nearer]], row[which[nearer]] = apart[nearer], piece.rows[at[nearer]]


def _pieces(points: np.ndarray) -> list[_Piece]:
    """The points cut in halves across their longest axis until the pieces are flat, small or many."""
    waiting, found = [(np.arange(len(points)), 0)], []
    while waiting:
        rows, cuts = waiting.pop()
        axes = np.linalg.eigh(np.cov(points[rows].T, bias=True))[1]  # the longest is the last
        local = points[rows] @ axes
        low, high = local.min(axis=0), local.max(axis=0)
        half = (high - low) / 2
        if cuts == MOST_CUTS or len(rows) <= SMALL or half.min() <= FLAT * half.max():
            found.append(_Piece(rows, axes, (low + high) / 2, half, cKDTree(local, balanced_tree=False)))
            continue
        order = np.argpartition(local[:, 2], len(rows) // 2)
        waiting += [(rows[order[: len(rows) // 2]], cuts + 1), (rows[order[len(rows) // 2 :]], cuts + 1)]
    return found
