"""Recall, false alarms and intervals of a table: thresholds of its own good scans, objects drawn, gaps told."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from align3d_cli.evaluation.limits import levels_of, limits_of
from align3d_cli.evaluation.runlog import RunRecord, read_run
from align3d_cli.evaluation.scan_figures import ScanFigures
from align3d_cli.evaluation.table_cells import Cell
from align3d_cli.evaluation.table_figures import FIGURES, figures_of
from align3d_cli.evaluation.table_text import render
from align3d_cli.evaluation.tables import Table, build_table
from align3d_cli.metrics.bootstrap import DRAWS
from align3d_cli.metrics.evaluation import Evaluation

NAN = math.nan


def figures(called: list[float], regions: list[float], share: list[float]) -> ScanFigures:
    """Of some defective scans and some good ones."""
    good, defective = len(regions), len(called)
    return ScanFigures(
        (True,) * defective + (False,) * good,
        np.array(called + [NAN] * good),
        np.array([NAN] * defective + regions),
        np.array([NAN] * defective + share),
        np.linspace(0.2, 0.8, DRAWS).astype(np.float32),
    )


def cell(category: str, found: ScanFigures, auxiliary: str | None = None, seed: int | None = None) -> Cell:
    metrics = Evaluation(*[0.5] * 6, mode="foreground", n_samples=4, n_anomalous=2, n_points=10, n_defect_points=3)
    return Cell(auxiliary, seed, category, None, "align3d", "foreground", metrics, figures=found)


FIRST = figures([1, 0, 1, 0], [0, 1, 2], [0.0, 0.01, 0.05])
SECOND = figures([1, 1], [0, 0], [0.0, 0.02])


def test_one_category_by_hand():
    """Half of the defects found, one region a good scan, 2 % of its points; intervals over its scans."""
    found = figures_of({(None, None): [cell("a", FIRST)]})
    assert found["R10"].value == 50.0 and (found["R10"].low, found["R10"].high) == (0.0, 100.0)
    assert found["FA-R"].value == 1.0 and (found["FA-R"].low, found["FA-R"].high) == (0.0, 2.0)
    assert found["FA-P"].value == pytest.approx(2.0)
    assert found["P-A"].value == 50.0
    assert (found["P-A"].low, found["P-A"].high) == pytest.approx((21.5, 78.5))  # the draws it was given


def test_several_categories_are_means_whose_interval_draws_categories():
    """Two categories: their plain mean, and draws that hold one of them twice at the ends."""
    found = figures_of({(None, None): [cell("a", FIRST), cell("b", SECOND)]})
    assert (found["R10"].value, found["R10"].low, found["R10"].high) == (75.0, 50.0, 100.0)
    assert (found["FA-R"].value, found["FA-R"].low, found["FA-R"].high) == (0.5, 0.0, 1.0)
    assert (found["P-A"].low, found["P-A"].high) == (50.0, 50.0)


def test_models_and_seeds_are_averaged_as_the_metrics_are():
    """Over categories, then the models of a seed, then seeds; one category is drawn alike for all of them."""
    models = {("x", 0): [cell("a", FIRST)], ("y", 0): [cell("a", SECOND)], ("x", 1): [cell("a", SECOND)]}
    assert figures_of(models)["R10"].value == pytest.approx(100 * ((0.5 + 1.0) / 2 + 1.0) / 2)
    twice = {("x", 0): [cell("a", FIRST)], ("x", 1): [cell("a", FIRST)]}
    assert figures_of(twice) == figures_of({(None, None): [cell("a", FIRST)]})  # seeds are no further objects


def test_too_few_objects_have_no_interval():
    """One defective scan, or one category of which something is known, is no sample to draw from."""
    lone, unknown = figures([1], [0, 1], [0, 0]), figures([NAN], [NAN], [NAN])
    found = figures_of({(None, None): [cell("a", lone)]})["R10"]
    assert found.value == 100.0 and math.isnan(found.low) and math.isnan(found.high)
    found = figures_of({(None, None): [cell("a", lone), cell("b", unknown)]})["R10"]
    assert found.value == 100.0 and math.isnan(found.low)
    assert math.isnan(figures_of({(None, None): [cell("a", ScanFigures())]})["FA-P"].value)


@pytest.fixture
def record(folder_run) -> RunRecord:
    """A run of four good scans, two with a bump and two with a scratch; its model is made a calibrated one."""
    record = read_run(folder_run[1])
    limits = {"threshold": 0.5, "false_alarm_rate": 0.1, "colour_low": 0.0, "colour_high": 1e-3}
    record.plan["model"]["calibration"] |= limits
    return record


def row_of(table: Table, method: str):
    return next(row for row in table.rows if (row.level, row.method) == ("category", method))


def test_recall_is_read_above_the_good_scans_of_the_table(record):
    """Four good scans allow no false alarm: what scores above the highest of them is called."""
    (arm,) = {line["arm"]["name"]: line["arm"] for line in record.scans if "align3d" in line["arm"]["methods"]}.values()
    lines = [line for line in record.scans if line["arm"] == arm]
    for at, line in enumerate(sorted(lines, key=lambda line: line["anomalous"])):
        line["object_scores"]["align3d"] = (0.1, 0.2, 0.5, 0.3, 0.5, 0.4, 0.6, 0.7)[at]
    assert limits_of(record, arm, "align3d").threshold == 0.5
    table = build_table(record)
    found = row_of(table, "align3d").figures["R10"]
    assert (found.value, found.low, found.high) == (50.0, 0.0, 100.0)
    assert "R10 of align3d calls what scores above 0.5 (0 of 4 good scans)" in table.notes


def test_only_the_model_that_was_calibrated_has_false_alarms(record):
    """All of an untrained model's points lie above a scale that ends at a thousandth; its branches have no scale."""
    table = build_table(record)
    found = row_of(table, "align3d").figures
    assert found["FA-P"].value == 100.0 and found["FA-R"].value >= 1.0
    assert math.isnan(row_of(table, "pointad").figures["FA-R"].value)
    said = next(note for note in table.notes if note.startswith("FA-R and FA-P of"))
    assert "curvature, pointad, rgb are undefined" in said
    other = record.scans[0]["arm"] | {"sha256": "0" * 64}
    assert levels_of(record, other, "align3d") is None


def test_an_uncalibrated_model_has_no_false_alarms(folder_run):
    """A run whose model has no limits, or that has no model, is drawn with gaps and says why."""
    record = read_run(folder_run[1])
    for plan in (record.plan, record.plan | {"model": None}):
        table = build_table(replace(record, plan=plan))
        assert all(math.isnan(row.figures["FA-P"].value) for row in table.rows)
        assert any("rgb, align3d are undefined" in note for note in table.notes)


def test_a_table_without_good_scans_has_no_recall(record):
    """Nothing sets a threshold: nan with a note, in every form."""
    table = build_table(replace(record, scans=[line for line in record.scans if line["anomalous"]]))
    assert math.isnan(row_of(table, "align3d").figures["R10"].value)
    assert "R10 of align3d is undefined: no good scan sets a threshold" in table.notes
    (found,) = {row["figures"]["R10"] for row in json.loads(render(table, "json"))["rows"]}
    assert found is None


def test_every_figure_is_explained(record):
    """The text says what each means, where its interval comes from, and shows it in the last columns."""
    table = build_table(record)
    text = " ".join(render(table, "text").split())
    for words in ("R10: recall of defects", "FA-R: regions a good scan", "FA-P: share in %", "intervals: 95 %"):
        assert words in text
    head = next(line for line in render(table, "md").splitlines() if line.startswith("|"))
    assert [cell.strip() for cell in head.strip("|").split("|")][-3:] == [f"{name} 95 %" for name in FIGURES]
