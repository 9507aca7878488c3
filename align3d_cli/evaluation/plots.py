"""PNG files of a run: ROC and PRO curves, score histograms, worst and best scans. From the log alone."""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from align3d_cli.evaluation.arms import METHODS
from align3d_cli.evaluation.charts import BINS, COLOURS, Line, Panel, bin_counts, draw_panels, histogram, limits_of
from align3d_cli.evaluation.pictures import groups, sheet
from align3d_cli.evaluation.pooling import LoggedScan, gather_scans, scans_of
from align3d_cli.evaluation.runlog import RunRecord
from align3d_cli.helpers.files import write_bytes
from align3d_cli.metrics.aupro import FPR_LIMIT, pro_curve
from align3d_cli.metrics.metrics import roc_curve, thinned

GOOD_RGB, DEFECT_RGB = (0, 114, 178), (213, 94, 0)


def write_plots(record: RunRecord, folder: Path) -> list[Path]:
    """Write, for every category, curves-*.png, scores-*.png and samples-*.png; returns the paths.

    A method has one line for each of its models (auxiliary category, seed); pictures are of the first model of the
    last method in the table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for category in sorted({line["category"] for line in record.scans}):
        arms = {line["arm"]["name"]: line["arm"] for line in record.scans if line["category"] == category}
        scans = [(arm, scans_of(record, name, category)) for name, arm in sorted(arms.items())]
        figures = {"curves": curves(category, scans), "scores": histograms(category, scans)}
        if (pictures := samples(category, scans)) is not None:
            figures["samples"] = pictures
        for name, image in figures.items():
            written.append(folder / f"{name}-{re.sub(r'[^A-Za-z0-9._-]+', '_', category)}.png")
            _save(written[-1], image)
    return written


Arms = Sequence[tuple[dict, list[LoggedScan]]]


def curves(category: str, scans: Arms) -> Image.Image:
    """Object ROC, point ROC and PRO up to its limit, for all methods."""
    lines: dict[str, list[Line]] = {"object": [], "point": [], "pro": []}
    for arm, found in scans:
        for method in arm["methods"]:
            gathered, colour = gather_scans(found, method, "foreground"), COLOURS[METHODS.index(method) % len(COLOURS)]
            if gathered.objects.n_normal and gathered.objects.n_defect:
                lines["object"].append(Line(*roc_curve(gathered.objects), colour, method))
            if gathered.points.n_normal and gathered.points.n_defect:
                lines["point"].append(Line(*thinned(*roc_curve(gathered.points)), colour, method))
                lines["pro"].append(Line(*_up_to(FPR_LIMIT, *pro_curve(gathered.points)), colour, method))
    panels = [
        Panel("Objects: ROC", "false positive rate", "true positive rate", lines["object"]),
        Panel("Points (foreground): ROC", "false positive rate", "true positive rate", lines["point"]),
        Panel("Points (foreground): PRO", "false positive rate", "overlap", lines["pro"], xlim=(0.0, FPR_LIMIT)),
    ]
    return draw_panels(category, [panels])


def _up_to(limit: float, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a rising curve up to x = limit, thinned."""
    inside = x <= limit
    return thinned(np.append(x[inside], limit), np.append(y[inside], np.interp(limit, x, y)))


def histograms(category: str, scans: Arms) -> Image.Image:
    """Scores of good and defective scans, and of normal and defective points, one column a method."""
    methods = [method for method in METHODS if any(method in arm["methods"] for arm, _ in scans)]
    objects, points = [], []
    for method in methods:
        found = [scan for arm, of_arm in scans if method in arm["methods"] for scan in of_arm]
        score = np.array([scan.line["object_scores"][method] for scan in found])
        anomalous = np.array([scan.line["anomalous"] for scan in found], bool)
        of_scans, of_points = [(score, anomalous)], PointScores(found, method)
        objects.append(
            _two_classes(f"{method}: scans", "object score before calibration", of_scans, ("good", "defective"))
        )
        points.append(_two_classes(f"{method}: points", "point score", of_points, ("normal", "defect")))
    return draw_panels(f"{category}: scores", [objects, points])


Labelled = Iterable[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class PointScores:
    """(N,) scores and (N,) labels of scan after scan, read anew whenever they are iterated over."""

    scans: Sequence[LoggedScan]
    method: str

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for scan in self.scans:
            sample = scan.sample(self.method)
            if sample.defect is not None:
                yield sample.scores, sample.defect


def _two_classes(title: str, xlabel: str, parts: Labelled, names: tuple[str, str]) -> Panel:
    """Histograms of both classes with common limits; the parts are gone through twice, one in memory at a time."""
    low, high = limits_of(scores for scores, _ in parts)
    counts = np.zeros((2, BINS), np.int64)
    for scores, bad in parts:
        counts += bin_counts(scores[~bad], low, high), bin_counts(scores[bad], low, high)
    lines = [
        histogram(counts[0], low, high, GOOD_RGB, names[0]),
        histogram(counts[1], low, high, DEFECT_RGB, names[1]),
    ]
    return Panel(title, xlabel, "share of the highest bar", lines, (low, high), legend="above")


def samples(category: str, scans: Arms) -> Image.Image | None:
    """The sheet of worst and best scans; None when there is nothing to judge."""
    method = max((m for arm, _ in scans for m in arm["methods"]), key=METHODS.index)
    arm, found = next((arm, found) for arm, found in scans if method in arm["methods"])
    chosen = groups(found, method)
    return sheet(f"{category}, {method} ({arm['name']})", chosen, method) if chosen else None


def _save(path: Path, image: Image.Image) -> None:
    data = io.BytesIO()
    image.save(data, "PNG")
    write_bytes(path, data.getvalue(), force=True)
