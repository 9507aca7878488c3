"""The limits of a model; apart from the bundle, so that a table is drawn without loading torch."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from align3d_cli.helpers.settings import NotNegative, SettingsError, Share, check_settings


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fixed limits, measured once on held-out scans, never on the part at hand; the defaults are those of no scan.

    Raises SettingsError for numbers that cannot be such limits.
    """

    slope: Annotated[NotNegative, "object score = sigmoid(slope * raw + offset), in [0, 1]"] = 1.0
    offset: Annotated[float, "see slope"] = 0.0
    threshold: Annotated[Share | None, "object score above which a part is called defective; None: not calibrated"] = (
        None
    )
    false_alarm_rate: Annotated[
        Share | None, "share of good held-out scans above that threshold; None when not measured"
    ] = None
    colour_low: Annotated[float, "point score drawn as the low end of the colour scale"] = 0.0
    colour_high: Annotated[float, "point score drawn as its high end"] = 1.0

    def __post_init__(self) -> None:
        check_settings(self)
        if not self.colour_low < self.colour_high:
            limits = f"colour_low {self.colour_low:g}, colour_high {self.colour_high:g}"
            raise SettingsError(f"{limits}: give limits that rise")

    @property
    def calibrated(self) -> bool:
        """Whether there is a threshold, and with it a verdict on a part."""
        return self.threshold is not None

    def score(self, raw: float | np.ndarray) -> np.ndarray:
        """Raw object scores, any shape -> object scores in [0, 1]."""
        from scipy.special import expit

        return expit(self.slope * np.asarray(raw, float) + self.offset)
