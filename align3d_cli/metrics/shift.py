"""Whether a quantity of today's parts has moved from that of earlier ones, told honestly of few parts.

The test of Mann and Whitney ("On a test of whether one of two random variables is stochastically larger than the
other", Annals of Mathematical Statistics 18, 1947), exact where parts are few. Equal values count against a shift, and
the most extreme of today's parts on the side in question are set aside first: parts of another kind among them, up to
that many, cannot make a shift. Both make the stated p too large, never too small.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

EXACT = 10_000  # pairs: beyond them the normal approximation is off by a few per cent of p, and counting takes seconds

Side = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Shift:
    """side: where today's values lie; p: at most the chance of so much by chance; then, now: medians of all values"""

    side: Side
    p: float
    then: float
    now: float


def shift_of(then: np.ndarray, now: np.ndarray, aside: int = 0) -> Shift:
    """The side on which today's values (M,) are the more unlike those of then (N,), and the one-sided p of it.

    aside: how many of today's highest are set aside before they are called higher, of the lowest before lower; < M
    Asking for two sides doubles the chance of a false alarm: compare p with half of what is allowed.
    """
    ordered = np.sort(now)
    higher = p_higher(then, ordered[: len(now) - aside])
    lower = p_higher(-then, -ordered[aside:])
    side: Side = "higher" if higher <= lower else "lower"
    return Shift(side, min(higher, lower), float(np.median(then)), float(np.median(now)))


def p_higher(then: np.ndarray, now: np.ndarray) -> float:
    """The chance, were all values of one distribution, of as many pairs (now > then) as these (N,) and (M,) have."""
    from scipy.stats import mannwhitneyu, rankdata

    both = np.concatenate([now, then])
    rank = rankdata(both, method="ordinal")  # of equal values those of now come first: they are called the lower ones
    how = "exact" if len(then) * len(now) <= EXACT else "asymptotic"
    return float(mannwhitneyu(rank[: len(now)], rank[len(now) :], alternative="greater", method=how).pvalue)


def least_p(n_then: int, n_now: int) -> float:
    """The smallest p that so many values can have: all of now above all of then."""
    return 1 / math.comb(n_then + n_now, n_now)
