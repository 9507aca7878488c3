"""What AUROC hides, scan by scan: recall at one false alarm in ten good parts, false alarms, and draws of the point AP.

Kept of every scan is one number a figure, so that a table can say how far its means would move with other scans.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from align3d_cli.evaluation.false_alarms import UNKNOWN, FalseAlarms, false_alarms
from align3d_cli.evaluation.limits import Limits
from align3d_cli.evaluation.outputs import PointOutputs
from align3d_cli.metrics.bootstrap import DRAWS, drawn_means, draws_of
from align3d_cli.metrics.drawn_precision import Binned, drawn_precision
from align3d_cli.metrics.recall import called

Figure = Literal["called", "regions", "share"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Of one scan. called: 1 for a defective one above the threshold, else 0, nan for a good one"""

    anomalous: bool
    called: float
    alarms: FalseAlarms


@dataclass(frozen=True, slots=True)
class ScanFigures:
    """Of S scans in their order.

    anomalous: of each; called: (S,) of `Fact`, whose mean is the recall
    regions, share: (S,) of `FalseAlarms`, nan for defective scans
    point_ap:  (DRAWS,) float32, of draws of the scans; empty where there are too few to draw from
    """

    anomalous: tuple[bool, ...] = ()
    called: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)
    regions: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)
    share: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)
    point_ap: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32), repr=False)

    def mean(self, figure: Figure) -> float:
        """Mean over the scans that have it; nan when none has."""
        values = getattr(self, figure)
        known = values[~np.isnan(values)]
        return float(known.mean()) if len(known) else float("nan")

    def drawn(self, figure: Figure | Literal["point_ap"]) -> np.ndarray:
        """(DRAWS,) of it over draws of the scans, nan where fewer than two scans have it."""
        if figure == "point_ap":
            return self.point_ap if len(self.point_ap) else np.full(DRAWS, np.nan)
        values = getattr(self, figure)
        if np.count_nonzero(~np.isnan(values)) < 2:
            return np.full(DRAWS, np.nan)
        return drawn_means(draws_of(self.anomalous), values)


def fact_of(line: Mapping[str, Any], outputs: PointOutputs, method: str, limits: Limits) -> Fact:
    """What a scan adds, from its line of the run log and its points."""
    if not line["anomalous"]:
        return Fact(False, float("nan"), false_alarms(outputs, method, limits.levels))
    return Fact(True, float(called(line["object_scores"][method], limits.threshold)), UNKNOWN)


def figures_of_scans(facts: Sequence[Fact], bins: Sequence[Binned]) -> ScanFigures:
    """Facts and binned points of S scans as the figures of them together."""
    anomalous = tuple(fact.anomalous for fact in facts)
    several = min(anomalous.count(True), anomalous.count(False)) > 1
    return ScanFigures(
        anomalous,
        np.array([fact.called for fact in facts], float),
        np.array([fact.alarms.regions for fact in facts], float),
        np.array([fact.alarms.share for fact in facts], float),
        drawn_precision(bins, draws_of(anomalous)) if several else np.empty(0, np.float32),
    )
