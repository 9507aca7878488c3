"""The table: right means, honest gaps, published numbers apart."""

import csv
import io
import json
import math
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest

from align3d_cli.evaluation import table_rows
from align3d_cli.evaluation.runlog import read_run
from align3d_cli.evaluation.settings import TableFormat
from align3d_cli.evaluation.table_cells import Cell
from align3d_cli.evaluation.table_figures import FIGURES
from align3d_cli.evaluation.table_intervals import CSV_HEAD, WITH_INTERVAL, shown_figures
from align3d_cli.evaluation.table_notes import notes_of
from align3d_cli.evaluation.table_rows import METRICS, Value
from align3d_cli.evaluation.table_text import render, show
from align3d_cli.evaluation.tables import Table, build_table
from align3d_cli.metrics.evaluation import Evaluation


def evaluation(value: float) -> Evaluation:
    """All six metrics at one value."""
    return Evaluation(*[value] * 6, mode="foreground", n_samples=4, n_anomalous=2, n_points=10, n_defect_points=3)


def cell(category: str, value: float, auxiliary=None, seed=None, kind=None) -> Cell:
    return Cell(auxiliary, seed, category, kind, "align3d", "foreground", evaluation(value))


def rows_of(cells: list[Cell], protocol: str = "zero-shot", auxiliary=()) -> dict:
    """Rows by (level, name)."""
    settings = {"protocol": protocol, "auxiliary": list(auxiliary)}
    return {(row.level, row.name): row for row in table_rows.rows_of(settings, cells, "align3d", "foreground")}


def test_macro_mean_weighs_categories_alike():
    """The mean row is the plain mean of the categories, in %."""
    rows = rows_of([cell("a", 0.5), cell("b", 0.7), cell("c", 0.9)])
    assert rows["mean", "mean"].values["O-R"] == Value(pytest.approx(70.0))
    assert rows["category", "b"].values["P-P"].mean == pytest.approx(70.0)


def test_one_vs_rest_averages_over_categories_then_models_then_seeds():
    """Two auxiliary categories and two seeds: the mean of means, and the standard deviation over seeds alone."""
    values = {0: {"a": 0.5, "b": 0.6}, 1: {"a": 0.7, "b": 1.0}}  # seed -> auxiliary -> value on the other categories
    cells = [
        cell(category, value + shift, auxiliary, seed)
        for seed, models in values.items()
        for auxiliary, value in models.items()
        for category, shift in (("c", -0.1), ("d", 0.1))
    ]
    mean = rows_of(cells, "one-vs-rest", ("a", "b"))["mean", "mean"].values["O-R"]
    assert mean.mean == pytest.approx((55 + 85) / 2)
    assert mean.std == pytest.approx(np.std([55, 85], ddof=1))


def test_methods_without_training_are_averaged_over_the_same_categories():
    """In one-vs-rest a category counts for geometry as often as there are trained models that meet it."""
    cells = [cell("a", 0.0), cell("b", 0.6), cell("c", 0.9)]
    mean = rows_of(cells, "one-vs-rest", ("a",))["mean", "mean"]
    assert mean.values["O-R"].mean == pytest.approx(75.0)  # without a, on which the model was trained
    assert (mean.n_scans, mean.n_anomalous) == (8, 4)  # of b and c, 4 and 2 each
    mean = rows_of(cells, "one-vs-rest", ("a", "b"))["mean", "mean"]
    assert mean.values["O-R"].mean == pytest.approx((75 + 45) / 2)
    assert (mean.n_scans, mean.n_anomalous) == (12, 6)  # each is met by some model


def test_undefined_is_nan_with_a_note():
    """A category whose metric is undefined stays nan, the mean says how many it covers."""
    rows = rows_of([cell("a", 0.8), cell("b", math.nan)])
    assert math.isnan(rows["category", "b"].values["P-R"].mean)
    assert rows["mean", "mean"].values["P-R"].mean == pytest.approx(80.0)
    assert "over 1 of 2 categories, undefined for b" in rows["mean", "mean"].notes[0]
    assert show(Value(math.nan)) == "nan" and show(Value(81.25, 0.5)) == "81.2 ± 0.5"


def test_kinds_of_defects_have_their_rows():
    """A kind is averaged over the categories that have it."""
    cells = [cell("a", 0.5), cell("a", 0.4, kind="hole"), cell("b", 0.6), cell("b", 0.8, kind="hole")]
    assert rows_of(cells)["defect", "hole"].values["O-A"].mean == pytest.approx(60.0)


@pytest.fixture(scope="module")
def table(folder_run) -> Table:
    return build_table(read_run(folder_run[1]))


def test_table_of_a_run_has_every_row(table):
    """Mean, category and kinds for each method; object metrics of unlabelled kinds, nan for their points."""
    assert {(row.level, row.method) for row in table.rows} == {
        (level, method)
        for level in ("mean", "category", "defect")
        for method in ("curvature", "pointad", "rgb", "align3d")
    }
    scratch = next(row for row in table.rows if (row.name, row.method) == ("scratch", "curvature"))
    assert not math.isnan(scratch.values["O-R"].mean) and math.isnan(scratch.values["P-R"].mean)
    assert (scratch.n_scans, scratch.n_anomalous) == (6, 2)
    curvature = next(row for row in table.rows if (row.level, row.method) == ("mean", "curvature"))
    assert curvature.values["P-R"].mean > 80  # it finds bumps


def test_every_format_says_the_same(table):
    """CSV, JSON, Markdown and text carry the same numbers of the same rows."""
    found = json.loads(render(table, "json"))
    lines = [line for line in csv.DictReader(io.StringIO(render(table, "csv"))) if line["source"] == "measured"]
    assert len(lines) == len(found["rows"]) == len(table.rows)
    for line, row in zip(lines, found["rows"], strict=True):
        assert (line["name"], line["method"]) == (row["name"], row["method"])
        for metric in METRICS:
            assert (float(line[metric]) if line[metric] else None) == row["metrics"][metric]
        for name in FIGURES:
            assert (float(line[name]) if line[name] else None) == row["figures"][name]
        for name in WITH_INTERVAL:
            ends = [float(line[f"{name} {end}"]) if line[f"{name} {end}"] else None for end in ("low", "high")]
            assert ends == row["intervals"][name]
    assert render(table, "csv").splitlines()[0].endswith(",".join(CSV_HEAD))
    mean = next(row for row in table.rows if (row.level, row.method) == ("mean", "align3d"))
    for format in ("md", "text"):
        text = render(table, format)
        line = next(line for line in text.splitlines() if "align3d" in line.split() and "." in line)
        numbers = [word for word in line.replace("|", " ").split() if "." in word or word == "nan"]
        assert numbers[: len(METRICS)] == [show(mean.values[metric]) for metric in METRICS]
        assert " ".join(shown_figures(mean)) in " ".join(line.replace("|", " ").split())


def test_notes_tell_what_could_mislead(table):
    """Protocol, missing methods, pixels that do not exist and unlabelled scans stand under the table."""
    for format in ("md", "text"):
        text = " ".join(render(table, format).split())
        assert "it is not trained here" in text
        assert "frozen is not in the table" in text
        assert "no `paper` columns" in text
        assert "2 scans have no point labels" in text


def test_published_numbers_stand_apart(folder_run):
    """They come with their source in a section or column of their own, and never in a measured row."""
    record = read_run(folder_run[1])
    record.settings["data_set"], record.settings["protocol"] = "mvtec3d", "one-vs-rest"
    record.settings["limit"] = 4
    table = build_table(record)
    apart = {"CMDS-AD", "MuSc-V2"}
    equals = {"CLIP + rendering", "AnomalyCLIP", "PointAD", "Align3D-AD", "GS-CLIP"}
    assert {row.method for row in table.published} == equals | apart
    assert {row.method for row in table.published if row.saw.tested_parts} == apart
    text = render(table, "text")
    assert text.index("86.5") > text.index("Published, not measured here")
    sources = {line["method"]: line["source"] for line in csv.DictReader(io.StringIO(render(table, "csv")))}
    assert sources["Align3D-AD"] == "published" and sources["align3d"] == "measured"
    assert any("only a part of the data set" in note for note in table.notes)


def test_published_rows_say_what_they_saw_and_need_in_every_form(folder_run):
    """A row that saw good parts, the folder or photographs stands under a heading of its own; second-hand is marked."""
    record = read_run(folder_run[1])
    record.settings["data_set"], record.settings["protocol"] = "mvtec3d", "zero-shot"
    table = build_table(record)
    for format in ("text", "md"):
        text = render(table, format)
        above, below = text.split("saw more than the scan: no equals of the rows above")
        assert "GS-CLIP (*)" in above and "(*) second-hand" in below and "MuSc-V2" not in above
        for words in ("1 good part of the category, RGB at test", "the unlabelled test folder, RGB at test"):
            assert words in below and words not in above
    rows = {(row["method"], row["metrics"]["O-R"]): row for row in json.loads(render(table, "json"))["published"]}
    assert rows["GS-CLIP", 83.6]["second_hand"] and rows["GS-CLIP", 83.6]["saw"] == "not told"
    assert not rows["Align3D-AD", 83.0]["second_hand"] and rows["Align3D-AD", 83.0]["needs"] == "CLIP, renderings"
    assert rows["CMDS-AD", 87.1]["saw"] == "4 good parts of the category, RGB at test"
    assert rows["CMDS-AD", 87.1]["saw_tested_parts"] and not rows["PointAD", 82.0]["saw_tested_parts"]
    lines = {line["method"]: line for line in csv.DictReader(io.StringIO(render(table, "csv")))}
    assert (
        lines["MuSc-V2"]["saw"] == "the unlabelled test folder, RGB at test"
        and lines["GS-CLIP"]["second-hand"] == "yes"
    )
    assert lines["align3d"]["saw"] == lines["align3d"]["second-hand"] == ""


def test_published_rows_of_a_data_set_whose_size_no_source_tells(folder_run):
    """GRIM's transfer to Anomaly-ShapeNet, from a data set that is named."""
    record = read_run(folder_run[1])
    record.settings["data_set"], record.settings["protocol"] = "anomaly-shapenet", "cross-dataset"
    record.settings["limit"] = 4
    table = build_table(record)
    (row,) = table.published
    assert row.values == (91.7, None, 78.9, None) and str(row.saw) == "Real3D-AD with made defects"
    assert any("published numbers are of the whole data set" in note for note in table.notes)


def test_a_run_under_way_says_so(folder_run):
    """A table of a log that is not complete yet is marked."""
    record = read_run(folder_run[1])
    del record.scans[3:5]
    table = build_table(record)
    assert not table.head["complete"]
    assert any(note.startswith("INCOMPLETE: 14 of 16") for note in table.notes)


def test_order_of_the_log_does_not_matter(folder_run, tmp_path):
    """Processes finish in any order; the table is the same to the last digit."""
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(folder_run[1], folder)
    lines = (folder / "log.jsonl").read_text().splitlines()
    (folder / "log.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    for format in get_args(TableFormat):
        assert render(build_table(read_run(folder)), format) == render(build_table(read_run(folder_run[1])), format)


@pytest.mark.parametrize(("tested", "averaged"), [(True, False), (True, True), (False, False)])
def test_a_model_that_knows_the_tested_categories_is_marked(scan_folder, model, tmp_path, tested, averaged):
    """Figures of a model whose record, or that of a model in its mean, names these very categories carry a warning."""
    from dataclasses import replace

    from align3d_cli.datasets.registry import open_dataset
    from align3d_cli.evaluation.question import Question
    from align3d_cli.evaluation.runner import run_benchmark
    from align3d_cli.model.bundle import load_bundle, save_bundle

    bundle = load_bundle(model)
    category = open_dataset("folder", scan_folder)[0].category
    record = {"prompt_train": {"data": {"name": "folder", "categories": ["other", category if tested else "third"]}}}
    record = {"average": [{"share": 0.5, "record": {}}, {"share": 0.5, "record": record}]} if averaged else record
    known = save_bundle(tmp_path / "known.safetensors", replace(bundle, record=record)).path
    question = Question("folder", scan_folder, methods=("pointad",), limit=2, model=str(known))
    run_benchmark(question, tmp_path / "run")
    warning = f"WARNING: tiny was trained on {category} of this data set"
    assert (warning in render(build_table(read_run(tmp_path / "run")), "md")) == tested


def test_a_calibrated_model_says_what_its_threshold_makes_of_the_scans(folder_run):
    """Raw scores above the threshold are counted by state; an uncalibrated model says nothing."""
    record = read_run(folder_run[1])
    assert not any("default threshold" in note for note in build_table(record).notes)
    model = record.plan["model"]
    model["calibration"] |= {"slope": 2.0, "offset": -1.0, "threshold": 0.5, "false_alarm_rate": 0.1}  # 0.5 of raw
    scored = [line for line in record.scans if line["arm"]["sha256"] == model["sha256"]]
    assert [line["anomalous"] for line in scored].count(False) == 4
    raws = (0.0, 0.4, 0.5, 0.6, 0.4, 0.6, 0.7, 0.8)
    for line, raw in zip(sorted(scored, key=lambda line: line["anomalous"]), raws, strict=True):
        line["object_scores"]["align3d"] = raw
    assert model["method"] == "align3d"
    said = "at the default threshold 0.500 (10 % false alarms in its calibration) align3d calls 1 of 4 good and 3 of 4"
    assert any(note.startswith(said) for note in build_table(record).notes)
    for line in scored:
        del line["object_scores"]["align3d"]  # what was fitted to both branches says nothing of one
    assert not any("default threshold" in note for note in notes_of(record, set(), set()))


def test_a_table_is_drawn_without_torch(folder_run):
    """`align3d benchmark table` starts quickly: the run log holds all that it needs."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom align3d_cli.evaluation.runlog import read_run\n"
        "from align3d_cli.evaluation.tables import build_table\nfrom align3d_cli.evaluation.table_text import render\n"
        "render(build_table(read_run(Path(sys.argv[1]))), 'md')\nprint('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code, folder_run[1]], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
