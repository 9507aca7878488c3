"""Point average precision of many draws of scans, from scores counted in bins: no points are pooled again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from align3d_cli.metrics.ranking import Items, Ranking

BINS = 128  # along each of the two classes; the figures of draws agree with exact ones within 0.005
AT_ONCE = 100  # draws; all of them would be 2 MB an array


@dataclass(frozen=True, slots=True)
class Binned:
    """normal, defect: (B,) float32, points of one scan in each bin, from the highest scores to the lowest."""

    normal: np.ndarray
    defect: np.ndarray


def edges_of(ranking: Ranking) -> np.ndarray:
    """(B,) scores rising, the lower ends of bins: even in the defective points found, and in the logarithm of the
    normal ones, where precision is decided. Bins are single scores where there are few."""
    n = len(ranking.score)
    if n <= 2 * BINS:
        return ranking.score[::-1]
    found, wrong = np.cumsum(ranking.defect), np.cumsum(ranking.normal)
    by_found = np.searchsorted(found, np.linspace(0, found[-1], BINS))
    by_wrong = np.searchsorted(wrong, np.geomspace(1, max(wrong[-1], 1), BINS))
    at = np.concatenate([by_found, by_wrong, [n - 1]])
    return ranking.score[np.unique(np.minimum(at, n - 1))][::-1]


def binned(items: Items | None, edges: np.ndarray) -> Binned:
    """The points of a scan in bins; none where it has none that count."""
    if items is None:
        return Binned(*np.zeros((2, len(edges)), np.float32))
    return Binned(_counts(items.normal, edges), _counts(items.defect, edges))


def _counts(scores: np.ndarray, edges: np.ndarray) -> np.ndarray:
    bins = np.maximum(np.searchsorted(edges, scores, side="right") - 1, 0)
    return np.bincount(bins, minlength=len(edges))[::-1].astype(np.float32)


def drawn_precision(scans: Sequence[Binned], counts: np.ndarray) -> np.ndarray:
    """(DRAWS,) float32 average precision of the pooled points of each draw; nan where a class is missing.

    scans: N of the same bins; counts: (DRAWS, N), of `bootstrap.draws_of`
    """
    normal, defect = (np.stack([getattr(scan, name) for scan in scans]) for name in ("normal", "defect"))
    draws = np.empty(len(counts), np.float32)
    for at in range(0, len(counts), AT_ONCE):
        some = counts[at : at + AT_ONCE]
        draws[at : at + AT_ONCE] = _precision(some @ normal, some @ defect)
    return draws


def _precision(normal: np.ndarray, defect: np.ndarray) -> np.ndarray:
    """(R,) average precision of rows (R, B) of counts from the highest bin to the lowest, ties within a bin as in
    `metrics.ranking_average_precision`."""
    found, wrong = np.cumsum(defect, axis=1, dtype=float), np.cumsum(normal, axis=1, dtype=float)
    total = found + wrong
    precision = np.divide(found, total, out=np.zeros_like(total), where=total > 0)
    n_found, n_wrong = defect.sum(axis=1, dtype=float), normal.sum(axis=1, dtype=float)
    area = np.einsum("rb,rb->r", precision, defect)
    return np.divide(area, n_found, out=np.full(len(area), np.nan), where=(n_found > 0) & (n_wrong > 0))
