"""Scored scans, and what each adds to the metrics of a data set under one way of counting."""

from dataclasses import dataclass, field

import numpy as np

from align3d_cli.metrics.ranking import Items, items_of
from align3d_cli.metrics.regions import regions_organised

MODES = ("foreground", "paper")
PAPER_SIZE = 336  # PointAD compares maps of 336 x 336 pixels, background included


@dataclass(frozen=True, slots=True)
class ScoredSample:
    """One scored scan, as evaluation needs it.

    anomalous:    the scan's own label
    object_score: float, higher is more anomalous
    scores:       (N,) float in the scan's order; NaN where no score was given (background, no measurement)
    defect:       (N,) bool, or None when nobody labelled the points: the scan counts for object metrics only
    measured:     (N,) bool, where the scanner measured something
    region:       (N,) int, number of the defect region of a point, see `regions.regions`
    grid:         (H, W) of an organised scan, else None
    """

    anomalous: bool
    object_score: float
    scores: np.ndarray = field(repr=False)
    defect: np.ndarray | None = field(repr=False)
    measured: np.ndarray = field(repr=False)
    region: np.ndarray = field(repr=False)
    grid: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """What one scan adds to the metrics.

    items:    its points or pixels; None without point labels, and in mode "paper" without a pixel grid
    labelled: whether its points have labels; n_missed: defective items without a score
    """

    anomalous: bool
    object_score: float
    items: Items | None
    labelled: bool = True
    n_missed: int = 0


def count(sample: ScoredSample, mode: str) -> Counted:
    """What a scan adds in a mode of MODES: "foreground" = its own measured points, "paper" = 336 x 336 pixels of
    organised scans, background included. Raises ValueError for another mode."""
    if mode not in MODES:
        raise ValueError(f"mode is one of {MODES}, got {mode!r}")
    if sample.defect is None:
        return Counted(sample.anomalous, sample.object_score, None, labelled=False)
    if mode == "foreground":
        items, n_missed = _foreground(sample, sample.defect)
    elif sample.grid is not None:
        items, n_missed = _paper(sample, sample.defect, sample.grid)
    else:
        return Counted(sample.anomalous, sample.object_score, None)
    return Counted(sample.anomalous, sample.object_score, items, n_missed=n_missed)


def _foreground(sample: ScoredSample, defect: np.ndarray) -> tuple[Items, int]:
    """Points that were measured and scored. A defective point without a score counts as missed, below every other:
    leaving it out would reward a method for throwing defects away as background."""
    scored = ~np.isnan(sample.scores)
    counted = sample.measured & (scored | defect)
    scores = np.where(scored, sample.scores, -np.inf)[counted]
    return items_of(defect[counted], scores, sample.region[counted]), int((counted & ~scored).sum())


def _paper(sample: ScoredSample, defect: np.ndarray, grid: tuple[int, int]) -> tuple[Items, int]:
    """Every pixel of the grid, nearest-resized to 336 x 336; pixels without a score hold 0, as the paper's maps do."""
    pixels = np.ix_(*(np.arange(PAPER_SIZE) * size // PAPER_SIZE for size in grid))
    defect, scores = defect.reshape(grid)[pixels], sample.scores.reshape(grid)[pixels]
    empty = np.isnan(scores)
    below = min(0.0, float(np.nanmin(scores, initial=0.0)))  # never above a score that was given
    scores = np.where(empty, below, scores)
    items = items_of(defect.ravel(), scores.ravel(), regions_organised(defect).ravel())
    return items, int((defect & empty).sum())
