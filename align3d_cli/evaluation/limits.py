"""Limits at which a table reads scores: where they are known, and where they come from."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from align3d_cli.evaluation.runlog import RunRecord
from align3d_cli.metrics.recall import threshold_at
from align3d_cli.model.calibration import Calibration
from align3d_cli.regions.levels import Levels, levels_between


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one method of one arm.

    threshold: of object scores, that one in ten of the good scans which the arm scored exceeds, those of all categories
               together: it knows no category, as a user does not who scores what comes. nan without good scans
    levels:    of point scores, from the model's own calibration; None where the log knows of none
    """

    threshold: float = float("nan")
    levels: Levels | None = None


def limits_of(record: RunRecord, arm: dict[str, Any], method: str) -> Limits:
    """The limits of a method."""
    return Limits(threshold_at(good_scores(record, arm, method)), levels_of(record, arm, method))


def good_scores(record: RunRecord, arm: dict[str, Any], method: str) -> np.ndarray:
    """(G,) object scores of the good scans that an arm scored by a method."""
    mine = (line for line in record.scans if line["arm"]["name"] == arm["name"] and not line["anomalous"])
    return np.array([line["object_scores"][method] for line in mine if method in line["object_scores"]], float)


def levels_of(record: RunRecord, arm: dict[str, Any], method: str) -> Levels | None:
    """The levels of a method's point scores, None where the log knows of none: it holds the limits of a calibrated
    model that was given, and they were made for the method that uses all of that model and nothing else."""
    model = record.plan.get("model") or {}
    calibration = Calibration(**model.get("calibration", {}))
    if not calibration.calibrated or method != model["method"] or arm["sha256"] != model["sha256"]:
        return None
    return levels_between(calibration.colour_low, calibration.colour_high)
