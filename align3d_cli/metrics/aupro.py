"""AUPRO: how much of every defect region is found, against how much of the good surface is marked.

Definition: the evaluation script of MVTec AD / MVTec 3D-AD (Bergmann et al., "The MVTec 3D-AD Dataset for Unsupervised
3D Anomaly Detection and Localization", VISAPP 2022). All samples share one curve over the regions of the ground truth
(regions.py), the curve is integrated up to an FPR of 0.3, interpolated linearly there, and divided by 0.3. The 3D-AD
script reads the curve at 100 thresholds; here, as in the MVTec AD script, it is read at every distinct score, the limit
of that sampling.
"""

import numpy as np

from align3d_cli.metrics.ranking import Ranking

FPR_LIMIT = 0.3  # of the official evaluation


def aupro(ranking: Ranking, fpr_limit: float = FPR_LIMIT) -> float:
    """Area under the per-region overlap up to `fpr_limit`, in [0, 1]; nan without regions or without normal points."""
    if not ranking.n_regions or not ranking.n_normal:
        return float("nan")
    fpr, overlap = pro_curve(ranking)
    return _area_up_to(fpr, overlap, fpr_limit) / fpr_limit


def pro_curve(ranking: Ranking) -> tuple[np.ndarray, np.ndarray]:
    """(K + 1,) false positive rate and (K + 1,) mean overlap of the regions, from (0, 0) to (1, 1)."""
    fpr = np.cumsum(ranking.normal) / max(ranking.n_normal, 1)
    overlap = np.minimum(np.cumsum(ranking.overlap) / max(ranking.n_regions, 1), 1.0)
    return np.append(0.0, fpr), np.append(0.0, overlap)


def _area_up_to(x: np.ndarray, y: np.ndarray, limit: float) -> float:
    """Trapezoids under the curve for x <= limit, the last one cut at the limit by linear interpolation."""
    k = int(np.searchsorted(x, limit, side="right"))
    area = float(np.sum(0.5 * (y[1:k] + y[: k - 1]) * np.diff(x[:k])))
    if k < len(x) and x[k - 1] < limit:
        at_limit = y[k - 1] + (y[k] - y[k - 1]) * (limit - x[k - 1]) / (x[k] - x[k - 1])
        area += float(0.5 * (at_limit + y[k - 1]) * (limit - x[k - 1]))
    return area
