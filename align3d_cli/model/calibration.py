"""The limits of a model; apart from the bundle, so that a table is drawn without loading torch."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fixed limits, measured once on held-out scans, never on the part at hand.

    slope, offset:            object score = sigmoid(slope * raw + offset), in [0, 1]
    threshold:                object score above which a part is called defective
    false_alarm_rate:         share of good held-out scans above that threshold; None when not measured
    colour_low, colour_high:  point scores drawn as the ends of the colour scale
    """

    slope: float = 1.0
    offset: float = 0.0
    threshold: float = 0.5
    false_alarm_rate: float | None = None
    colour_low: float = 0.0
    colour_high: float = 1.0

    def score(self, raw: float | np.ndarray) -> np.ndarray:
        """Raw object scores, any shape -> object scores in [0, 1]."""
        from scipy.special import expit

        return expit(self.slope * np.asarray(raw, float) + self.offset)
