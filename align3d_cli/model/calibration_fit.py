"""Fixed limits of a model from scans whose state is known: a probability-like score, a threshold, colour limits."""

import math
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from align3d_cli.helpers.stored import SCORE_DIGITS
from align3d_cli.metrics.exceedance import ScoreLimit, limit_at
from align3d_cli.model.calibration import Calibration

STEEPEST = 50.0  # slope of the logistic where a few scans are perfectly separable and the fit would run away
GOOD_QUANTILE = 0.98  # of the points of good scans below the start of the colour scale: good parts look good
HIGH_QUANTILE = 0.9995  # of the points of good scans below its end


def fit_calibration(
    good: np.ndarray, defective: np.ndarray, good_points: np.ndarray, false_alarm_rate: float, before: Calibration
) -> tuple[Calibration, ScoreLimit]:
    """Calibration from raw object scores of good (G,) and defective (D,) scans and point scores (P,) of good ones, and
    the raw limit behind its threshold: how many further good parts lie above, and how surely.

    Without defective scans slope and offset stay as they are; raises ValueError without good ones.
    """
    if not len(good):
        raise ValueError("calibration needs good scans")
    found = replace(before, **platt(good, defective)) if len(defective) else before
    limit = limit_at(good, false_alarm_rate)
    threshold = as_stored(float(found.score(limit.value)))
    low, high = np.quantile(good_points, [GOOD_QUANTILE, HIGH_QUANTILE])
    made = replace(
        found,
        threshold=threshold,
        false_alarm_rate=float(np.mean(found.score(good) > threshold)),
        colour_low=float(low),
        colour_high=float(max(high, low + 1e-3)),
    )
    return made, limit


def as_stored(threshold: float) -> float:
    """The next score with the digits of results: a part that scores as the limit does is then at it, not above."""
    return math.ceil(threshold * 10**SCORE_DIGITS) / 10**SCORE_DIGITS


def platt(good: np.ndarray, defective: np.ndarray) -> dict[str, float]:
    """slope and offset of the logistic through raw scores (Platt 1999, with his smoothed targets)."""
    raw = np.concatenate([good, defective]).astype(float)
    high, low = (len(defective) + 1) / (len(defective) + 2), 1 / (len(good) + 2)
    target = np.concatenate([np.full(len(good), low), np.full(len(defective), high)])
    weight = np.concatenate([np.full(len(good), 0.5 / len(good)), np.full(len(defective), 0.5 / len(defective))])

    def loss(parameters: np.ndarray) -> float:
        logit = parameters[0] * raw + parameters[1]
        return float((weight * (np.logaddexp(0, logit) - target * logit)).sum())

    slope, offset = minimize(loss, [1.0, 0.0], method="L-BFGS-B", bounds=[(0, STEEPEST), (None, None)]).x
    return {"slope": float(slope), "offset": float(offset)}
