"""Object and point metrics of the field: AUROC, average precision, best F1, AUPRO.

Definitions are scikit-learn's (roc_auc_score, average_precision_score, precision_recall_curve), ties included.
A metric that needs both classes and has one is nan, never 0, and `evaluate` says so in its notes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from align3d_cli.metrics.aupro import aupro, regions_organised, regions_points
from align3d_cli.metrics.ranking import Pool, Ranking, rank

MODES = ("foreground", "paper")
PAPER_SIZE = 336  # PointAD compares maps of 336 x 336 pixels, background included


def auroc(defect: np.ndarray, scores: np.ndarray) -> float:
    """Probability that a defective item scores above a normal one, ties half; nan if undefined.

    defect: (N,) bool; scores: (N,) float, NaN is a ValueError
    """
    return ranking_auroc(rank(defect, scores))


def average_precision(defect: np.ndarray, scores: np.ndarray) -> float:
    """Sum over thresholds of precision times the gain in recall, without interpolation; nan if undefined."""
    return ranking_average_precision(rank(defect, scores))


def f1_max(defect: np.ndarray, scores: np.ndarray) -> float:
    """Largest F1 any threshold reaches; nan if undefined."""
    return ranking_f1_max(rank(defect, scores))


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


@dataclass(frozen=True, slots=True)
class ScoredSample:
    """One scored scan, as evaluation needs it.

    anomalous:    the scan's own label
    object_score: float, higher is more anomalous
    scores:       (N,) float in the scan's order; NaN where no score was given (background, no measurement)
    defect:       (N,) bool, or None when nobody labelled the points: the scan counts for object metrics only
    xyz:          (N, 3) float, a row that is not finite is no measurement
    grid:         (H, W) of an organised scan, else None
    """

    anomalous: bool
    object_score: float
    scores: np.ndarray = field(repr=False)
    defect: np.ndarray | None = field(repr=False)
    xyz: np.ndarray = field(repr=False)
    grid: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of a set of samples, fractions in [0, 1] or nan, in the field's order; notes say why a nan is one."""

    object_auroc: float
    object_ap: float
    point_auroc: float
    aupro: float
    point_ap: float
    f1_max: float
    mode: str
    n_samples: int
    n_anomalous: int
    n_points: int
    n_defect_points: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gathered:
    """Objects and points of a set of samples in order, for metrics and for curves.

    n_missed: defective points without a score; n_unlabelled: scans without point labels; exact: see `ranking.Pool`
    """

    objects: Ranking
    points: Ranking
    mode: str
    n_missed: int
    n_unlabelled: int
    exact: bool


def evaluate(samples: Iterable[ScoredSample], *, mode: str = "foreground") -> Evaluation:
    """All metrics over a set of samples, points pooled as in the official evaluation; samples may come one at a time.

    mode: "foreground" = the scans' own points, "paper" = 336 x 336 pixels of organised scans, background included
    """
    return summarise(gather(samples, mode=mode))


def gather(samples: Iterable[ScoredSample], *, mode: str = "foreground") -> Gathered:
    """Rank the objects and the pooled points of a set of samples; see `evaluate`."""
    pool, labels, object_scores = Pool(), [], []
    n_missed = n_unlabelled = 0
    for sample in samples:
        labels.append(sample.anomalous)
        object_scores.append(sample.object_score)
        if sample.defect is None:
            n_unlabelled += 1
            continue
        defect, scores, region, missed = point_items(sample, mode)
        n_missed += missed
        pool.add(defect, scores, region)
    objects = rank(np.array(labels, bool), np.array(object_scores, float))
    return Gathered(objects, pool.ranking(), mode, n_missed, n_unlabelled, pool.exact)


def summarise(gathered: Gathered) -> Evaluation:
    """The metrics of what was gathered."""
    objects, points = gathered.objects, gathered.points
    return Evaluation(
        object_auroc=ranking_auroc(objects),
        object_ap=ranking_average_precision(objects),
        point_auroc=ranking_auroc(points),
        aupro=aupro(points),
        point_ap=ranking_average_precision(points),
        f1_max=ranking_f1_max(points),
        mode=gathered.mode,
        n_samples=objects.n_normal + objects.n_defect,
        n_anomalous=objects.n_defect,
        n_points=points.n_normal + points.n_defect,
        n_defect_points=points.n_defect,
        notes=_notes(gathered),
    )


def point_items(sample: ScoredSample, mode: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """What a sample adds to the pool: (M,) labels, (M,) scores, (M,) region numbers, defects without a score."""
    if mode not in MODES:
        raise ValueError(f"mode is one of {MODES}, got {mode!r}")
    if mode == "paper" and sample.grid:
        return _paper_items(sample)
    return _foreground_items(sample)


def _foreground_items(sample: ScoredSample):
    """Points that were measured and scored. A defective point without a score counts as missed, below every other:
    leaving it out would reward a method for throwing defects away as background."""
    scored = ~np.isnan(sample.scores)
    counted = np.isfinite(sample.xyz).all(axis=1) & (scored | sample.defect)
    scores = np.where(scored, sample.scores, -np.inf)[counted]
    if sample.grid:
        region = regions_organised(sample.defect.reshape(sample.grid)).ravel()[counted]
    else:
        region = regions_points(sample.xyz[counted], sample.defect[counted])
    return sample.defect[counted], scores, region, int((~scored[counted]).sum())


def _paper_items(sample: ScoredSample):
    """Every pixel of the grid, nearest-resized to 336 x 336; pixels without a score hold 0, as the paper's maps do."""
    defect, scores = sample.defect.reshape(sample.grid), sample.scores.reshape(sample.grid)
    rows, columns = (np.arange(PAPER_SIZE) * size // PAPER_SIZE for size in sample.grid)
    defect, scores = defect[np.ix_(rows, columns)], scores[np.ix_(rows, columns)]
    empty = min(0.0, float(np.nanmin(scores, initial=0.0)))  # never above a score that was given
    missed = int((defect & np.isnan(scores)).sum())
    region = regions_organised(defect)
    return defect.ravel(), np.nan_to_num(scores, nan=empty).ravel(), region.ravel(), missed


def _notes(gathered: Gathered) -> tuple[str, ...]:
    """Plain sentences on what is undefined, missed or rounded."""
    notes = []
    for what, ranking in (("object", gathered.objects), ("point", gathered.points)):
        missing = [name for name, n in (("normal", ranking.n_normal), ("anomalous", ranking.n_defect)) if not n]
        if missing:
            notes.append(f"{what} metrics are undefined: no {' and no '.join(missing)} {what}s")
    if gathered.n_unlabelled:
        notes.append(f"{gathered.n_unlabelled} scans have no point labels and count for the object metrics only")
    if gathered.n_missed:
        notes.append(f"{gathered.n_missed} defective points carry no score and count as missed")
    if not gathered.exact:
        notes.append("scores were rounded to 1 part in 32768 to rank them within memory")
    return tuple(notes)
