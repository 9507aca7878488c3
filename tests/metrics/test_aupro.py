"""AUPRO against a plain re-statement of the official evaluation, and cases worked by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import ndimage

from align3d_cli.metrics.aupro import FPR_LIMIT, aupro, pro_curve
from align3d_cli.metrics.evaluation import evaluate, gather
from align3d_cli.metrics.ranking import rank
from align3d_cli.metrics.regions import regions, regions_points
from align3d_cli.metrics.samples import ScoredSample, count


def aupro_of(clouds, defects, scores, valid=None, grids=None, limit=FPR_LIMIT):
    """AUPRO of scans with (N, 3) points, as a benchmark computes it in mode "foreground"."""
    samples = []
    for at, (xyz, defect, score) in enumerate(zip(clouds, defects, scores, strict=True)):
        measured, grid = np.ones(len(xyz), bool) if valid is None else valid[at].ravel(), grids and grids[at]
        region = regions(xyz, measured, defect.ravel(), grid)
        samples.append(ScoredSample(True, 0.0, score.ravel(), defect.ravel(), measured, region, grid))
    return aupro(gather((count(sample, "foreground") for sample in samples), "foreground").points, limit)


def aupro_organised(defects, scores, valid=None, fpr_limit=FPR_LIMIT):
    """The same of (H, W) maps."""
    clouds, grids = [np.zeros((defect.size, 3)) for defect in defects], [defect.shape for defect in defects]
    return aupro_of(clouds, defects, [score.astype(np.float32) for score in scores], valid, grids, fpr_limit)


def official_aupro(defect_maps, score_maps, thresholds, limit=0.3):
    """The official evaluation in slow sentences: for every threshold the false positive rate over all good pixels
    and the mean found share of all 8-connected regions; then trapezoids up to the limit."""
    regions, good = [], []
    for defect, score in zip(defect_maps, score_maps, strict=True):
        numbered, n = ndimage.label(defect, np.ones((3, 3)))
        regions += [score[numbered == k] for k in range(1, n + 1)]
        good.append(score[numbered == 0])
    good = np.concatenate(good)
    curve = [(0.0, 0.0), (1.0, 1.0)]
    for threshold in thresholds:
        curve.append(((good >= threshold).mean(), np.mean([(r >= threshold).mean() for r in regions])))
    curve = sorted(curve)
    area = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(curve):
        if x0 >= limit:
            break
        if x1 > limit:
            y1 = y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
            x1 = limit
        area += 0.5 * (y0 + y1) * (x1 - x0)
    return area / limit


def random_maps(seed, n=4, levels=None):
    rng = np.random.default_rng(seed)
    defects, scores = [], []
    for _ in range(n):
        shape = rng.integers(12, 24, size=2)
        defect = ndimage.gaussian_filter(rng.normal(size=shape), 1.5) > 0.25
        score = ndimage.gaussian_filter(rng.normal(size=shape), 1) + 0.3 * defect
        defects.append(defect)
        scores.append((np.round(score * levels) / levels if levels else score).astype(np.float32))
    return defects, scores


@pytest.mark.parametrize("levels", [None, 6, 2])
@pytest.mark.parametrize("seed", range(4))
def test_equals_the_official_definition_at_all_thresholds(seed, levels):
    """Pooled AUPRO equals the slow re-statement, ties included."""
    defects, scores = random_maps(seed, levels=levels)
    every = np.unique(np.concatenate([s.ravel() for s in scores]))
    assert aupro_organised(defects, scores) == pytest.approx(official_aupro(defects, scores, every), abs=1e-12)


def test_close_to_the_official_sampling_of_100_thresholds():
    """The 3D-AD script's 100 thresholds are a sampling of the same curve."""
    defects, scores = random_maps(11, n=12)
    good = np.sort(np.concatenate([s[~d] for s, d in zip(scores, defects, strict=True)]))
    sampled = good[np.linspace(0, len(good) - 1, 100, dtype=int)]
    assert aupro_organised(defects, scores) == pytest.approx(official_aupro(defects, scores, sampled), abs=0.01)


def test_other_limits_including_one():
    """The limit is a parameter; at 1 the whole curve is integrated."""
    defects, scores = random_maps(7)
    every = np.unique(np.concatenate([s.ravel() for s in scores]))
    for limit in (0.05, 1.0):
        expected = official_aupro(defects, scores, every, limit)
        assert aupro_organised(defects, scores, fpr_limit=limit) == pytest.approx(expected, abs=1e-12)


def test_small_and_large_regions_weigh_the_same():
    """By hand: one pixel found and a region of nine missed give an overlap of one half."""
    defect = np.zeros((8, 8), bool)
    defect[0, 0] = defect[3:6, 3:6] = True
    score = np.where(defect, 0.0, 0.5)
    score[0, 0] = 1.0
    # curve (0, 1/2) -> (1, 1/2) -> (1, 1): one half everywhere below the limit
    assert aupro_organised([defect], [score]) == pytest.approx(0.5)


def test_diagonal_pixels_are_one_region():
    """Regions are 8-connected, as in the official script."""
    defect = np.eye(3, dtype=bool)
    score = np.where(np.arange(9).reshape(3, 3) == 0, 1.0, 0.0)
    # one region of three pixels, one found: 1/3 at FPR 0, straight up to (1, 1)
    expected = 1 / 3 + 0.5 * 0.3 * (2 / 3)
    assert aupro_organised([defect], [score]) == pytest.approx(expected)


def test_perfect_inverted_and_constant_maps():
    """1 for a perfect map, 0 for an inverted one, half the limit for a map without information."""
    defect = np.zeros((6, 6), bool)
    defect[2:4, 2:4] = True
    assert aupro_organised([defect], [defect.astype(float)]) == pytest.approx(1.0)
    assert aupro_organised([defect], [1.0 - defect]) == pytest.approx(0.0)
    assert aupro_organised([defect], [np.full((6, 6), 3.0)]) == pytest.approx(0.15)


def test_nan_without_regions_or_without_good_pixels():
    """Undefined is nan."""
    score = np.arange(4.0).reshape(2, 2)
    assert math.isnan(aupro_organised([np.zeros((2, 2), bool)], [score]))
    assert math.isnan(aupro_organised([np.ones((2, 2), bool)], [score]))


def test_foreground_counts_false_positives_over_points_only():
    """Invalid pixels leave the false positive rate and the regions; the slow sentence agrees."""
    rng = np.random.default_rng(4)
    defects, scores = random_maps(5)
    valid = [rng.random(d.shape) < 0.7 for d in defects]
    regions = [ndimage.label(d, np.ones((3, 3)))[0] for d in defects]
    good = np.concatenate([s[v & ~d] for s, v, d in zip(scores, valid, defects, strict=True)])
    found = [
        s[v & (r == k)]
        for s, v, r in zip(scores, valid, regions, strict=True)
        for k in range(1, r.max() + 1)
        if (v & (r == k)).any()
    ]
    every = np.unique(np.concatenate([s.ravel() for s in scores]))[::-1]
    fpr = np.array([0.0] + [(good >= t).mean() for t in every])
    pro = np.array([0.0] + [np.mean([(f >= t).mean() for f in found]) for t in every])
    fine = np.linspace(0, 0.3, 200_001)
    expected = np.trapezoid(np.interp(fine, fpr, pro), fine) / 0.3
    got = aupro_organised(defects, scores, valid)
    assert got == pytest.approx(expected, abs=2e-4)
    assert got != pytest.approx(aupro_organised(defects, scores), abs=1e-3)


def grid_cloud(height, width):
    y, x = np.mgrid[:height, :width]
    return np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)]).astype(float)


def test_regions_of_an_unordered_cloud():
    """Two patches further apart than the radius are two regions, in any order and at any scale of the points."""
    xyz = grid_cloud(20, 20)
    defect = ((xyz[:, 0] < 4) & (xyz[:, 1] < 4)) | ((xyz[:, 0] > 12) & (xyz[:, 1] > 12))
    shuffle = np.random.default_rng(0).permutation(len(xyz))
    for scale in (1.0, 1e-3):
        region = regions_points(scale * xyz[shuffle], defect[shuffle])
        assert region.max() == 2 and (region > 0).tolist() == defect[shuffle].tolist()
        assert len(set(region[(xyz[shuffle, 0] < 4) & defect[shuffle]])) == 1


def test_radius_is_two_and_a_half_mean_neighbour_distances():
    """By hand, on a line: the 8 neighbours of an inner point are 1 1 2 2 3 3 4 4 away, so the radius is 6.25."""
    xyz = np.column_stack([np.arange(100.0), np.zeros((100, 2))])
    for gap, expected in ((6, 1), (7, 2)):
        defect = np.zeros(100, bool)
        defect[[40, 40 + gap]] = True
        assert regions_points(xyz, defect).max() == expected


def test_repeated_points_do_not_split_regions():
    """Points stored many times keep the patch whole."""
    xyz = np.repeat(grid_cloud(10, 10), 12, axis=0)
    defect = xyz[:, 0] < 3
    assert regions_points(xyz, defect).max() == 1


def test_no_labelled_points_no_regions():
    """A good cloud has no region; a cloud of one labelled point has one."""
    assert regions_points(grid_cloud(3, 3), np.zeros(9, bool)).max() == 0
    assert regions_points(np.zeros((1, 3)), np.ones(1, bool)).tolist() == [1]


def test_points_agree_with_pixels_on_a_grid():
    """On a regular grid with regions far apart, points and pixels give the same number."""
    defect = np.zeros((30, 30), bool)
    defect[3:7, 3:9] = defect[20:24, 15:27] = True
    score = np.random.default_rng(1).random((30, 30)) + 0.5 * defect
    expected = aupro_organised([defect] * 2, [score, score**2])
    xyz = grid_cloud(30, 30)
    got = aupro_of([xyz, xyz], [defect] * 2, [score, score**2])
    assert got == pytest.approx(expected, abs=1e-12)


def test_evaluate_gives_the_official_number_in_paper_mode():
    """On maps of 336 x 336 without gaps, `paper` is the official evaluation."""
    rng = np.random.default_rng(2)
    defects, scores, samples = [], [], []
    for _ in range(2):
        defect = ndimage.gaussian_filter(rng.normal(size=(336, 336)), 9) > 0.06
        score = np.round(ndimage.gaussian_filter(rng.normal(size=(336, 336)), 5) * 40 + 2 * defect)
        defects.append(defect)
        scores.append(score)
        measured, region = np.ones(336 * 336, bool), np.zeros(336 * 336, int)
        samples.append(ScoredSample(True, 0.0, score.ravel(), defect.ravel(), measured, region, (336, 336)))
    every = np.unique(np.concatenate(scores))
    got = evaluate(samples, mode="paper").aupro
    assert got == pytest.approx(official_aupro(defects, scores, every), abs=1e-12)


def test_curve_for_plots_encloses_the_number():
    """pro_curve runs from (0, 0) to (1, 1), never falls, and its whole area is AUPRO at limit 1."""
    defects, scores = random_maps(9, n=1)
    region = ndimage.label(defects[0], np.ones((3, 3)))[0]
    ranking = rank(defects[0], scores[0], region)
    fpr, overlap = pro_curve(ranking)
    assert (fpr[0], overlap[0], fpr[-1]) == (0, 0, 1) and overlap[-1] == pytest.approx(1)
    assert (np.diff(fpr) >= 0).all() and (np.diff(overlap) >= 0).all()
    assert aupro(ranking, 1.0) == pytest.approx(np.trapezoid(overlap, fpr))
