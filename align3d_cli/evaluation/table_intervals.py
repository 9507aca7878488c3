"""Figures with their intervals in a table's forms: the last columns of every one."""

import math
from typing import Any

from align3d_cli.evaluation.table_figures import FIGURES, UNDEFINED, Estimate
from align3d_cli.evaluation.table_rows import Row

WITH_INTERVAL = ("P-A", *FIGURES)
HEAD = ["foreground\nP-A 95 %", *(f"{name} 95 %" for name in FIGURES)]  # the value of P-A stands among the metrics
CSV_HEAD = [*FIGURES, *(f"{name} {end}" for name in WITH_INTERVAL for end in ("low", "high"))]
PLACES = {"FA-R": 2, "FA-P": 2}  # of shown numbers: these are small where all is well


def shown_figures(row: Row) -> list[str]:
    """The cells of HEAD, as `value [low, high]`; "-" for an interval of few objects."""
    return [show_interval(_of(row, "P-A"), 1) or "-", *(_shown(row, name) for name in FIGURES)]


def _shown(row: Row, name: str) -> str:
    found, places = _of(row, name), PLACES.get(name, 1)
    value = "nan" if math.isnan(found.value) else f"{found.value:.{places}f}"
    return f"{value} {show_interval(found, places)}".rstrip()


def show_interval(found: Estimate, places: int) -> str:
    """The ends in brackets, empty where they are unknown."""
    return "" if math.isnan(found.low) else f"[{found.low:.{places}f}, {found.high:.{places}f}]"


def figures_dict(row: Row) -> dict[str, Any]:
    """The figures of a row and the intervals, nan as null, unrounded beyond the fourth place."""
    return {
        "figures": {name: known(_of(row, name).value) for name in FIGURES},
        "intervals": {name: [known(_of(row, name).low), known(_of(row, name).high)] for name in WITH_INTERVAL},
    }


def csv_figures(row: Row) -> list[str]:
    """The cells of CSV_HEAD, nan as an empty one."""
    ends = (end for name in WITH_INTERVAL for end in (_of(row, name).low, _of(row, name).high))
    numbers = map(known, (*(_of(row, name).value for name in FIGURES), *ends))
    return ["" if number is None else f"{number}" for number in numbers]


def _of(row: Row, name: str) -> Estimate:
    return row.figures.get(name, UNDEFINED)


def known(value: float | None) -> float | None:
    """A number as JSON and CSV have it: to the fourth place, None where it is unknown."""
    return None if value is None or math.isnan(value) else round(value, 4)
