"""`align3d baseline save` and `compare` from results to chart and exit code, in this process: nothing is scored."""

import json
import sys
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from align3d_cli.cli.app import main
from tests.report.results import scored


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """`call(*words)`: exit code, stdout and stderr of a call of `align3d baseline` in an empty folder."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["align3d", "baseline", *words])
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def files(tmp_path):
    """good.jsonl, today.jsonl of the same kind and moved.jsonl of higher scores: thirty parts each."""
    for seed, (name, mean) in enumerate((("good", -2), ("today", -2), ("moved", -0.5))):
        values = expit(np.random.default_rng(seed).normal(mean, 0.5, 30))
        lines = [json.dumps(scored(f"{name}/{row}.ply", float(score))) for row, score in enumerate(values)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def saved(call, files):
    """The same with line3.baseline.json."""
    code, out, err = call("save", "good.jsonl", "--out", "line3.baseline.json")
    assert (code, err) == (0, "") and out.startswith("line3.baseline.json: 30 parts; score 0.1")
    return files


def test_parts_of_the_same_kind_pass(call, saved):
    """Exit 0 also with --fail-on-drift; the chart is written, the first line says it."""
    code, out, err = call(
        "compare", "today.jsonl", "--baseline", "line3.baseline.json", "--out", "chart.html", "--fail-on-drift"
    )
    assert (code, err) == (0, "") and ": no drift; " in out.splitlines()[0]
    assert (saved / "chart.html").read_text().startswith("<!DOCTYPE html>")


def test_parts_that_moved_end_with_3_only_where_that_is_asked(call, saved):
    """The warning says what moved either way."""
    words = ["compare", "moved.jsonl", "--baseline", "line3.baseline.json"]
    code, out, err = call(*words)
    assert code == 0 and "warning: these 30 parts are not like the 30 of the baseline: object score 0.3" in err
    assert ": drift: object score higher" in out and "rule 2, nine in a row" in out
    assert call(*words, "--fail-on-drift")[0] == 3


def test_json_is_the_comparison_alone(call, saved):
    """What `running.compare` gives, on stdout; several files of results follow each other."""
    code, out, _ = call("compare", "today.jsonl", "good.jsonl", "--baseline", "line3.baseline.json", "--json")
    told = json.loads(out)
    assert code == 0 and (told["results"], len(told["parts"])) == ("today.jsonl and 1 more", 60)
    assert told["parts"][30]["input"] == "good/0.ply"


def test_a_short_baseline_is_warned_of(call, files):
    """Six parts are kept all the same, and every comparison repeats it."""
    lines = (files / "good.jsonl").read_text().splitlines()
    (files / "six.jsonl").write_text("\n".join(lines[:6]))
    code, out, err = call("save", "six.jsonl", "--out", "six.json", "--json")
    assert code == 0 and err == "warning: six.json: 6 parts give rough limits; save 20 or more when there are\n"
    assert len(json.loads(out)["parts"]) == 6
    assert "note: the baseline has 6 parts" in call("compare", "today.jsonl", "--baseline", "six.json")[2]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("save none.jsonl --out b.json", 4, "none.jsonl: cannot be read (No such file or directory); name what"),
        ("save good.jsonl --out line3.baseline.json", 2, "line3.baseline.json: exists already; add --force"),
        ("save good.json --out good.json --force", 2, "--out good.json: is read by this call; name another file"),
        ("save good.jsonl --out b.txt", 2, "--out b.txt: is written as JSON; end its name with .json"),
        ("save good.jsonl ./good.jsonl --out b.json", 2, "good.jsonl: is named twice; name every file of results once"),
        ("save . --out b.json", 4, ".: holds no record of results (align3d-results.jsonl); name what"),
        ("compare today.jsonl --baseline good.jsonl", 4, "good.jsonl: is no baseline of this version; make it with"),
        ("compare today.jsonl --baseline none.json", 4, "none.json: cannot be read"),
        (
            "compare today.jsonl --baseline line3.baseline.json --out c.png",
            2,
            "--out c.png: is written as HTML; end its",
        ),
        ("compare empty.jsonl --baseline line3.baseline.json", 4, "empty.jsonl: holds no result; name what"),
        ("compare line3.baseline.json --baseline line3.baseline.json", 4, "result 1: is no result; name what"),
    ],
)
def test_what_cannot_be_done_is_one_line(call, saved, words, code, said):
    """The file, the finding, the next step; nothing is written."""
    (saved / "empty.jsonl").write_text("")
    (saved / "good.json").write_text((saved / "good.jsonl").read_text())
    before = sorted(path.name for path in saved.iterdir())
    found, out, err = call(*words.split())
    assert (found, out) == (code, "") and said in err and err.startswith("error: ") and err.count("\n") == 1, err
    assert sorted(path.name for path in saved.iterdir()) == before
