"""Calibration against cases worked by hand."""

import numpy as np
import pytest

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
    """Of 100 different good scores 5 lie above the threshold at a rate of 5 %; the rate that came out is recorded."""
    good = np.linspace(0, 1, 101)
    found = fit_calibration(good, np.array([]), POINTS, 0.05, Calibration())
    assert np.sum(found.score(good) > found.threshold) == 5
    assert found.false_alarm_rate == pytest.approx(5 / 101)


def test_colours_begin_above_nearly_all_points_of_good_scans():
    """With good points spread evenly over [0, 1] the scale runs from 0.98 to 0.9995."""
    found = fit_calibration(np.array([0.1, 0.2]), np.array([0.9]), POINTS, 0.05, Calibration())
    assert (found.colour_low, found.colour_high) == pytest.approx((0.98, 0.9995))


def test_good_scans_are_needed():
    """Nothing is calibrated on defective scans alone."""
    with pytest.raises(ValueError, match="good scans"):
        fit_calibration(np.array([]), np.array([0.5]), POINTS, 0.05, Calibration())
