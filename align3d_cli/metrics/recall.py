"""Recall of defective objects at a rate of false alarms: the true positive rate of a ROC curve at that rate.

Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006), section 4. The curve is read as a
threshold gives it, without a line between its points: a user has one threshold, no mixture of two.
"""

import math

import numpy as np

FALSE_ALARM_RATE = 0.1  # one false alarm in ten good parts


def threshold_at(good: np.ndarray, rate: float = FALSE_ALARM_RATE) -> float:
    """The lowest threshold that at most a share `rate` of good scores (G,) exceeds; nan without any.

    A score is called defective above it, not at it. With fewer than 1 / rate good scores none exceeds it.
    """
    if not len(good):
        return float("nan")
    allowed = math.floor(rate * len(good) + 1e-9)  # 0.1 * 30 is 3.0000000000000004 or, elsewhere, below 3
    return float(np.sort(good)[::-1][min(allowed, len(good) - 1)])


def called(scores: np.ndarray | float, threshold: float) -> np.ndarray:
    """As the scores (D,) float, 1 for every score above a threshold, else 0; nan where there is no threshold.

    The mean over defective objects is their recall.
    """
    said = np.asarray(scores, float) > threshold
    return np.where(np.isnan(threshold), np.nan, said)
