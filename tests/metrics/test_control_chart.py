"""Control charts against the worked examples of the NIST handbook, and rules against runs made by hand."""

import numpy as np
import pytest

from align3d_cli.metrics.control_chart import (
    Limits,
    Signal,
    as_score,
    average_of,
    clipped,
    limits_of,
    moving_ranges,
    of_scores,
    signals_of,
)

FLOW = np.array([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])  # NIST handbook, 6.3.2.2
EWMA = np.array([52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, *FLOW])  # the same, 6.3.2.4
AVERAGES = [50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33, 50.11, 49.36, 49.52, 50.05, 49.38]
AVERAGES += [49.92, 50.73, 51.23, 51.94, 51.99]
UNIT = Limits(0.0, 1.128)  # sigma 1


def rules(values: list[float]) -> set[tuple[int, int, bool]]:
    """(row, rule, high) of all signals around mean 0 with sigma 1."""
    return {(found.row, found.rule, found.high) for found in signals_of(np.array(values, float), UNIT)}


def test_individuals_and_moving_ranges_of_the_handbook():
    """The ten flow rates: mean 50.81, mean range 1.8778, limits 45.8159 and 55.8041; no signal of rule 1."""
    assert moving_ranges(FLOW) == pytest.approx([2.0, 2.3, 1.4, 3.5, 3.4, 1.4, 0.2, 1.2, 1.5])
    found = limits_of(FLOW)
    assert (found.mean, found.mean_range) == pytest.approx((50.81, 1.8778), abs=5e-5)
    assert (found.low, found.high) == pytest.approx((45.8159, 55.8041), abs=5e-3)
    assert (found.high - found.mean) / found.mean_range == pytest.approx(2.66, abs=5e-4)
    assert found.highest_range == pytest.approx(3.267 * 1.8778, abs=1e-3)
    assert not [signal for signal in signals_of(FLOW, found) if signal.rule == 1]


def test_the_moving_average_of_the_handbook():
    """Mean 50, s = 2.0539, weight 0.3: all twenty averages, and limits of 52.5884 and 47.4115 in the long run."""
    found = average_of(EWMA, Limits(50.0, 2.0539 * 1.128), weight=0.3)
    assert found.values == pytest.approx(AVERAGES, abs=0.0051)
    assert (found.high[-1], found.low[-1]) == pytest.approx((52.5884, 47.4115), abs=2e-3)
    assert not found.beyond.any()


def test_the_first_limits_of_an_average_are_narrower():
    """Montgomery's (9.29) at i = 1 and 2: 3 sigma weight, then times sqrt(1 + 0.8 ** 2)."""
    found = average_of(np.zeros(2), UNIT)
    assert found.high == pytest.approx([0.6, 0.6 * np.sqrt(1.64)])


def test_rule_1_is_a_value_beyond_three_sigmas():
    """At three it is none; both sides are told apart."""
    assert rules([3.0, -3.0]) == set()
    assert rules([0.5, 3.01, -0.5, -3.5]) == {(1, 1, True), (3, 1, False)}


def test_rule_2_is_nine_on_one_side():
    """Eight are none; a value at the mean ends a run; the tenth is a signal again."""
    wave = [0.5, 0.3] * 5
    assert rules(wave[:8]) == set()
    assert rules(wave) == {(8, 2, True), (9, 2, True)}
    assert rules([*wave[:4], 0.0, *wave[:8]]) == set()
    assert rules([-value for value in wave[:9]]) == {(8, 2, False)}


def test_rule_3_is_six_rising_or_falling():
    """Five are none, and two equal values end a run."""
    assert rules([-0.5, -0.3, -0.1, 0.1, 0.3]) == set()
    assert rules([-0.5, -0.3, -0.1, 0.1, 0.3, 0.5]) == {(5, 3, True)}
    assert rules([0.5, 0.3, 0.1, -0.1, -0.3, -0.5]) == {(5, 3, False)}
    assert rules([-0.5, -0.3, -0.3, 0.1, 0.3, 0.5]) == set()


def test_rule_5_is_two_of_three_beyond_two_sigmas_on_one_side():
    """Not on both sides, not with two between; the signal is at the second of them."""
    assert rules([2.1, 0.0, 2.2]) == {(2, 5, True)}
    assert rules([2.1, 2.2, 0.0]) == {(1, 5, True)}
    assert rules([2.1, 0.0, -2.2]) == set()
    assert rules([2.1, 0.0, 0.1, 2.2]) == set()


def test_a_value_may_break_several_rules():
    """In the order of their numbers."""
    found = signals_of(np.array([2.5, 3.5]), UNIT)
    assert found == [Signal(1, 1, True), Signal(1, 5, True)]


def test_one_far_off_value_moves_no_average_out_of_its_limits():
    """Drawn to three sigmas it counts 0.6 sigmas, and the limit is at one; a shift of many by two sigmas is found."""
    lone, moved = np.zeros(30), np.zeros(30)
    lone[10], moved[10:] = 50.0, 2.0
    assert average_of(lone, UNIT).beyond.any() and not average_of(clipped(lone, UNIT), UNIT).beyond.any()
    assert np.flatnonzero(average_of(clipped(moved, UNIT), UNIT).beyond)[0] == 13


def test_scores_are_charted_as_logits():
    """0.5 is 0, 0.9 is ln 9, and back; 0 and 1 are as far as the last digit stored."""
    assert of_scores(np.array([0.5, 0.9])) == pytest.approx([0.0, np.log(9)])
    assert as_score(np.log(9)) == pytest.approx(0.9)
    assert np.isfinite(of_scores(np.array([0.0, 1.0]))).all() and as_score(of_scores(np.array([1.0]))[0]) > 0.999999


def test_values_that_do_not_vary_set_no_limits():
    """Every further value would be a signal."""
    with pytest.raises(ValueError, match="do not vary"):
        limits_of(np.ones(5))
