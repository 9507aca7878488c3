"""How far a figure moves when other objects are met: the percentile bootstrap.

Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7 (1979); Efron and Tibshirani, "An
Introduction to the Bootstrap" (1993), section 13.3. Objects are drawn, never points: points of one part are no
independent witnesses.
"""

from collections.abc import Sequence

import numpy as np

DRAWS = 1000  # usual for percentiles of 2.5 %: 25 draws lie beyond each end
SEED = 0  # the same table gives the same intervals
CONFIDENCE = 0.95


def draws_of(strata: Sequence[object]) -> np.ndarray:
    """How often each object is in each draw: (DRAWS, N) float32, the same whenever it is asked for.

    strata: of the N objects, drawn among themselves: as many good ones are in every draw as there are, and as many
            defective ones, so that no draw lacks a class
    """
    rng, counts = np.random.default_rng(SEED), np.zeros((DRAWS, len(strata)), np.float32)
    for stratum in dict.fromkeys(strata):
        mine = [at for at, other in enumerate(strata) if other == stratum]
        counts[:, mine] = rng.multinomial(len(mine), np.full(len(mine), 1 / len(mine)), DRAWS)
    return counts


def drawn_means(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(DRAWS,) mean of what is defined among the values (N,) in each draw; nan where nothing is.

    counts: (DRAWS, N), of `draws_of`
    """
    known = ~np.isnan(values)
    total = counts[:, known].sum(axis=1, dtype=float)
    nothing = np.full(len(counts), np.nan)
    return np.divide(counts[:, known] @ values[known], total, out=nothing, where=total > 0)


def interval(draws: np.ndarray) -> tuple[float, float]:
    """The middle CONFIDENCE of a figure's draws (DRAWS,), those that are nan left out; nan, nan where all are."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return float("nan"), float("nan")
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(known, [tail, 100 - tail])
    return float(low), float(high)
