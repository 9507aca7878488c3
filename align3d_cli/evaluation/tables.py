"""The table of a benchmark, from the run log alone: categories, macro mean, kinds of defects; mean and std of seeds."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from align3d_cli.evaluation.arms import MEANING, METHODS
from align3d_cli.evaluation.ladder import spoke_of
from align3d_cli.evaluation.limits import limits_of
from align3d_cli.evaluation.pooling import arms_and_categories, evaluate_kinds, scans_of
from align3d_cli.evaluation.published import NOTHING, Published, published_for
from align3d_cli.evaluation.runlog import RunRecord
from align3d_cli.evaluation.table_cells import Cell
from align3d_cli.evaluation.table_figures import MEANING as FIGURES_MEANING
from align3d_cli.evaluation.table_notes import notes_of
from align3d_cli.evaluation.table_rows import LEVELS, Row, rows_of
from align3d_cli.metrics.samples import MODES

LEGEND = (
    "O-R object AUROC, O-A object AP, P-R point AUROC, P-P AUPRO up to 30 % false positives, P-A point AP, "
    "F1 best point F1; all in %, points of a category pooled, means over categories unweighted."
)
PIXELS = {
    "foreground": "the scan's own measured points, background left out (the default)",
    "paper": "336 x 336 pixels of organised scans, background included, as the papers count; flatters",
}


@dataclass(frozen=True, slots=True)
class Table:
    """head: what was run; rows: measured here; published: printed by others; notes: what a reader must know."""

    head: dict[str, Any]
    rows: list[Row]
    published: list[Published]
    notes: list[str] = field(default_factory=list)


def build_table(record: RunRecord) -> Table:
    """Compute every metric of a run from its log. Raises InputRejected where logged points are missing or damaged."""
    cells = [cell for arm, category in arms_and_categories(record) for cell in _cells(record, arm, category)]
    rows = [row for method in METHODS for pixels in MODES for row in rows_of(record.settings, cells, method, pixels)]
    order = {level: at for at, level in enumerate(LEVELS)}
    rows.sort(key=lambda row: (order[row.level], row.name, METHODS.index(row.method), MODES.index(row.pixels)))
    settings = record.settings
    published = published_for(settings["data_set"], settings["protocol"])
    notes = notes_of(record, {row.pixels for row in rows}, {row.name for row in rows if row.level == "defect"})
    return Table(_head(record), rows, published, notes)


def _cells(record: RunRecord, arm: dict[str, Any], category: str) -> Iterator[Cell]:
    scans = scans_of(record, arm["name"], category)
    beside = any("spoke" in line for line in record.scans)  # else no row saw more than another
    for method in arm["methods"]:
        spoke = spoke_of(scans[0].line, method)
        saw = spoke["saw"] if spoke else str(NOTHING) if beside else ""
        limits = limits_of(record, arm, method)
        for pixels, kind, found, figures in evaluate_kinds(scans, method, limits):
            yield Cell(arm["auxiliary"], arm["seed"], category, kind, method, pixels, found, saw, figures)


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
        "figures": FIGURES_MEANING,
        "settings": settings,
    }
