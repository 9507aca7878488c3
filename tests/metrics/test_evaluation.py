"""Metrics of a set of scans: what is pooled, what is left out, and what the notes say of it."""

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from align3d_cli.metrics.evaluation import evaluate
from align3d_cli.metrics.regions import regions
from align3d_cli.metrics.samples import MODES, ScoredSample, count


def f1_by_sklearn(defect, score):
    precision, recall, _ = reference.precision_recall_curve(defect, score)
    return np.max(2 * precision * recall / np.maximum(precision + recall, 1e-300))


def sample(defect, scores, grid=None, object_score=0.0, measured=None):
    """Points along a line, one apart, all of them measured unless said otherwise."""
    defect = np.asarray(defect, bool).ravel()
    xyz = np.column_stack([np.arange(len(defect)), np.zeros((len(defect), 2))]).astype(float)
    measured = np.ones(len(defect), bool) if measured is None else np.asarray(measured, bool)
    region, scores = regions(xyz, measured, defect, grid), np.asarray(scores, float).ravel()
    return ScoredSample(bool(defect.any()), object_score, scores, defect, measured, region, grid)


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
    one = sample(defect, scores, (1, 6), measured=[1, 1, 1, 1, 0, 1])
    found = count(one, "foreground")
    assert found.items.normal.tolist() == pytest.approx([0.1, 0.2])
    assert found.items.defect.tolist() == pytest.approx([0.9, -np.inf])
    assert (found.items.overlap.tolist(), found.items.n_regions, found.n_missed) == ([0.5, 0.5], 1, 1)
    assert "1 defective points carry no score and count as missed" in evaluate([one]).notes


def test_scans_without_point_labels_count_as_objects_only():
    """A scan whose points nobody labelled adds to O-R and O-A, not to the point metrics, and is noted."""
    labelled = sample([0, 0, 1], [0.1, 0.2, 0.9])
    unlabelled = ScoredSample(True, 0.5, np.ones(3), None, np.ones(3, bool), np.zeros(3, int))
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


def test_paper_mode_leaves_out_scans_without_pixels():
    """An unordered scan has no pixels: it counts as an object, and its points are in no paper figure."""
    defect, score = np.arange(60) < 9, np.linspace(1, 0, 60)
    found = evaluate([sample(defect, score), sample(np.zeros(60), score, object_score=-1.0)], mode="paper")
    assert (found.object_auroc, found.n_points) == (1.0, 0) and math.isnan(found.point_auroc)


@pytest.mark.parametrize("scale", [1e30, np.inf], ids=["huge", "inf"])
def test_far_away_scores_are_pooled_like_any_other(scale):
    """Points scored beyond all bounds rank first or last in both modes; none of them changes the others' order."""
    defect = np.zeros((6, 6), bool)
    defect[2:4, 2:4] = True
    plain = np.where(defect, 0.7, np.linspace(0.1, 0.9, 36).reshape(6, 6))
    far = plain.copy()
    plain[0, 0], plain[5, 5] = 0.0, 1.0  # the lowest and the highest of all
    far[0, 0], far[5, 5] = -scale, scale
    for mode in MODES:
        expected, found = (evaluate([sample(defect, scores, (6, 6))], mode=mode) for scores in (plain, far))
        assert repr(found) == repr(expected)


def test_points_beyond_measurement_count_nowhere():
    """What the scanner did not measure is neither found nor missed nor a false positive, whatever its score."""
    defect, scores = np.arange(40) < 10, np.linspace(1, 0, 40)
    kept = np.arange(40) % 3 > 0
    wrong = np.where(kept, scores, 1.0 - scores)
    part = sample(defect, wrong, measured=kept)
    alone = ScoredSample(True, 0.0, scores[kept], defect[kept], np.ones(kept.sum(), bool), part.region[kept])
    assert repr(evaluate([part])) == repr(evaluate([alone]))  # object metrics are nan in both


def test_another_mode_is_a_bug():
    """A misspelt way of counting is not silently the default."""
    with pytest.raises(ValueError, match="mode"):
        evaluate([sample([0, 1], [0.0, 1.0])], mode="pixels")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mode", MODES)
def test_pooled_figures_equal_the_slow_sentences(seed, mode):
    """Scans with ties, unscored points, unmeasured points and huge scores: point by point, then scikit-learn."""
    rng, samples, labels, ranks = np.random.default_rng(seed), [], [], []
    for number in range(4):
        grid = tuple(rng.integers(20, 40, 2))
        n = grid[0] * grid[1]
        defect = (rng.random(n) < 0.1) & bool(number % 2)
        scores = np.round(rng.normal(size=n) + defect, 1).astype(np.float32)
        scores[rng.random(n) < 0.02] = 3e38
        scores[rng.random(n) < 0.2] = np.nan
        measured = rng.random(n) < 0.8
        samples.append(sample(defect, scores, grid, float(number % 3), measured))
        slow = {"foreground": measured_points, "paper": pixels_of_a_picture}[mode]
        for label, score in slow(defect.reshape(grid), scores.reshape(grid), measured.reshape(grid)):
            labels.append(label)
            ranks.append(score)
    found = evaluate(samples, mode=mode)
    places = np.unique(ranks, return_inverse=True)[1]
    assert found.n_points == len(labels) and found.n_defect_points == sum(labels)
    assert found.point_auroc == pytest.approx(reference.roc_auc_score(labels, places), abs=1e-12)
    assert found.point_ap == pytest.approx(reference.average_precision_score(labels, places), abs=1e-12)
    assert found.f1_max == pytest.approx(f1_by_sklearn(np.array(labels), places), abs=1e-12)


def measured_points(defect, scores, measured):
    """(label, score) of every measured point that has a score, and of defective ones without, below all others."""
    for at in np.ndindex(defect.shape):
        if measured[at] and not np.isnan(scores[at]):
            yield bool(defect[at]), float(scores[at])
        elif measured[at] and defect[at]:
            yield True, -np.inf


def pixels_of_a_picture(defect, scores, measured):
    """(label, score) of every pixel of the nearest-resized picture; none is below the lowest score or 0."""
    lowest = min(0.0, np.nanmin(scores))
    for row in range(336):
        for column in range(336):
            at = row * defect.shape[0] // 336, column * defect.shape[1] // 336
            yield bool(defect[at]), float(lowest if np.isnan(scores[at]) else scores[at])
