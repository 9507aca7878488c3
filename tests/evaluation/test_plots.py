"""The pictures of a run: what they draw is what was measured."""

import numpy as np
import pytest
from PIL import Image

from align3d_cli.evaluation.charts import (
    COLOURS,
    INK,
    MARGIN,
    PANEL,
    Line,
    Panel,
    bin_counts,
    draw_panels,
    histogram,
    limits_of,
)
from align3d_cli.evaluation.pictures import TILE_PX, groups, tiles
from align3d_cli.evaluation.plots import write_plots
from align3d_cli.evaluation.pooling import scans_of
from align3d_cli.evaluation.runlog import read_run


def test_plots_are_written_for_every_category(folder_run, scan_folder, tmp_path):
    """Curves, histograms and pictures come as whole PNG files that show something."""
    paths = write_plots(read_run(folder_run[1]), tmp_path)
    category = scan_folder.name
    assert {path.name for path in paths} == {f"{kind}-{category}.png" for kind in ("curves", "scores", "samples")}
    for path in paths:
        with Image.open(path) as image:
            assert np.asarray(image.convert("L")).std() > 5


def test_a_line_goes_where_its_numbers_say():
    """The corner of a perfect ROC curve is drawn at the upper left of its panel."""
    line = Line(np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0]), COLOURS[1])
    image = np.asarray(draw_panels("", [[Panel("", "x", "y", [line])]])).astype(int)
    red = np.argwhere(np.abs(image - COLOURS[1]).sum(axis=2) < 60)
    head = image.shape[0] - PANEL[1]
    top, left = head + MARGIN[1], MARGIN[0]
    bottom, right = head + PANEL[1] - MARGIN[3], PANEL[0] - MARGIN[2]
    assert red.min(axis=0) == pytest.approx([top, left], abs=2)
    assert red.max(axis=0) == pytest.approx([bottom, right], abs=2)
    middle = image[(top + bottom) // 2, (left + right) // 2]
    assert np.abs(middle - COLOURS[1]).sum() > 60 and np.abs(middle - INK).sum() > 60


def test_histogram_counts_what_is_there():
    """Its outline is highest in the bin with most values; NaN is left out."""
    counts = bin_counts(np.array([0.1, 0.9, 0.91, np.nan]), 0.0, 1.0)
    line = histogram(counts, 0.0, 1.0, COLOURS[0], "a")
    peak = line.x[line.y == 1.0]
    assert peak.min() <= 0.9 and peak.max() >= 0.91 and line.y[np.searchsorted(line.x, 0.11) - 1] == 0.5


def test_limits_of_a_chart_hold_every_part():
    """They are found part by part, NaN and infinity left out, and rise even where all values are equal."""
    assert limits_of(iter([np.array([0.3, np.nan]), np.array([-1.0, np.inf]), np.empty(0)])) == (-1.0, 0.3)
    assert limits_of([np.full(3, 2.0)]) == (2.0, 3.0)
    assert limits_of([np.array([np.nan])]) == (0.0, 1.0)


def test_pictures_show_the_labelled_defect(folder_run, scan_folder):
    """A defective scan's left tile has the defect's colour, a good one's has none."""
    scans = scans_of(read_run(folder_run[1]), "curvature", scan_folder.name)
    for scan in scans[:6:2]:
        picture = tiles(scan, "curvature", 0.0, 0.5)
        assert picture.shape == (TILE_PX, 2 * TILE_PX, 3)
        left = picture[:, :TILE_PX].astype(int)
        reddish = (left[..., 0] > 1.5 * left[..., 2] + 20).sum()
        assert (reddish > 20) == (scan.line["defect"] == "bump")
    assert {scan.line["defect"] for scan in scans[:6:2]} == {"bump", "good"}


def test_worst_and_best_are_apart(folder_run, scan_folder):
    """No defective scan stands in both groups, and the best ones rank above the worst."""
    scans = scans_of(read_run(folder_run[1]), "curvature", scan_folder.name)
    chosen = groups(scans, "curvature")
    by_word = {name.split()[0].rstrip(":"): found for name, found in chosen.items()}
    worst, best, good = by_word["worst"], by_word["best"], by_word["good"]
    assert max(judged.value for judged in worst) <= min(judged.value for judged in best)
    assert not {judged.caption for judged in worst} & {judged.caption for judged in best}
    assert [judged.value for judged in good] == sorted((judged.value for judged in good), reverse=True)
