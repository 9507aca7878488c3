"""`align3d score` writes files about all its parts: for CI servers, for tables, for people."""

import csv
import json
from xml.etree import ElementTree as Xml

import pytest

pytestmark = pytest.mark.slow  # each test starts programs


def test_junit_and_csv_tell_what_the_json_tells(align3d, model, parts, tmp_path):
    """One call over a good, a damaged and a defective part: cases and lines in the order of the results."""
    (parts / "a_bad.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 9\n")
    files = ["--junit", tmp_path / "out.xml", "--csv", tmp_path / "out.csv"]
    run = align3d("score", parts, "--model", model, "--fail-above", "0", "--jsonl", *files)
    assert run.code == 6, run.err
    results = [json.loads(line) for line in run.out.splitlines()]
    cases = Xml.parse(tmp_path / "out.xml").getroot().findall("testsuite/testcase")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    names = [result["input"] for result in results]
    assert [case.get("name") for case in cases] == [line["input"] for line in lines] == names
    assert [case[0].tag for case in cases] == ["error", "failure", "failure", "failure"]
    assert [float(line["score"]) for line in lines[1:]] == [result["score"] for result in results[1:]]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--junit", "out.csv"], "--junit out.csv: is written as XML; end its name with .xml"),
        (["--report-points", "500"], "--report-points: needs --report, the page whose points it counts"),
        (["--csv", "out.xml"], "--csv out.xml: is written as CSV; end its name with .csv"),
        (
            ["--csv", "t.csv", "--regions", "./t.csv"],
            "--csv and --regions: name one file; give the two different names",
        ),
        (["--csv", "parts/table.csv", "--force"], "--csv parts/table.csv: is one of the scans; name another file"),
        (["--junit", "old.xml"], "old.xml: exists already; add --force to replace it"),
        (["--junit", "none/new.xml"], "none/new.xml: there is no folder none; make it first"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_anything_is_scored(align3d, parts, more, told):
    """One line names option, file and what to do."""
    (parts.parent / "old.xml").write_text("mine")
    before = (parts / "table.csv").read_bytes()
    run = align3d("score", "parts", *more, cwd=parts.parent)
    assert (run.code, run.out, run.err) == (2, "", f"error: {told}\n")
    assert (parts / "table.csv").read_bytes() == before and (parts.parent / "old.xml").read_text() == "mine"
