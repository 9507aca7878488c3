"""The table of a benchmark, from the run log alone: categories, macro mean, kinds of defects; mean and std of seeds."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from align3d_cli.evaluation.arms import MEANING, METHODS, excluded
from align3d_cli.evaluation.pooling import arms_and_categories, evaluate_kinds, scans_of
from align3d_cli.evaluation.published import Published, published_for
from align3d_cli.evaluation.runlog import RunRecord
from align3d_cli.evaluation.table_notes import notes_of
from align3d_cli.metrics.evaluation import Evaluation
from align3d_cli.metrics.samples import MODES

METRICS = {
    "O-R": "object_auroc",
    "O-A": "object_ap",
    "P-R": "point_auroc",
    "P-P": "aupro",
    "P-A": "point_ap",
    "F1": "f1_max",
}
OBJECT_METRICS, POINT_METRICS = ("O-R", "O-A"), ("P-R", "P-P", "P-A", "F1")
LEGEND = (
    "O-R object AUROC, O-A object AP, P-R point AUROC, P-P AUPRO up to 30 % false positives, P-A point AP, "
    "F1 best point F1; all in %, points of a category pooled, means over categories unweighted."
)
PIXELS = {
    "foreground": "the scan's own measured points, background left out (the default)",
    "paper": "336 x 336 pixels of organised scans, background included, as the papers count; flatters",
}
LEVELS = ("mean", "category", "defect")


@dataclass(frozen=True, slots=True)
class Value:
    """mean in %, nan where undefined; std over seeds in %, None with fewer than two seeds."""

    mean: float
    std: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    level: of LEVELS; name: category or kind of defect; pixels: of MODES; values: by metric; notes: why a nan is one
    n_scans, n_anomalous: behind the values, of one seed
    """

    level: str
    name: str
    method: str
    pixels: str
    values: dict[str, Value]
    n_scans: int
    n_anomalous: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """head: what was run; rows: measured here; published: printed by others; notes: what a reader must know."""

    head: dict[str, Any]
    rows: list[Row]
    published: list[Published]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cell:
    """Metrics of one arm on one category; kind: None for all its scans, else the good ones and that kind of defect."""

    auxiliary: str | None
    seed: int | None
    category: str
    kind: str | None
    method: str
    pixels: str
    found: Evaluation


def build_table(record: RunRecord) -> Table:
    """Compute every metric of a run from its log. Raises InputRejected where logged points are missing or damaged."""
    cells = [cell for arm, category in arms_and_categories(record) for cell in _cells(record, arm, category)]
    rows = [row for method in METHODS for pixels in MODES for row in _rows(record, cells, method, pixels)]
    order = {level: at for at, level in enumerate(LEVELS)}
    rows.sort(key=lambda row: (order[row.level], row.name, METHODS.index(row.method), MODES.index(row.pixels)))
    settings = record.settings
    published = published_for(settings["data_set"], settings["protocol"])
    notes = notes_of(record, {row.pixels for row in rows}, {row.name for row in rows if row.level == "defect"})
    return Table(_head(record), rows, published, notes)


def _cells(record: RunRecord, arm: dict[str, Any], category: str) -> Iterator[Cell]:
    scans = scans_of(record, arm["name"], category)
    for method in arm["methods"]:
        for pixels, kind, found in evaluate_kinds(scans, method):
            yield Cell(arm["auxiliary"], arm["seed"], category, kind, method, pixels, found)


def _rows(record: RunRecord, cells: Sequence[Cell], method: str, pixels: str) -> list[Row]:
    """All rows of a method under one way of counting pixels."""
    mine = [cell for cell in cells if (cell.method, cell.pixels) == (method, pixels)]
    whole = [cell for cell in mine if cell.kind is None]
    rows = [_row(record, "mean", "mean", whole)] if whole else []
    for category in sorted({cell.category for cell in whole}):
        rows.append(_row(record, "category", category, [cell for cell in whole if cell.category == category]))
    for kind in sorted({cell.kind for cell in mine if cell.kind is not None}):
        rows.append(_row(record, "defect", kind, [cell for cell in mine if cell.kind == kind]))
    return rows


def _row(record: RunRecord, level: str, name: str, cells: Sequence[Cell]) -> Row:
    models = _models(record, cells) if level != "category" else _by_model(cells)
    values = {metric: _value(models, attribute) for metric, attribute in METRICS.items()}
    by_category = {cell.category: cell.found for cell in cells}
    n_scans = sum(found.n_samples for found in by_category.values())
    n_anomalous = sum(found.n_anomalous for found in by_category.values())
    return Row(level, name, cells[0].method, cells[0].pixels, values, n_scans, n_anomalous, _row_notes(level, cells))


def _by_model(cells: Sequence[Cell]) -> dict[tuple[str | None, int | None], list[Cell]]:
    """Cells by the auxiliary category and seed of their model."""
    models = defaultdict(list)
    for cell in cells:
        models[cell.auxiliary, cell.seed].append(cell)
    return dict(models)


def _models(record: RunRecord, cells: Sequence[Cell]) -> dict[tuple[str | None, int | None], list[Cell]]:
    """As `_by_model`; methods without training are averaged over the same categories as the trained ones."""
    auxiliaries = record.settings["auxiliary"] if record.settings["protocol"] == "one-vs-rest" else []
    models = {}
    for (auxiliary, seed), found in _by_model(cells).items():
        if auxiliary is not None or not auxiliaries:
            models[auxiliary, seed] = found
            continue
        for left_out in auxiliaries:
            rest = [cell for cell in found if not excluded("one-vs-rest", left_out, cell.category)]
            if rest:
                models[left_out, seed] = rest
    return models or _by_model(cells)


def _value(models: dict[tuple[str | None, int | None], list[Cell]], attribute: str) -> Value:
    """Mean over categories, then over auxiliary categories, then over seeds; std over seeds."""
    by_seed = defaultdict(list)
    for (_, seed), cells in models.items():
        by_seed[seed].append(_mean([getattr(cell.found, attribute) for cell in cells]))
    seeds = [100 * _mean(found) for found in by_seed.values()]
    known = [value for value in seeds if not math.isnan(value)]
    return Value(_mean(seeds), float(np.std(known, ddof=1)) if len(known) > 1 else None)


def _mean(values: Sequence[float]) -> float:
    """Mean of those that are defined; nan when none is."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _row_notes(level: str, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Why a value is nan, and which categories a mean leaves out for that reason."""
    if level == "category":
        return tuple(sorted({note for cell in cells for note in cell.found.notes}))
    categories, metrics_by_gap = {cell.category for cell in cells}, defaultdict(list)
    for metric, attribute in METRICS.items():
        gap = tuple(sorted({cell.category for cell in cells if math.isnan(getattr(cell.found, attribute))}))
        metrics_by_gap[gap].append(metric)
    return tuple(
        f"{', '.join(metrics)} over {len(categories) - len(gap)} of {len(categories)} categories, "
        f"undefined for {', '.join(gap)}"
        for gap, metrics in metrics_by_gap.items()
        if gap
    )


def _head(record: RunRecord) -> dict[str, Any]:
    settings, plan = record.settings, record.plan
    methods = [m for m in METHODS if any(m in line["arm"]["methods"] for line in record.scans)]
    return {
        "data_set": settings["data_set"],
        "protocol": settings["protocol"],
        "statement": plan.get("statement", ""),
        "model": plan.get("model"),
        "auxiliary": list(settings["auxiliary"]),
        "seeds": list(settings["seeds"]),
        "tool_version": record.version,
        "limit": settings["limit"],
        "categories": plan.get("categories", []),
        "n_lines": len(record.scans),
        "n_lines_planned": plan.get("n_lines", 0),
        "n_failed": len(record.failures),
        "complete": len(record.scans) >= plan.get("n_lines", math.inf),
        "methods": {method: MEANING[method] for method in methods},
        "pixels": PIXELS,
        "legend": LEGEND,
        "settings": settings,
    }
