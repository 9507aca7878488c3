"""The limit that good parts alone set, however few they are."""

import math
from dataclasses import dataclass

import numpy as np

PRIOR_SPREAD = 0.6  # of object logits among good parts of one kind, as it is over many kinds
LONE_SPREAD = 0.83  # of a lone part's limit: that spread, and 0.57 by which its distance from a half of itself is off
PRIOR_PARTS = 3  # as many parts' worth that counts


@dataclass(frozen=True, slots=True)
class Limit:
    """value: object logit above which a part is defective; spread: of good parts' logits; alarms: of the good parts
    above it, of n"""

    value: float
    spread: float
    alarms: int
    n: int


def limit_of(raw: np.ndarray, false_alarm_rate: float, prior_spread: float | None = None) -> Limit:
    """The logit that a further good part exceeds with this probability, from those of good parts (G,), G >= 1.

    The upper end of a prediction interval: mean + t * spread * sqrt(1 + 1 / G), with the spread of these parts and, as
    if it were of PRIOR_PARTS more, the one that is usual (`prior_spread`). Few parts give a cautious limit.
    """
    from scipy.stats import t

    n, prior = len(raw), PRIOR_SPREAD if prior_spread is None else prior_spread
    squares = float(((raw - raw.mean()) ** 2).sum()) + PRIOR_PARTS * prior**2
    freedom = n - 1 + PRIOR_PARTS
    spread = math.sqrt(squares / freedom)
    value = float(raw.mean() + t.ppf(1 - false_alarm_rate, freedom) * spread * math.sqrt(1 + 1 / n))
    return Limit(value, spread, int((raw > value).sum()), n)


def standing_out(raw: np.ndarray, false_alarm_rate: float) -> list[int]:
    """Rows of good parts (G,) that exceed the limit which the others set; of fewer than three, none can be told."""
    if len(raw) < 3:
        return []
    return [row for row in range(len(raw)) if raw[row] > limit_of(np.delete(raw, row), false_alarm_rate).value]


def robust_limit_of(raw: np.ndarray, false_alarm_rate: float) -> Limit:
    """`limit_of` where some of the parts (G,) may be defective: the logits of the lower half stand for the good ones.

    The lower half of a normal spread is mirrored at the median, which a minority of defective parts hardly moves.
    """
    middle = float(np.median(raw))
    low = raw[raw <= middle]
    found = limit_of(np.concatenate([low, 2 * middle - low]), false_alarm_rate)
    return Limit(found.value, found.spread, int((raw > found.value).sum()), len(raw))


def interval(alarms: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The range in which the false-alarm rate lies when `alarms` of n good parts gave one (Clopper, Pearson 1934)."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = 0.0 if alarms == 0 else float(beta.ppf(tail, alarms, n - alarms + 1))
    high = 1.0 if alarms == n else float(beta.ppf(1 - tail, alarms + 1, n - alarms))
    return low, high
