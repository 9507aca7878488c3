"""Metrics against scikit-learn, against their definitions and against tiny cases worked by hand."""

import math
import time

import numpy as np
import pytest
from sklearn import metrics as reference

from align3d_cli.metrics.metrics import (
    auroc,
    ranking_auroc,
    ranking_average_precision,
    ranking_f1_max,
    roc_curve,
    thinned,
)
from align3d_cli.metrics.ranking import Pool, items_of, rank


def average_precision(defect, score):
    return ranking_average_precision(rank(defect, score))


def f1_max(defect, score):
    return ranking_f1_max(rank(defect, score))


def auroc_by_definition(defect, score):
    pos, neg = score[defect][:, None], score[~defect][None, :]
    return ((pos > neg) + 0.5 * (pos == neg)).mean()


def f1_by_definition(defect, score):
    best = 0.0
    for threshold in score:
        said = score >= threshold
        best = max(best, 2 * (said & defect).sum() / (said.sum() + defect.sum()))
    return best


def f1_by_sklearn(defect, score):
    precision, recall, _ = reference.precision_recall_curve(defect, score)
    return np.max(2 * precision * recall / np.maximum(precision + recall, 1e-300))


def random_case(seed, n=400, levels=None, dtype=np.float64):
    rng = np.random.default_rng(seed)
    defect = rng.random(n) < rng.uniform(0.02, 0.6)
    defect[:2] = True, False
    score = rng.normal(size=n) + 0.7 * defect
    return defect, (np.round(score * levels) / levels if levels else score).astype(dtype)


CASES = [
    pytest.param(random_case(seed, levels=levels, dtype=dtype), id=f"seed{seed}-levels{levels}-{np.dtype(dtype)}")
    for seed in range(6)
    for levels, dtype in [(None, np.float64), (None, np.float32), (5, np.float64), (1, np.float32)]
]


@pytest.mark.parametrize("case", CASES)
def test_equal_to_scikit_learn_with_and_without_ties(case):
    """AUROC, AP and best F1 are scikit-learn's to rounding, also when many scores are equal."""
    defect, score = case
    assert auroc(defect, score) == pytest.approx(reference.roc_auc_score(defect, score), abs=1e-12)
    assert average_precision(defect, score) == pytest.approx(
        reference.average_precision_score(defect, score), abs=1e-12
    )
    assert f1_max(defect, score) == pytest.approx(f1_by_sklearn(defect, score), abs=1e-12)


@pytest.mark.parametrize("case", CASES[::4])
def test_equal_to_the_definitions(case):
    """AUROC is the share of pairs in the right order; best F1 is the best over all thresholds."""
    defect, score = case
    assert auroc(defect, score) == pytest.approx(auroc_by_definition(defect, score), abs=1e-12)
    assert f1_max(defect, score) == pytest.approx(f1_by_definition(defect, score), abs=1e-12)


def test_worked_by_hand():
    """Scores 4 3 2 1 with labels + - + -: three of four pairs right, AP (1 + 2/3) / 2, best F1 0.8."""
    defect, score = np.array([1, 0, 1, 0], bool), np.array([4.0, 3.0, 2.0, 1.0])
    assert auroc(defect, score) == 0.75
    assert average_precision(defect, score) == pytest.approx((1 + 2 / 3) / 2)
    assert f1_max(defect, score) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("score", "expected"),
    [([0, 0, 1, 1], (1.0, 1.0, 1.0)), ([1, 1, 0, 0], (0.0, 0.5, 2 / 3)), ([7, 7, 7, 7], (0.5, 0.5, 2 / 3))],
    ids=["perfect", "inverted", "constant"],
)
def test_perfect_inverted_and_constant_scores(score, expected):
    """The three corner cases have known values, the constant one 0.5 and the base rate."""
    defect = np.array([0, 0, 1, 1], bool)
    # inverted and constant: only "everything is defective" finds anything, at a precision of 1/2
    got = auroc(defect, np.array(score)), average_precision(defect, np.array(score)), f1_max(defect, np.array(score))
    assert got == pytest.approx(expected)


@pytest.mark.parametrize("label", [True, False])
def test_one_class_is_nan(label):
    """With one class, or nothing at all, nothing is claimed."""
    for n in (3, 0):
        defect, score = np.full(n, label), np.arange(float(n))
        assert all(math.isnan(metric(defect, score)) for metric in (auroc, average_precision, f1_max))


def test_nan_scores_are_refused():
    """An unknown score is not silently ranked."""
    with pytest.raises(ValueError, match="NaN"):
        auroc(np.array([True, False]), np.array([0.5, np.nan]))
    with pytest.raises(ValueError, match="NaN"):
        items_of(np.array([True, False]), np.array([0.5, np.nan]), np.array([1, 0]))


@pytest.mark.slow
def test_ten_million_scores_in_seconds():
    """10 M scores are ranked and measured in a few seconds of one core (3 s here; the budget allows a slow machine)."""
    rng = np.random.default_rng(0)
    defect = rng.random(10_000_000) < 0.02
    score = rng.random(10_000_000, dtype=np.float32) + np.float32(0.3) * defect
    start = time.process_time()
    ranking = rank(defect, score)
    value = ranking_auroc(ranking)
    assert time.process_time() - start < 15
    assert value == pytest.approx(0.755, abs=0.002)  # 1 - 0.7**2 / 2 for two uniforms 0.3 apart


def test_pool_over_its_limit_stays_close():
    """A pool that has to count in a histogram gives the exact metrics to 1e-4, infinities included."""
    rng = np.random.default_rng(3)
    exact, bounded = Pool(), Pool(exact_points=500)
    for k in range(8):
        defect = rng.random(1000) < 0.1
        score = (rng.normal(size=1000) + defect).astype(np.float32)
        score[:3] = -np.inf, np.inf, -0.0
        for pool in (exact, bounded):
            pool.add(items_of(defect, score, (defect * (1 + k % 2)).astype(int)))
    assert exact.exact and not bounded.exact
    a, b = exact.ranking(), bounded.ranking()
    assert (a.n_normal, a.n_defect, a.n_regions) == (b.n_normal, b.n_defect, b.n_regions)
    assert np.isneginf(b.score[-1]) and np.isposinf(b.score[0])
    for metric in (ranking_auroc, ranking_average_precision, ranking_f1_max):
        assert metric(a) == pytest.approx(metric(b), abs=1e-4)


def test_roc_curve_encloses_the_auroc():
    """The area under the curve given for plots is the AUROC."""
    defect, score = random_case(1, levels=4)
    fpr, tpr = roc_curve(rank(defect, score))
    assert np.trapezoid(tpr, fpr) == pytest.approx(auroc(defect, score))
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)


def test_thinned_curve_is_the_same_picture():
    """500 of 20 000 points enclose the same area to 1e-3, from end to end."""
    rng = np.random.default_rng(0)
    defect = rng.random(20_000) < 0.1
    fpr, tpr = roc_curve(rank(defect, rng.normal(size=20_000) + 2 * defect))
    x, y = thinned(fpr, tpr)
    assert len(x) <= 500 and (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(np.trapezoid(tpr, fpr), abs=1e-3)


@pytest.mark.parametrize("score", [[1e300, 1e300, -1e300, 0.0], [np.inf, 5.0, -np.inf, -np.inf]], ids=["huge", "inf"])
def test_far_away_scores_are_ranked_like_any_other(score):
    """Scores of any size, infinite ones too, keep their order and their ties: only ranks count."""
    defect, score = np.array([1, 0, 1, 0], bool), np.array(score)
    places = np.unique(score, return_inverse=True)[1].astype(float)
    assert auroc(defect, score) == auroc_by_definition(defect, score) == reference.roc_auc_score(defect, places)
    assert average_precision(defect, score) == reference.average_precision_score(defect, places)
    assert f1_max(defect, score) == f1_by_definition(defect, score)
