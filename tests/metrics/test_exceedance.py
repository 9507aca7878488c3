"""The limit of good parts against order statistics and a prediction interval worked by hand."""

import math

import numpy as np
import pytest
from scipy.special import expit, logit

from align3d_cli.metrics.exceedance import limit_at, predicted, share_above

FIVE = expit(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))  # logits with mean 0 and s = sqrt(10 / 4)


def test_nineteen_scores_show_five_in_a_hundred():
    """1 / (19 + 1): the highest of them is the limit, and of eighteen it would be too low."""
    scores = np.linspace(0.1, 0.9, 19)
    found = limit_at(scores, 0.05)
    assert (found.value, found.rank, found.alarms, found.expected) == (0.9, 1, 0, 0.05)
    assert limit_at(scores[1:], 0.05).rank == 0


def test_of_a_hundred_scores_the_fifth_highest_is_the_limit():
    """5 / 101 lies just below 0.05; the order in which scores come is nothing."""
    scores = np.random.default_rng(0).permutation(np.linspace(0.01, 1.0, 100))
    found = limit_at(scores, 0.05)
    assert found.value == pytest.approx(0.96) and (found.rank, found.alarms) == (5, 4)
    assert found.expected == pytest.approx(5 / 101)


def test_the_share_above_the_highest_is_a_power():
    """B(1, n) has the quantiles 1 - (1 - q) ** (1 / n): of five parts 0.5 % to 52.2 %; 59 show 5 % with 95 %."""
    assert share_above(1, 5) == pytest.approx((1 - 0.975**0.2, 1 - 0.025**0.2))
    assert share_above(1, 5) == pytest.approx((0.00505, 0.52182), abs=1e-5)
    assert share_above(1, 59, confidence=0.9)[1] == pytest.approx(0.0495, abs=5e-5)  # the 59 of Wilks


def test_the_share_above_a_limit_is_as_often_in_its_interval_as_stated():
    """Drawn a thousand times from scores that are no normal ones: 95 %, and the mean share is r / (n + 1)."""
    rng = np.random.default_rng(0)
    found = [limit_at(rng.random(30) ** 4, 0.1) for _ in range(1000)]  # P(score > s) = 1 - s ** 0.25
    shares = np.array([1 - one.value**0.25 for one in found])
    assert shares.mean() == pytest.approx(3 / 31, abs=0.005)
    low, high = found[0].interval
    assert np.mean((shares >= low) & (shares <= high)) == pytest.approx(0.95, abs=0.02)


def test_fewer_scores_give_a_prediction_above_them_all():
    """Five with a mean of 0: t(0.95; 4) = 2.1318 times sqrt(2.5) times sqrt(6 / 5) is 3.692 on the scale of logits."""
    found = limit_at(FIVE, 0.05)
    assert logit(found.value) == pytest.approx(2.1318 * math.sqrt(2.5 * 1.2), abs=1e-3)
    assert (found.rank, found.alarms, found.expected) == (0, 0, 0.05)
    assert found.interval == pytest.approx((0.0, 0.52182), abs=1e-5)


def test_a_prediction_is_exceeded_at_its_rate_where_logits_are_normal():
    """A further part lies above it once in twenty, however few the parts are and however they spread."""
    rng = np.random.default_rng(1)
    above = [rng.normal() > logit(predicted(expit(rng.normal(size=6)), 0.05)) for _ in range(4000)]
    assert np.mean(above) == pytest.approx(0.05, abs=0.012)


def test_the_limit_never_lies_below_the_highest_of_few():
    """Nine alike and one far off: a mean and a spread would call that one an alarm."""
    scores = np.array([0.1] * 9 + [0.9])
    assert limit_at(scores, 0.05).value >= 0.9


@pytest.mark.parametrize(
    ("scores", "rate", "value"), [([0.2, 0.4], 0.0, 0.4), ([0.3], 0.05, 0.3), ([0.2, 0.4], 1.0, 0.2)]
)
def test_the_ends(scores, rate, value):
    """Rate 0 and a single part give the highest score, rate 1 the lowest."""
    assert limit_at(np.array(scores), rate).value == value


def test_scores_at_both_ends_of_the_scale_give_a_limit_on_it():
    """0 and 1 have no finite logits."""
    assert 0 < limit_at(np.array([0.0, 0.0, 1.0]), 0.05).value <= 1
