"""From per-point outputs on disk to metrics: the same pools as `metrics.gather`, filled from the run log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from align3d_cli.evaluation.outputs import PointOutputs, from_file
from align3d_cli.evaluation.runlog import RunRecord
from align3d_cli.metrics.metrics import Evaluation, Gathered, ScoredSample, point_items, summarise
from align3d_cli.metrics.ranking import Pool, rank

Items = tuple[np.ndarray, np.ndarray, np.ndarray, int]


@dataclass(frozen=True, slots=True)
class LoggedScan:
    """A scan line of the log and its points."""

    line: dict[str, Any]
    outputs: PointOutputs


def scans_of(record: RunRecord, arm: str, category: str) -> list[LoggedScan]:
    """The scans of one arm and category, points read. Raises InputRejected for missing or damaged points."""
    lines = [line for line in record.scans if line["arm"]["name"] == arm and line["category"] == category]
    return [LoggedScan(line, from_file(record.folder / line["points"])) for line in lines]


def arms_and_categories(record: RunRecord) -> Iterator[tuple[dict[str, Any], str]]:
    """Every arm with every category it has scans of, in the log's order."""
    seen = {(line["arm"]["name"], line["category"]): line["arm"] for line in record.scans}
    for (_, category), arm in seen.items():
        yield arm, category


def kinds_of(scans: Sequence[LoggedScan]) -> list[str]:
    """Kinds of defects among the scans, sorted."""
    return sorted({scan.line["defect"] for scan in scans if scan.line["anomalous"]})


def evaluate_kinds(scans: Sequence[LoggedScan], method: str, mode: str) -> dict[str | None, Evaluation]:
    """Metrics of one method over all scans (None), and over the good ones with those of each kind of defect."""
    items = [points_of(scan.outputs, method, mode) for scan in scans]
    found = {}
    for kind in (None, *kinds_of(scans)):
        rows = [i for i, s in enumerate(scans) if kind is None or not s.line["anomalous"] or s.line["defect"] == kind]
        found[kind] = summarise(pooled([scans[i] for i in rows], [items[i] for i in rows], method, mode))
    return found


def gather_scans(scans: Sequence[LoggedScan], method: str, mode: str) -> Gathered:
    """Objects and points of one method in order, for curves."""
    return pooled(scans, [points_of(scan.outputs, method, mode) for scan in scans], method, mode)


def pooled(scans: Sequence[LoggedScan], items: Sequence[Items | None], method: str, mode: str) -> Gathered:
    """Rank the objects of all scans and the points of those that have items."""
    pool, n_missed = Pool(), 0
    for found in items:
        if found is not None:
            pool.add(*found[:3])
            n_missed += found[3]
    labels = np.array([scan.line["anomalous"] for scan in scans], bool)
    scores = np.array([scan.line["object_scores"][method] for scan in scans], float)
    unlabelled = sum(scan.outputs.defect is None for scan in scans)
    return Gathered(rank(labels, scores), pool.ranking(), mode, n_missed, unlabelled, pool.exact)


def points_of(outputs: PointOutputs, method: str, mode: str) -> Items | None:
    """(M,) labels, scores and regions of a scan, and how many defective points have no score.

    None for scans without point labels, and in mode "paper" for scans without a pixel grid.
    """
    if outputs.defect is None or (mode == "paper" and outputs.grid is None):
        return None
    scores = outputs.scores[method]
    if mode == "paper":
        whole = ScoredSample(False, 0.0, scores, outputs.defect, np.empty((0, 3)), outputs.grid)
        return point_items(whole, mode)
    scored = ~np.isnan(scores)
    counted = outputs.measured & (scored | outputs.defect)
    given = np.where(scored, scores, -np.inf)[counted]
    return outputs.defect[counted], given, outputs.region[counted], int((counted & ~scored).sum())
