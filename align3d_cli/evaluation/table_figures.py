"""Figures beside a table's metrics, each with the interval in which it would lie with other objects."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from align3d_cli.evaluation.scan_figures import Figure
from align3d_cli.evaluation.table_cells import Cell, Models
from align3d_cli.metrics.bootstrap import drawn_means, draws_of, interval

FIGURES: dict[str, Figure] = {"R10": "called", "FA-R": "regions", "FA-P": "share"}
IN_PERCENT = ("R10", "FA-P", "P-A")  # the others are counts
MEANING = {
    "R10": (
        "recall of defects in %: the defective scans that score above the threshold which one in ten of this table's "
        "own good scans exceeds (of all categories that the model scored together; none of fewer than ten)"
    ),
    "FA-R": (
        "regions a good scan: those that hang together on its surface, begin a tenth and reach half of the way up the "
        "model's own colour scale, as `score` lists them; of the at most 16 000 points "
        "that are kept of a scan, so small ones are missed"
    ),
    "FA-P": "share in % of a good scan's scored points from a tenth of the way up the model's own colour scale",
    "intervals": (
        "95 %, percentile bootstrap of 1000 draws: of the categories where a row has several, else of the scans of the "
        "category, good and defective ones apart; thresholds stay. One without width says that all objects agree, not "
        "that others would"
    ),
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, nan where undefined, and the ends of its interval, nan where fewer than two objects have it."""

    value: float
    low: float
    high: float


UNDEFINED = Estimate(float("nan"), float("nan"), float("nan"))


def figures_of(models: Models) -> dict[str, Estimate]:
    """P-A and FIGURES of a row: means over categories, then over auxiliary categories, then over seeds."""
    point_ap = _estimate(models, lambda cell: cell.found.point_ap, lambda cell: cell.figures.drawn("point_ap"), 100)
    found = {"P-A": point_ap}
    for name, figure in FIGURES.items():
        scale = 100 if name in IN_PERCENT else 1
        found[name] = _estimate(models, *_readers(figure), scale)
    return found


def _readers(figure: Figure) -> tuple[Callable[[Cell], float], Callable[[Cell], np.ndarray]]:
    return lambda cell: cell.figures.mean(figure), lambda cell: cell.figures.drawn(figure)


def _estimate(
    models: Models, value: Callable[[Cell], float], drawn: Callable[[Cell], np.ndarray], scale: float
) -> Estimate:
    """value: of a cell; drawn: (DRAWS,) of it over draws of the cell's scans; scale: to the unit of the table"""
    cells = [cell for found in models.values() for cell in found]
    categories = sorted({cell.category for cell in cells})
    mean = scale * float(_averaged(models, lambda found: mean_defined([value(cell) for cell in found])))
    if len(categories) == 1:
        low, high = interval(_averaged(models, lambda found: mean_defined([drawn(cell) for cell in found])))
    elif len({cell.category for cell in cells if not np.isnan(value(cell))}) > 1:
        counts = draws_of([None] * len(categories))
        columns = {category: at for at, category in enumerate(categories)}

        def of_categories(found: Sequence[Cell]) -> np.ndarray:
            mine = counts[:, [columns[cell.category] for cell in found]]
            return drawn_means(mine, np.array([value(cell) for cell in found]))

        low, high = interval(_averaged(models, of_categories))
    else:
        low = high = float("nan")
    return Estimate(mean, scale * low, scale * high)


def _averaged(models: Models, of_cells: Callable[[Sequence[Cell]], np.ndarray]) -> np.ndarray:
    """Mean over the models of a seed, then over seeds, of what is made of each model's cells."""
    by_seed = defaultdict(list)
    for (_, seed), cells in models.items():
        by_seed[seed].append(of_cells(cells))
    return mean_defined([mean_defined(found) for found in by_seed.values()])


def mean_defined(values: Sequence[float | np.ndarray]) -> np.ndarray:
    """Mean of arrays (..) alike, place by place, of those that are not nan there; nan where all are."""
    stacked = np.array(values, float)
    known = ~np.isnan(stacked)
    total, n = np.where(known, stacked, 0.0).sum(axis=0), known.sum(axis=0)
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)
