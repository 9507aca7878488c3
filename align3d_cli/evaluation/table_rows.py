"""The rows of a table: means over categories, then models, then seeds, of what was found on each category."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from align3d_cli.evaluation.arms import excluded
from align3d_cli.evaluation.table_cells import Cell, Models
from align3d_cli.evaluation.table_figures import FIGURES, Estimate, figures_of

METRICS = {
    "O-R": "object_auroc",
    "O-A": "object_ap",
    "P-R": "point_auroc",
    "P-P": "aupro",
    "P-A": "point_ap",
    "F1": "f1_max",
}
OBJECT_METRICS, POINT_METRICS = ("O-R", "O-A"), ("P-R", "P-P", "P-A", "F1")
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
    saw: what the method saw beside the scan, empty where the table tells it of none
    figures: P-A and those of `table_figures.FIGURES`, with their intervals
    """

    level: str
    name: str
    method: str
    pixels: str
    values: dict[str, Value]
    n_scans: int
    n_anomalous: int
    notes: tuple[str, ...] = ()
    saw: str = ""
    figures: dict[str, Estimate] = field(default_factory=dict)


def rows_of(settings: Mapping[str, Any], cells: Sequence[Cell], method: str, pixels: str) -> list[Row]:
    """All rows of a method under one way of counting pixels."""
    mine = [cell for cell in cells if (cell.method, cell.pixels) == (method, pixels)]
    whole = [cell for cell in mine if cell.kind is None]
    rows = [_row(settings, "mean", "mean", whole)] if whole else []
    for category in sorted({cell.category for cell in whole}):
        rows.append(_row(settings, "category", category, [cell for cell in whole if cell.category == category]))
    for kind in sorted({cell.kind for cell in mine if cell.kind is not None}):
        rows.append(_row(settings, "defect", kind, [cell for cell in mine if cell.kind == kind]))
    return rows


def _row(settings: Mapping[str, Any], level: str, name: str, cells: Sequence[Cell]) -> Row:
    models = _models(settings, cells) if level != "category" else _by_model(cells)
    values = {metric: _value(models, attribute) for metric, attribute in METRICS.items()}
    cells = [cell for found in models.values() for cell in found]  # a category that every model leaves out is not in
    by_category = {cell.category: cell.found for cell in cells}
    n_scans = sum(found.n_samples for found in by_category.values())
    n_anomalous = sum(found.n_anomalous for found in by_category.values())
    notes, saw = _row_notes(level, cells), " or ".join(sorted({cell.saw for cell in cells}))
    figures = figures_of(models)
    return Row(level, name, cells[0].method, cells[0].pixels, values, n_scans, n_anomalous, notes, saw, figures)


def _by_model(cells: Sequence[Cell]) -> Models:
    """Cells by the auxiliary category and seed of their model."""
    models = defaultdict(list)
    for cell in cells:
        models[cell.auxiliary, cell.seed].append(cell)
    return dict(models)


def _models(settings: Mapping[str, Any], cells: Sequence[Cell]) -> Models:
    """As `_by_model`; methods without training are averaged over the same categories as the trained ones."""
    auxiliaries = settings["auxiliary"] if settings["protocol"] == "one-vs-rest" else []
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


def _value(models: Models, attribute: str) -> Value:
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
    for name, figure in FIGURES.items():
        gap = tuple(sorted({cell.category for cell in cells if math.isnan(cell.figures.mean(figure))}))
        if len(gap) < len(categories):  # else a note of the table says why
            metrics_by_gap[gap].append(name)
    return tuple(
        f"{', '.join(metrics)} over {len(categories) - len(gap)} of {len(categories)} categories, "
        f"undefined for {', '.join(gap)}"
        for gap, metrics in metrics_by_gap.items()
        if gap
    )
