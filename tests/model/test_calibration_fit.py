"""Calibration against cases worked by hand."""

import numpy as np
import pytest

from align3d_cli.helpers.stored import stored_score
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.calibration_fit import fit_calibration, platt

POINTS = np.linspace(0, 1, 10_001)


def test_symmetric_scores_cross_one_half_in_the_middle():
    """Good at 0.2 and 0.4, defective at 0.6 and 0.8: the logistic rises and gives 1/2 at 0.5."""
    found = platt(np.array([0.2, 0.4]), np.array([0.6, 0.8]))
    assert found["slope"] > 0
    assert Calibration(**found).score(0.5) == pytest.approx(0.5, abs=0.01)


def test_scores_without_information_give_one_half():
    """The same scores in both classes: slope 0, probability 1/2."""
    same = np.array([0.1, 0.5, 0.9])
    found = platt(same, same)
    assert Calibration(**found).score(same) == pytest.approx(np.full(3, 0.5), abs=0.01)


def test_the_threshold_keeps_the_stated_false_alarm_rate():
    """Of 101 different good scores the fifth highest is the threshold at a rate of 5 %, since 5 / 102 of further ones
    lie above it; the rate that came out among these is recorded."""
    good = np.linspace(0, 1, 101)
    found, limit = fit_calibration(good, np.array([]), POINTS, 0.05, Calibration())
    assert np.sum(found.score(good) > found.threshold) == limit.alarms == 4
    assert found.false_alarm_rate == pytest.approx(4 / 101) and limit.expected == pytest.approx(5 / 102)


def test_a_part_that_scores_as_the_limit_is_at_it_as_results_store_it():
    """Scores are stored with six digits; rounded up, the highest good part itself would be an alarm."""
    good = np.random.default_rng(0).random(40)
    found, limit = fit_calibration(good, np.array([]), POINTS, 0.025, Calibration())
    assert limit.value == good.max()
    assert stored_score(found.score(good.max())) <= found.threshold < found.score(good.max()) + 1e-6


def test_five_good_scans_are_enough_to_begin_with():
    """The threshold lies above them all, and can be reached though raw scores end at 1."""
    good = np.array([0.2, 0.8, 0.5, 0.7, 0.3])
    found, limit = fit_calibration(good, np.array([]), POINTS, 0.05, Calibration())
    assert found.score(0.8) < found.threshold < found.score(1.0) and limit.rank == 0
    assert found.false_alarm_rate == 0.0


def test_colours_begin_above_nearly_all_points_of_good_scans():
    """With good points spread evenly over [0, 1] the scale runs from 0.98 to 0.9995."""
    found, _ = fit_calibration(np.array([0.1, 0.2]), np.array([0.9]), POINTS, 0.05, Calibration())
    assert (found.colour_low, found.colour_high) == pytest.approx((0.98, 0.9995))


def test_good_scans_are_needed():
    """Nothing is calibrated on defective scans alone."""
    with pytest.raises(ValueError, match="good scans"):
        fit_calibration(np.array([]), np.array([0.5]), POINTS, 0.05, Calibration())
