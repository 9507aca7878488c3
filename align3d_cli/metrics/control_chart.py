"""Control charts of single values in their order: limits, rules of runs, and a moving average.

Montgomery, "Introduction to Statistical Quality Control", sections 6.4 (individuals and moving ranges) and 9.2 (EWMA);
NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2 and 6.3.2.4; Nelson, "The Shewhart control chart: tests for
special causes", Journal of Quality Technology 16 (1984), for the rules and their numbers.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from align3d_cli.helpers.stored import SCORE_STEP

D2, D4 = 1.128, 3.267  # of moving ranges of two values: their mean in sigmas, and their upper limit in means
SAME_SIDE, RISING = 9, 6  # values of rules 2 and 3
WEIGHT = 0.2  # of the newest value in the moving average: shifts of about one sigma are found soonest
WIDTH = 3.0  # sigmas of the average to its limits, as of the chart itself


@dataclass(frozen=True, slots=True)
class Limits:
    """What values are in control. mean: of them; mean_range: of their moving ranges, above 0"""

    mean: float
    mean_range: float

    @property
    def sigma(self) -> float:
        """The spread of neighbouring values: that of all of them would be widened by a drift among them."""
        return self.mean_range / D2

    @property
    def low(self) -> float:
        """mean - 2.66 mean moving ranges, which is three sigmas"""
        return self.mean - 3 * self.sigma

    @property
    def high(self) -> float:
        """mean + 2.66 mean moving ranges"""
        return self.mean + 3 * self.sigma

    @property
    def highest_range(self) -> float:
        """The upper limit of a moving range"""
        return D4 * self.mean_range


@dataclass(frozen=True, slots=True)
class Signal:
    """row: of the value at which a rule holds; rule: its number of Nelson's, 1, 2, 3 or 5; high: on the upper side"""

    row: int
    rule: int
    high: bool


def moving_ranges(values: np.ndarray) -> np.ndarray:
    """(K - 1,) how far each value lies from the one before. values: (K,) in their order"""
    return np.abs(np.diff(values))


def limits_of(values: np.ndarray) -> Limits:
    """The limits that values (K,) in control set, K >= 2. Raises ValueError where they are all the same."""
    found = Limits(float(np.mean(values)), float(moving_ranges(values).mean()))
    if not found.mean_range > 0:
        raise ValueError("values that do not vary set no limits")
    return found


def signals_of(values: np.ndarray, limits: Limits) -> list[Signal]:
    """Where rules 1, 2, 3 and 5 hold among values (K,) in their order, by row and then by rule.

    1: beyond three sigmas; 2: nine in a row on one side of the mean; 3: six in a row rising or falling; 5: two of three
    in a row beyond two sigmas on one side, the last of them too. Where a run goes on, each further value is a signal.
    """
    scaled = (np.asarray(values, float) - limits.mean) / limits.sigma
    found = []
    for row in range(len(scaled)):
        for high in (True, False):
            so_far = scaled[: row + 1] if high else -scaled[: row + 1]
            found += [Signal(row, rule, high) for rule, holds in RULES.items() if holds(so_far)]
    return sorted(found, key=lambda signal: (signal.row, signal.rule))


def _beyond_three(scaled: np.ndarray) -> bool:
    return bool(scaled[-1] > 3)


def _same_side(scaled: np.ndarray) -> bool:
    return len(scaled) >= SAME_SIDE and bool((scaled[-SAME_SIDE:] > 0).all())


def _rising(scaled: np.ndarray) -> bool:
    return len(scaled) >= RISING and bool((np.diff(scaled[-RISING:]) > 0).all())


def _two_of_three(scaled: np.ndarray) -> bool:
    return bool(scaled[-1] > 2 and (scaled[-3:] > 2).sum() >= 2)


RULES: dict[int, Callable[[np.ndarray], bool]] = {1: _beyond_three, 2: _same_side, 3: _rising, 5: _two_of_three}


@dataclass(frozen=True, slots=True)
class Average:
    """An exponentially weighted moving average. values, low, high: (K,), the average and its limits at each value"""

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def beyond(self) -> np.ndarray:
        """(K,) bool, where it lies outside its limits"""
        return (self.values < self.low) | (self.values > self.high)


def average_of(values: np.ndarray, limits: Limits, weight: float = WEIGHT, width: float = WIDTH) -> Average:
    """z_i = weight x_i + (1 - weight) z_(i-1), from z_0 = mean, with the limits of its own spread at i.

    values: (K,) in their order; weight: in (0, 1]; width: of the limits, in sigmas of the average
    """
    averages, before = np.empty(len(values)), limits.mean
    for row, value in enumerate(values):
        before = averages[row] = weight * value + (1 - weight) * before
    grown = 1 - (1 - weight) ** (2 * np.arange(1, len(values) + 1))
    half = width * limits.sigma * np.sqrt(weight / (2 - weight) * grown)
    return Average(averages, limits.mean - half, limits.mean + half)


def clipped(values: np.ndarray, limits: Limits) -> np.ndarray:
    """Values (K,) drawn to the chart's limits where they lie beyond: one far-off value then moves an average by no more
    than one at the limit would, so that a defective part is none of many."""
    return np.clip(values, limits.low, limits.high)


def of_scores(scores: np.ndarray) -> np.ndarray:
    """Scores in [0, 1], as they are stored, on the scale that charts are drawn on: their logits.

    Scores of good parts crowd at 0 with a long tail; logits of them spread about evenly on both sides, and no limit of
    theirs lies outside [0, 1]. A stored 0 or 1 stands for half a step at most and at least.
    """
    kept = np.clip(np.asarray(scores, float), SCORE_STEP / 2, 1 - SCORE_STEP / 2)
    return np.log(kept / (1 - kept))


def as_score(value: float) -> float:
    """A value on that scale as the score it stands for."""
    return 1 / (1 + math.exp(-value))
