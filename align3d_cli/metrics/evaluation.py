"""All metrics of a set of scored scans. A metric that is nan has a note that says why."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from align3d_cli.metrics.aupro import aupro
from align3d_cli.metrics.metrics import ranking_auroc, ranking_average_precision, ranking_f1_max
from align3d_cli.metrics.ranking import Pool, Ranking, rank
from align3d_cli.metrics.samples import Counted, ScoredSample, count


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

    mode: of `samples.MODES`, see `samples.count`
    """
    return summarise(gather((count(sample, mode) for sample in samples), mode))


def gather(counted: Iterable[Counted], mode: str) -> Gathered:
    """Rank the objects and the pooled points of a set of samples. mode: in which they were counted"""
    pool, n_missed, n_unlabelled = Pool(), 0, 0
    labels, scores = [], []
    for sample in counted:
        labels.append(sample.anomalous)
        scores.append(sample.object_score)
        n_unlabelled += not sample.labelled
        n_missed += sample.n_missed
        if sample.items is not None:
            pool.add(sample.items)
    objects = rank(np.array(labels, bool), np.array(scores, float))
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


def _notes(gathered: Gathered) -> tuple[str, ...]:
    """Plain sentences on what is undefined, missed or rounded."""
    notes: list[str] = []
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
