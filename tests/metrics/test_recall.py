"""Recall at a rate of false alarms, against cases worked by hand and against every threshold there is."""

import math

import numpy as np
import pytest

from align3d_cli.metrics.recall import FALSE_ALARM_RATE, called, threshold_at


def recall_by_definition(good, defective, rate):
    """The best recall of all thresholds with few enough false alarms."""
    every = np.append(np.concatenate([good, defective]), -np.inf)
    return max((defective > t).mean() for t in every if (good > t).mean() <= rate + 1e-9)


def test_one_in_ten_by_hand():
    """Of ten good scans one may be above; of nine none."""
    assert threshold_at(np.arange(10.0)) == 8.0
    assert threshold_at(np.arange(9.0)) == 8.0
    assert called(np.array([8.0, 8.5, 9.0]), 8.0).tolist() == [0.0, 1.0, 1.0]


def test_good_scans_that_tie_are_called_together_or_not_at_all():
    """Two good scans with the highest score are two false alarms: neither is allowed."""
    assert threshold_at(np.array([5.0, 5.0, *range(-7, 1)])) == 5.0


@pytest.mark.parametrize("n", [1, 5, 10, 29, 30, 70])
def test_recall_is_the_best_that_any_threshold_gives(n):
    """Scores with ties; rates whose product with n is whole."""
    rng = np.random.default_rng(n)
    good, defective = rng.integers(0, 12, n).astype(float), rng.integers(4, 16, 40).astype(float)
    for rate in (0.0, FALSE_ALARM_RATE, 0.3, 1.0):
        threshold = threshold_at(good, rate)
        assert (good > threshold).mean() <= rate
        if rate < 1:  # where all may be called, the lowest good scan still is the threshold
            assert called(defective, threshold).mean() == recall_by_definition(good, defective, rate)


def test_without_good_scans_nothing_is_known():
    """No good scan, no threshold: unknown is no recall of 0."""
    assert math.isnan(threshold_at(np.empty(0)))
    assert np.isnan(called(np.array([1.0, 2.0]), math.nan)).all()
