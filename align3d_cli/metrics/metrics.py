"""AUROC, average precision and best F1 of a ranking, and its ROC curve.

Definitions are scikit-learn's (roc_auc_score, average_precision_score, precision_recall_curve), ties included.
A metric that needs both classes and has one is nan, never 0.
"""

import numpy as np

from align3d_cli.metrics.ranking import Ranking, rank


def auroc(defect: np.ndarray, scores: np.ndarray) -> float:
    """Probability that a defective item scores above a normal one, ties half; nan if undefined.

    defect: (N,) bool; scores: (N,) float, NaN is a ValueError
    """
    return ranking_auroc(rank(defect, scores))


def ranking_auroc(ranking: Ranking) -> float:
    """AUROC of a ranking; nan with one class."""
    if not ranking.n_normal or not ranking.n_defect:
        return float("nan")
    found_above = np.cumsum(ranking.defect) - 0.5 * ranking.defect
    return float(np.dot(ranking.normal, found_above) / ranking.n_normal / ranking.n_defect)


def ranking_average_precision(ranking: Ranking) -> float:
    """Average precision of a ranking; nan with one class (with defects only it would be 1 for any scores)."""
    if not ranking.n_normal or not ranking.n_defect:
        return float("nan")
    found = np.cumsum(ranking.defect)
    precision = found / (found + np.cumsum(ranking.normal))
    return float(np.dot(precision, ranking.defect) / ranking.n_defect)


def ranking_f1_max(ranking: Ranking) -> float:
    """Best F1 of a ranking; nan with one class."""
    if not ranking.n_normal or not ranking.n_defect:
        return float("nan")
    found = np.cumsum(ranking.defect)
    return float((2.0 * found / (ranking.n_defect + found + np.cumsum(ranking.normal))).max())


def thinned(x: np.ndarray, y: np.ndarray, n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """About n points of a rising curve, evenly spaced along its length, both ends among them; for plots."""
    length = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    keep = np.unique(np.searchsorted(length, np.linspace(0, length[-1], n)))
    return x[keep], y[keep]


def roc_curve(ranking: Ranking) -> tuple[np.ndarray, np.ndarray]:
    """(K + 1,) false and (K + 1,) true positive rate at every distinct score, from (0, 0) to (1, 1)."""
    fpr = np.cumsum(ranking.normal) / max(ranking.n_normal, 1)
    tpr = np.cumsum(ranking.defect) / max(ranking.n_defect, 1)
    return np.append(0.0, fpr), np.append(0.0, tpr)
