"""Results read again: what --json and --jsonl print and what is on record; anything else is one line."""

import json
from pathlib import Path

import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.sealed_lines import sealed
from align3d_cli.running.record import RECORD
from align3d_cli.running.result_lines import read_results
from tests.report.results import failed, scored

RESULTS = [scored("a.ply", 0.1), failed(), scored("b.ply", 0.2)]


@pytest.mark.parametrize(
    "text",
    [json.dumps(RESULTS, indent=2), "".join(f"{json.dumps(one)}\n\n" for one in RESULTS)],
    ids=["--json", "--jsonl"],
)
def test_both_forms_give_the_results_in_order(tmp_path, text):
    """Failed parts too; empty lines are nothing."""
    (tmp_path / "results").write_text(text)
    assert read_results([tmp_path / "results"]) == RESULTS


def test_one_part_and_several_files_are_results_too(tmp_path):
    """`score part.ply --json` prints one object; files follow each other."""
    (tmp_path / "one.json").write_text(json.dumps(RESULTS[0], indent=2))
    (tmp_path / "two.jsonl").write_text(json.dumps(RESULTS[2]))
    assert read_results([tmp_path / "two.jsonl", tmp_path / "one.json"]) == [RESULTS[2], RESULTS[0]]


def test_a_folder_gives_what_is_on_record(tmp_path):
    """The last of each heat map, in the order in which they were scored; half a line is nothing."""
    first, again, other = (
        scored(name, score, output=f"{name}.out") for name, score in (("a", 0.1), ("a", 0.3), ("b", 0.2))
    )
    begun = {"key": "k", "outputs": ["a.out", "b.out"]}
    lines = [begun] + [{"key": "k", "outputs": [one["output"]], "result": one} for one in (first, other, again)]
    (tmp_path / RECORD).write_bytes(b"".join(map(sealed, lines)) + b'{"key": "k", "res')
    assert read_results([tmp_path]) == [other, again]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no result; give what"),
        ("[]", "holds no result; give what"),
        ("{}", "result 1: is no result; give what"),
        ("score\n0.5\n", "line 1: is no JSON; give what"),
        (json.dumps(RESULTS[0]) + "\n{", "line 2: is no JSON; give what"),
        ("[1, 2]", "result 1: is no result; give what"),
        (
            json.dumps({"input": "a.ply", "score": 0.5}),
            "has no verdict, another version wrote it; score the scans again",
        ),
        (json.dumps(RESULTS[0] | {"score": 1.5}), "its score is no number from 0 to 1; give what"),
        (json.dumps(RESULTS[0] | {"score": "high"}), "its score is no number from 0 to 1; give what"),
        ("[" * 100_000, "line 1: is no JSON"),
    ],
)
def test_what_is_no_result_is_refused_with_its_place(tmp_path, text, said):
    """One line that names the file and what to give."""
    file = tmp_path / "results.jsonl"
    file.write_text(text)
    with pytest.raises(InputRejected) as error:
        read_results([file])
    assert str(error.value).startswith(str(file)) and said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "said"), [("none.jsonl", "cannot be read"), (".", "holds no record of results"), ("noise", "is no text")]
)
def test_files_that_cannot_be_read(tmp_path, name, said):
    """A name that is none, a folder without a record, bytes that are no text."""
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputRejected, match=said):
        read_results([Path(tmp_path / name)])
