"""From per-point outputs on disk to metrics, scan after scan: at most one method of one category is held at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from align3d_cli.evaluation.limits import Limits
from align3d_cli.evaluation.outputs import PointOutputs, from_file
from align3d_cli.evaluation.runlog import RunRecord
from align3d_cli.evaluation.scan_figures import ScanFigures, fact_of, figures_of_scans
from align3d_cli.metrics.drawn_precision import binned, edges_of
from align3d_cli.metrics.evaluation import Evaluation, Gathered, gather, summarise
from align3d_cli.metrics.samples import MODES, Counted, ScoredSample, count

NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class LoggedScan:
    """A scan line of the log. Its points are read whenever they are asked for, and never kept.

    folder: of the run
    """

    line: dict[str, Any]
    folder: Path

    def outputs(self, *methods: str) -> PointOutputs:
        """Its points, with the scores of some methods. Raises InputRejected for missing or damaged points."""
        return from_file(self.folder / self.line["points"], self.line["points_sha256"], methods)

    def sample(self, method: str) -> ScoredSample:
        """The scan as the metrics need it. Raises InputRejected, as `outputs`."""
        return self.sample_of(self.outputs(method), method)

    def sample_of(self, found: PointOutputs, method: str) -> ScoredSample:
        """The same from its points, already read."""
        score = self.line["object_scores"][method]
        return ScoredSample(
            self.line["anomalous"], score, found.scores[method], found.defect, found.measured, found.region, found.grid
        )


def scans_of(record: RunRecord, arm: str, category: str) -> list[LoggedScan]:
    """The scans of one arm and category."""
    lines = [line for line in record.scans if line["arm"]["name"] == arm and line["category"] == category]
    return [LoggedScan(line, record.folder) for line in lines]


def arms_and_categories(record: RunRecord) -> Iterator[tuple[dict[str, Any], str]]:
    """Every arm with every category it has scans of, in the log's order."""
    seen = {(line["arm"]["name"], line["category"]): line["arm"] for line in record.scans}
    for (_, category), arm in seen.items():
        yield arm, category


def kinds_of(scans: Sequence[LoggedScan]) -> list[str]:
    """Kinds of defects among the scans, sorted."""
    return sorted({scan.line["defect"] for scan in scans if scan.line["anomalous"]})


def evaluate_kinds(
    scans: Sequence[LoggedScan], method: str, limits: Limits = NO_LIMITS
) -> Iterator[tuple[str, str | None, Evaluation, ScanFigures]]:
    """(mode, kind, metrics, figures) of one method in every mode that counts something here: over all scans (kind
    None), and over the good ones with those of each kind of defect. Raises InputRejected for missing or damaged points.
    """
    modes = [mode for mode in MODES if mode == "foreground" or any(scan.line["organised"] for scan in scans)]
    counted: dict[str, list[Counted]] = {mode: [] for mode in modes}
    facts = []
    for scan in scans:
        outputs = scan.outputs(method)
        facts.append(fact_of(scan.line, outputs, method, limits))
        sample = scan.sample_of(outputs, method)
        for mode in modes:
            counted[mode].append(count(sample, mode))
    for mode in modes:
        of_mode = counted.pop(mode)
        edges = edges_of(gather(of_mode, mode).points)
        bins = [binned(found.items, edges) for found in of_mode]
        for kind in (None, *kinds_of(scans)):
            chosen = [at for at, scan in enumerate(scans) if _is_of(scan, kind)]
            figures = figures_of_scans([facts[at] for at in chosen], [bins[at] for at in chosen])
            yield mode, kind, summarise(gather((of_mode[at] for at in chosen), mode)), figures


def _is_of(scan: LoggedScan, kind: str | None) -> bool:
    """Whether a scan counts for a kind of defect: the good ones count for all."""
    return kind is None or not scan.line["anomalous"] or scan.line["defect"] == kind


def gather_scans(scans: Sequence[LoggedScan], method: str, mode: str) -> Gathered:
    """Objects and points of one method in order, for curves."""
    return gather((count(scan.sample(method), mode) for scan in scans), mode)
