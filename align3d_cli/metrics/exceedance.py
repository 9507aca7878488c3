"""The limit that further good parts exceed at a stated rate, from the scores of some, and how surely.

Above the r-th highest of n scores lies a share of all further ones that has the beta distribution B(r, n - r + 1),
whatever the scores' own distribution is: r / (n + 1) on average (Wilks, "Determination of sample sizes for setting
tolerance limits", Annals of Mathematical Statistics 12, 1941; David and Nagaraja, "Order Statistics", section 2.5).
"""

import math
from dataclasses import dataclass

import numpy as np

from align3d_cli.helpers.stored import SCORE_STEP

CONFIDENCE = 0.95  # of intervals
LEAST = SCORE_STEP  # scores nearer to 0 or 1 than they are stored have no finite logit


@dataclass(frozen=True, slots=True)
class ScoreLimit:
    """A limit for scores.

    value:    a score is an alarm above it, not at it
    rank:     it is the rank-th highest of the n scores it was made from; 0: it lies above them all
    expected: share of further good parts above it, on average
    interval: in which that share lies with CONFIDENCE, whatever the scores' distribution is
    """

    value: float
    rank: int
    n: int
    expected: float
    interval: tuple[float, float]

    @property
    def alarms(self) -> int:
        """How many of the n scores lie above it, where no two are equal."""
        return max(self.rank - 1, 0)


def limit_at(scores: np.ndarray, rate: float) -> ScoreLimit:
    """The limit that a share `rate` of further good parts exceeds, from scores in [0, 1] of good ones (G,), G >= 1.

    Where G scores can show the rate, G >= 1 / rate - 1, it is one of them. Fewer give the upper end of a prediction
    interval, mean + t * s * sqrt(1 + 1 / G) (Hahn and Meeker, "Statistical Intervals", section 4.7) of their logits,
    as if these were normal, and never less than the highest; the interval is then that of the highest. At rate 0, and
    of a single score, it is the highest.
    """
    n, falling = len(scores), np.sort(scores)[::-1]
    rank = min(math.floor(rate * (n + 1) + 1e-9), n)  # 0.05 * 20 is 1.0000000000000002 or, elsewhere, below 1
    if rank:
        return ScoreLimit(float(falling[rank - 1]), rank, n, rank / (n + 1), share_above(rank, n))
    highest = float(falling[0])
    if rate == 0 or n == 1:
        return ScoreLimit(highest, 1, n, 1 / (n + 1), share_above(1, n))
    return ScoreLimit(max(highest, predicted(scores, rate)), 0, n, rate, (0.0, share_above(1, n)[1]))


def predicted(scores: np.ndarray, rate: float) -> float:
    """The score that a further one exceeds with the probability `rate` where logits are normal. scores: (G,), G >= 2"""
    from scipy.special import expit, logit
    from scipy.stats import t

    logits = logit(np.clip(scores, LEAST, 1 - LEAST))
    n, spread = len(logits), float(np.std(logits, ddof=1))
    return float(expit(logits.mean() + t.ppf(1 - rate, n - 1) * spread * math.sqrt(1 + 1 / n)))


def share_above(rank: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Between which limits the share of all further scores above the rank-th highest of n lies; 1 <= rank <= n."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low, high = beta.ppf([tail, 1 - tail], rank, n - rank + 1)
    return float(low), float(high)
