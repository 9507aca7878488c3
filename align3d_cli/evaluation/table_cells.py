"""The cells of a table: what one method of one arm was found to do on one category."""

from dataclasses import dataclass

from align3d_cli.evaluation.scan_figures import ScanFigures
from align3d_cli.metrics.evaluation import Evaluation

NO_FIGURES = ScanFigures()


@dataclass(frozen=True, slots=True)
class Cell:
    """Metrics of one arm on one category. kind: None for all its scans, else the good ones and that kind of defect;
    saw: as in `table_rows.Row`
    """

    auxiliary: str | None
    seed: int | None
    category: str
    kind: str | None
    method: str
    pixels: str
    found: Evaluation
    saw: str = ""
    figures: ScanFigures = NO_FIGURES


Models = dict[tuple[str | None, int | None], list[Cell]]
"""Cells by the auxiliary category and seed of their model."""
