"""Limits from few good parts: intervals worked by hand and from tables."""

import numpy as np
import pytest
from scipy.stats import binom

from align3d_cli.reference import limits
from align3d_cli.reference.limits import interval, limit_of, robust_limit_of

T_95 = {3: 2.3534, 5: 2.0150}  # quantiles of Student's t from a table, by degrees of freedom


@pytest.fixture(autouse=True)
def prior(monkeypatch):
    """Round numbers, so that what follows can be checked on paper."""
    monkeypatch.setattr(limits, "PRIOR_SPREAD", 0.5)
    monkeypatch.setattr(limits, "PRIOR_PARTS", 3)


def test_one_part_stands_with_the_usual_spread():
    """Its own logit, and t of three degrees of freedom times 0.5 sqrt(2) above it."""
    found = limit_of(np.array([1.0]), 0.05)
    assert found.value == pytest.approx(1 + T_95[3] * 0.5 * np.sqrt(2), abs=1e-3)
    assert (found.spread, found.alarms, found.n) == (0.5, 0, 1)


def test_three_parts_worked_by_hand():
    """Squares 2 + 3 * 0.25 over 2 + 3 degrees of freedom; t times that spread times sqrt(4 / 3) above the mean."""
    found = limit_of(np.array([0.0, 1, 2]), 0.05)
    assert found.spread == pytest.approx(np.sqrt(2.75 / 5))
    assert found.value == pytest.approx(1 + T_95[5] * np.sqrt(2.75 / 5) * np.sqrt(4 / 3), abs=1e-3)


def test_more_parts_and_more_alarms_lower_the_limit():
    """The same spread from more parts is surer; a larger rate asks for less."""
    few, many = np.tile([0.0, 1.0], 2), np.tile([0.0, 1.0], 20)
    assert limit_of(many, 0.05).value < limit_of(few, 0.05).value
    assert limit_of(few, 0.2).value < limit_of(few, 0.05).value


def test_a_minority_of_defective_parts_hardly_moves_the_robust_limit():
    """Four of twelve far above: they stay above, and the limit is that of the good ones but for a little."""
    good = np.random.default_rng(0).normal(0, 0.5, 8)
    mixed = np.concatenate([good, [5.0, 6, 7, 8]])
    found = robust_limit_of(mixed, 0.05)
    assert abs(found.value - limit_of(good, 0.05).value) < 1.0 < limit_of(mixed, 0.05).value - found.value
    assert (found.alarms, found.n) == (4, 12)


@pytest.mark.parametrize(
    ("alarms", "n", "low", "high"),
    [(0, 10, 0, 0.3085), (1, 10, 0.0025, 0.4450), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1), (0, 1, 0, 0.975)],
)
def test_clopper_and_pearson_as_tables_have_it(alarms, n, low, high):
    """95 % intervals of published tables."""
    assert interval(alarms, n) == pytest.approx((low, high), abs=1e-4)


def test_the_interval_by_its_definition():
    """At its ends, as many alarms or more, and as few or fewer, have a chance of 5 % each at 90 % confidence."""
    low, high = interval(3, 20, 0.9)
    assert binom.sf(2, 20, low) == pytest.approx(0.05) and binom.cdf(3, 20, high) == pytest.approx(0.05)
