"""Metrics against scikit-learn, against their definitions and against tiny cases worked by hand."""

import math
import time

import numpy as np
import pytest
from sklearn import metrics as reference

from align3d_cli.metrics.metrics import (
    ScoredSample,
    auroc,
    average_precision,
    evaluate,
    f1_max,
    point_items,
    ranking_auroc,
    ranking_average_precision,
    ranking_f1_max,
    roc_curve,
    thinned,
)
from align3d_cli.metrics.ranking import Pool, rank


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
            pool.add(defect, score, (defect * (1 + k % 2)).astype(int))
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


def sample(defect, scores, grid=None, anomalous=None, object_score=0.0, xyz=None):
    defect = np.asarray(defect, bool).ravel()
    xyz = np.column_stack([np.arange(len(defect)), np.zeros((len(defect), 2))]) if xyz is None else xyz
    anomalous = defect.any() if anomalous is None else anomalous
    return ScoredSample(
        bool(anomalous), object_score, np.asarray(scores, float).ravel(), defect, xyz.astype(float), grid
    )


def test_evaluate_pools_points_over_samples():
    """Point metrics are those of all points together, object metrics those of the object scores."""
    rng = np.random.default_rng(5)
    samples, defects, scores = [], [], []
    for k in range(6):
        defect = (np.arange(50) < 8) & bool(k % 2)
        score = rng.normal(size=50).astype(np.float32) + defect
        samples.append(sample(defect, score, object_score=float(score.max())))
        defects.append(defect)
        scores.append(score)
    got = evaluate(iter(samples))
    defect, score = np.concatenate(defects), np.concatenate(scores)
    assert got.point_auroc == pytest.approx(reference.roc_auc_score(defect, score))
    assert got.point_ap == pytest.approx(reference.average_precision_score(defect, score))
    assert got.f1_max == pytest.approx(f1_by_sklearn(defect, score))
    labels, maxima = [s.anomalous for s in samples], [s.object_score for s in samples]
    assert got.object_auroc == pytest.approx(reference.roc_auc_score(labels, maxima))
    assert got.object_ap == pytest.approx(reference.average_precision_score(labels, maxima))
    assert (got.n_samples, got.n_anomalous, got.n_points, got.n_defect_points) == (6, 3, 300, 24)
    assert got.notes == ()


def test_evaluate_notes_what_is_undefined():
    """With good samples only every metric is nan and the notes say why."""
    got = evaluate([sample([0, 0, 0], [1, 2, 3])])
    assert math.isnan(got.object_auroc) and math.isnan(got.point_auroc) and math.isnan(got.aupro)
    assert got.notes == (
        "object metrics are undefined: no anomalous objects",
        "point metrics are undefined: no anomalous points",
    )


def test_foreground_leaves_out_background_but_not_missed_defects():
    """Unmeasured pixels and unscored normal points do not count; an unscored defective point counts as missed."""
    defect = np.array([0, 0, 1, 1, 1, 0], bool)
    scores = np.array([0.1, np.nan, 0.9, np.nan, 0.8, 0.2])
    xyz = np.zeros((6, 3))
    xyz[4] = np.nan
    labels, values, region, missed = point_items(sample(defect, scores, (1, 6), xyz=xyz), "foreground")
    assert labels.tolist() == [False, True, True, False]
    assert values.tolist() == [0.1, 0.9, -np.inf, 0.2]
    assert region.tolist() == [0, 1, 1, 0]
    assert missed == 1
    assert (
        "1 defective points carry no score and count as missed"
        in evaluate([sample(defect, scores, (1, 6), xyz=xyz)]).notes
    )


def test_scans_without_point_labels_count_as_objects_only():
    """A scan whose points nobody labelled adds to O-R and O-A, not to the point metrics, and is noted."""
    labelled = sample([0, 0, 1], [0.1, 0.2, 0.9])
    unlabelled = ScoredSample(True, 0.5, np.ones(3), None, np.zeros((3, 3)))
    good = sample([0, 0, 0], [0.1, 0.2, 0.3], object_score=-1.0)
    got = evaluate([labelled, unlabelled, good])
    assert (got.n_samples, got.n_anomalous, got.n_points, got.object_auroc) == (3, 2, 6, 1.0)
    assert got.notes == ("1 scans have no point labels and count for the object metrics only",)


def test_paper_mode_counts_every_pixel_of_336_squared():
    """Paper mode counts the background of an organised scan, which flatters the same map."""
    defect = np.zeros((40, 60), bool)
    defect[10:14, 20:26] = True
    rng = np.random.default_rng(0)
    scores = np.full((40, 60), np.nan)
    scores[5:20, 10:30] = rng.random((15, 20))
    scores[defect] += 0.3
    one = sample(defect, scores, (40, 60))
    paper, foreground = evaluate([one], mode="paper"), evaluate([one])
    assert paper.n_points == 336 * 336 and foreground.n_points == 300
    assert paper.point_auroc > foreground.point_auroc + 0.1


def test_paper_mode_keeps_the_points_of_unorganised_scans():
    """Without a grid there is no background to add: both modes agree."""
    defect, score = random_case(2, 60)
    one = sample(defect, score.astype(np.float32))
    assert evaluate([one], mode="paper").point_auroc == evaluate([one]).point_auroc
