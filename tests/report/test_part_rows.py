"""Results as a table: a line for every part, the numbers of the JSON."""

import csv
import io

from align3d_cli.report.part_rows import ALIKE, COLUMNS, part_csv
from align3d_cli.report.result import FIELDS

from .results import REGION, RULED, failed, scored


def lines_of(results) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(part_csv(results))))


def test_every_part_has_its_line_in_the_parts_order():
    """Scored or failed; a failed one says why, and nothing that nobody knows."""
    lines = lines_of([scored("b,1.ply"), failed('a "x".ply'), scored("c\nd.ply")])
    assert [line["input"] for line in lines] == ["b,1.ply", 'a "x".ply', "c\nd.ply"]
    assert [line["verdict"] for line in lines] == ["good", "failed", "good"]
    assert lines[1]["error"] == 'a "x".ply: is empty; export it again'
    assert (lines[1]["error_kind"], lines[1]["exit_code"]) == ("input", "4")
    assert lines[1]["score"] == lines[1]["regions"] == lines[0]["error"] == ""


def test_numbers_are_those_of_the_json():
    """Read back, every number is the one that was stored; None is an empty cell."""
    result = scored(score=0.123456, threshold=0.6806510197364101, regions=[REGION.as_dict()])
    (line,) = lines_of([result])
    for name in ("score", "threshold", "n_points", "n_invalid", "n_unseen", "n_removed", "seed"):
        assert float(line[name]) == result[name]
    assert [float(line[f"extent_{axis}"]) for axis in "xyz"] == result["extent"]
    assert (line["smallest_defect"], line["regions"], line["seconds"]) == ("0.6", "1", "1.5")
    assert line["output"] == line["model_sha256"] == line["beside"] == ""


def test_sentences_and_rules_stand_in_one_cell_each():
    """Doubts, notes and the rules that hold."""
    doubts, notes = ["too sparse; lay more", "two parts"], ["12 rows hold marks"]
    (line,) = lines_of([scored(doubts=doubts, notes=notes, decision=RULED, judged="defective")])
    assert line["doubts"] == "too sparse; lay more | two parts" and line["notes"] == notes[0]
    assert line["decided_by"] == "deep: region 1: depth 0.25 (depth > 0.2)" and line["rules"] == "line3.toml"
    assert line["verdict"] == "defective"


def test_what_moved_stands_in_the_line_of_the_last_part():
    """Of a batch that has moved, also where its last part failed; else the cell is empty."""
    moved = [{"quantity": "size", "side": "lower", "then": 40.0, "now": 20.0, "p": 0.0004}]
    drift = {"good_parts": 12, "parts": 10, "aside": 2, "chance": 0.01, "enough": True, "moved": moved}
    lines = lines_of([scored(), scored(drift=drift | {"moved": []}), scored(drift=drift), failed() | {"drift": drift}])
    assert [line["drift"] for line in lines] == ["", "", *["size 20 where it was 40 (p 0.0004)"] * 2]


def test_no_field_of_the_result_is_forgotten():
    """A field is a column of its own, or is told by columns made of it."""
    made = {"decision", "doubts", "notes", "extent", "resolution", "regions", "references", "seconds"}
    made |= {"colours", "drift"}
    assert set(FIELDS) == set(ALIKE) | made and len(set(COLUMNS)) == len(COLUMNS)


def test_no_parts_leave_the_names():
    """A table without a line is still one."""
    assert part_csv([]).splitlines() == [",".join(COLUMNS)]
