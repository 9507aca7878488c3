"""Draws of objects and their intervals, against known spreads and against pooling the drawn scans one by one."""

import math

import numpy as np
import pytest

from align3d_cli.metrics.bootstrap import DRAWS, drawn_means, draws_of, interval
from align3d_cli.metrics.drawn_precision import BINS, binned, drawn_precision, edges_of
from align3d_cli.metrics.metrics import ranking_average_precision
from align3d_cli.metrics.ranking import Items, Pool, items_of


def test_every_draw_has_as_many_of_each_stratum():
    """Three good and two defective ones in every draw, and the same draws when asked again."""
    strata = [True, False, False, True, False]
    counts = draws_of(strata)
    assert counts.shape == (DRAWS, 5)
    assert set(counts[:, [0, 3]].sum(axis=1)) == {2} and set(counts[:, [1, 2, 4]].sum(axis=1)) == {3}
    np.testing.assert_array_equal(counts, draws_of(strata))


def test_two_objects_by_hand():
    """Of two objects a draw has one twice a quarter of the time each: means of 0, 0.5 and 1, ends at 0 and 1."""
    means = drawn_means(draws_of([None, None]), np.array([0.0, 1.0]))
    shares = [np.mean(means == value) for value in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25], atol=0.06)  # four standard errors of 1000 draws
    assert interval(means) == (0.0, 1.0)


def test_interval_of_a_mean_is_that_of_theory():
    """Of 200 objects: two standard errors on each side of the mean."""
    values = np.random.default_rng(1).normal(5, 2, 200)
    low, high = interval(drawn_means(draws_of([None] * 200), values))
    error = 1.96 * values.std() / math.sqrt(200)
    assert (low, high) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.1 * error)


def test_unknown_values_are_left_out_of_a_draw():
    """A draw of unknown values alone is unknown, and an interval of such draws alone too."""
    means = drawn_means(draws_of([None] * 2), np.array([math.nan, 3.0]))
    assert set(means[~np.isnan(means)]) == {3.0} and 0 < np.isnan(means).mean() < 0.5
    assert all(map(math.isnan, interval(np.full(DRAWS, math.nan))))


def scan(rng, n: int, defective: bool, digits: int) -> Items:
    """Some 3 % of a defective scan score higher, by an amount of the scan's own."""
    defect = (rng.random(n) < 0.03) & defective
    scores = rng.random(n) + rng.uniform(0.1, 0.9) * defect
    return items_of(defect, scores.round(digits).astype(np.float32), defect.astype(int))


def pooled_precision(scans: list[Items], counts: np.ndarray) -> float:
    """Average precision of a draw, its points pooled anew."""
    pool = Pool()
    for items, times in zip(scans, counts.astype(int), strict=True):
        for _ in range(times):
            pool.add(items)
    return ranking_average_precision(pool.ranking())


@pytest.mark.parametrize(("digits", "tolerance"), [(2, 1e-6), (7, 5e-3)])
def test_precision_of_draws_is_that_of_their_pooled_points(digits, tolerance):
    """Exactly where scores are few, within 0.005 where they are binned."""
    rng = np.random.default_rng(3)
    scans = [scan(rng, 4000, at % 2 == 1, digits) for at in range(8)]
    pool = Pool()
    for items in scans:
        pool.add(items)
    ranking = pool.ranking()
    assert (len(ranking.score) > 2 * BINS) == (digits == 7)
    edges, counts = edges_of(ranking), draws_of([at % 2 for at in range(8)])
    drawn = drawn_precision([binned(items, edges) for items in scans], counts)
    exact = [pooled_precision(scans, counts[at]) for at in range(40)]
    np.testing.assert_allclose(drawn[:40], exact, atol=tolerance)


def test_a_scan_without_points_and_one_class_count_for_nothing():
    """Scans without labelled points add none; draws without defective points are unknown, as are those of nothing."""
    rng = np.random.default_rng(4)
    good, empty = scan(rng, 100, False, 2), None
    edges = np.unique(good.normal)
    assert np.isnan(drawn_precision([binned(good, edges), binned(empty, edges)], draws_of([0, 0]))).all()
    assert np.isnan(drawn_precision([binned(empty, np.empty(0))], draws_of([0]))).all()


def test_points_that_were_missed_rank_last():
    """A defective point of score -inf is below every normal one."""
    items = items_of(np.array([True, True, False]), np.array([1.0, -np.inf, 0.5]), np.array([1, 1, 0]))
    pool = Pool()
    pool.add(items)
    drawn = drawn_precision([binned(items, edges_of(pool.ranking()))], draws_of([0]))
    np.testing.assert_allclose(drawn, (1 + 2 / 3) / 2, rtol=1e-6)
