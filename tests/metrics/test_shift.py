"""The test of a shift against counting all arrangements, and with parts of another kind among today's."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from align3d_cli.metrics.shift import least_p, p_higher, shift_of


def p_by_counting(then: np.ndarray, now: np.ndarray) -> float:
    """The share of all arrangements of distinct values in which as many pairs have now > then."""
    both = np.concatenate([now, then])

    def pairs(rows) -> int:
        of_now, rest = both[list(rows)], np.delete(both, list(rows))
        return int((of_now[:, None] > rest[None, :]).sum())

    told = [pairs(rows) for rows in combinations(range(len(both)), len(now))]
    return float(np.mean(np.array(told) >= pairs(range(len(now)))))


def test_it_is_what_counting_all_arrangements_gives():
    """Distinct values, several overlaps: exact to rounding."""
    rng = np.random.default_rng(0)
    for shift in (-1.0, 0.0, 0.7, 3.0):
        then, now = rng.normal(size=5), rng.normal(shift, 1, 4)
        assert p_higher(then, now) == pytest.approx(p_by_counting(then, now))


def test_a_table_of_the_textbook():
    """Mann and Whitney's own table: of five and five, 7 of 252 arrangements have U <= 3, and 4 have U <= 2."""
    then = np.array([1.0, 2, 3, 4, 8])
    assert p_higher(then, np.array([5.0, 6, 7, 9, 10])) == pytest.approx(7 / 252)
    assert p_higher(then, np.array([5.5, 6, 9, 10, 11])) == pytest.approx(4 / 252)
    assert p_higher(np.arange(5.0), np.arange(5.0) + 5) == pytest.approx(1 / 252) == pytest.approx(least_p(5, 5))


def test_equal_values_are_no_shift():
    """The same parts again, and a quantity that never varies, such as the pixels of an organised scan."""
    same = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    assert shift_of(same, same).p > 0.3
    assert shift_of(np.full(20, 7.0), np.full(20, 7.0)).p > 0.99


def test_both_sides_and_medians_are_told():
    """Twelve of then around 1; today's around 3, and around -3."""
    rng = np.random.default_rng(1)
    then, now = rng.normal(1, 0.1, 12), rng.normal(3, 0.1, 10)
    up, down = shift_of(then, now, aside=2), shift_of(then, -now, aside=2)
    assert (up.side, down.side) == ("higher", "lower") and up.p == pytest.approx(down.p) == pytest.approx(
        least_p(12, 8)
    )
    assert (up.then, up.now) == (np.median(then), np.median(now))


def test_defective_parts_among_todays_are_no_shift():
    """A fifth of the parts far above: without setting them aside the test tells once more often than it may."""
    rng = np.random.default_rng(2)
    told, plain = [], []
    for _ in range(200):
        then, now = rng.normal(size=20), rng.normal(size=30)
        now[:6] += 10
        told.append(shift_of(then, now, aside=6).p <= 0.05)
        plain.append(shift_of(then, now).p <= 0.05)
    assert np.mean(told) <= 0.06 < 0.15 < np.mean(plain)


def test_false_alarms_are_as_rare_as_stated():
    """Both sides at 0.025 each, five parts against eight of one kind: 5 % or fewer."""
    rng = np.random.default_rng(3)
    found = [shift_of(rng.normal(size=5), rng.normal(size=8)).p <= 0.025 for _ in range(800)]
    assert 0.02 < np.mean(found) <= 0.06


@pytest.mark.parametrize("shift", [-0.2, 0.0, 0.1])
def test_many_parts_take_an_approximation_of_the_same_number(shift):
    """One part more than is counted exactly: within a twentieth of what counting gives for p above 0.001."""
    rng = np.random.default_rng(4)
    then, now = rng.normal(size=101), rng.normal(shift, 1, size=100)
    exact = mannwhitneyu(now, then, alternative="greater", method="exact").pvalue
    assert exact > 0.001 and p_higher(then, now) == pytest.approx(exact, rel=0.05)
