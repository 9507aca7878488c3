"""`align3d report` makes the page of parts that were scored earlier."""

import json
import shutil

import pytest

from align3d_cli.report.read_results import STEP

pytestmark = pytest.mark.slow  # each test starts programs


@pytest.fixture(scope="module")
def scored(align3d, model, write_ball, tmp_path_factory):
    """A folder with heat maps, their record and the results of a call, one part of which failed."""
    folder = tmp_path_factory.mktemp("scored")
    (folder / "bad.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 9\n")
    for name in ("ball.ply", "table.csv"):
        write_ball(folder / name)
    names = ["bad.ply", "ball.ply", "table.csv"]
    run = align3d("score", *names, "--model", model, "--out-dir", "heat", "--jsonl", cwd=folder)
    (folder / "scores.jsonl").write_text(run.out)
    assert run.code == 6, run.err
    return folder


def test_results_and_heat_maps_make_the_page(align3d, scored, tmp_path):
    """From another folder too: heat maps are found beside the results, what failed stands on the page."""
    run = align3d("report", scored / "scores.jsonl", "--out", tmp_path / "page.html", "--json")
    told, n = json.loads(run.out), len((scored / "scores.jsonl").read_text().splitlines())
    assert run.code == 0 and told["parts"] == told["with_points"] == n - 1 and told["failures"] == 1
    text = (tmp_path / "page.html").read_text()
    assert told["bytes"] == (tmp_path / "page.html").stat().st_size
    assert f"{n - 1} scored" in text and "1 could not be scored" in text and "<title>page</title>" in text


def test_a_folder_of_heat_maps_makes_the_page_too(align3d, scored, tmp_path):
    """Nobody has to have kept what was printed, and the folder may stand elsewhere by now."""
    shutil.copytree(scored / "heat", tmp_path / "kept")
    run = align3d("report", tmp_path / "kept", "--out", tmp_path / "page.html", "--title", "line <3>")
    assert run.code == 0 and ": 2 parts, 2 of them with points" in run.out
    assert "<title>line &lt;3&gt;</title>" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["scores.jsonl", "--out", "page.pdf"], 2, "--out page.pdf: is written as HTML; end its name with .html"),
        (["old.html", "--out", "old.html", "--force"], 2, "--out old.html: is read by this call; name another file"),
        (["heat", "scores.jsonl", "./heat/", "--out", "new.html"], 2,
         "heat: is named twice; name every file of results once"),
        (["scores.jsonl", "--out", "old.html"], 2, "old.html: exists already; add --force to replace it"),
        (["bad.ply", "--out", "new.html"], 4, f"bad.ply: line 1: is no result; {STEP}"),
    ],
)  # fmt: skip
def test_what_makes_no_page_is_told_in_one_line(align3d, scored, words, code, told):
    """And nothing is written."""
    (scored / "old.html").write_text("mine")
    run = align3d("report", *words, cwd=scored)
    assert (run.code, run.out, run.err) == (code, "", f"error: {told}\n")
    assert (scored / "old.html").read_text() == "mine" and not (scored / "new.html").exists()
