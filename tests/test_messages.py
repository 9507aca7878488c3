"""What a user is told when a scan is read stands in messages.json, as text to be reviewed."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .messages import CASES, said, snapshot

PACKAGE = Path(__file__).parents[1] / "align3d_cli"
OURS = {"read_scores.py"}  # our own heat maps, no scans: its refusals are cases of tests/io/test_read_scores.py
READERS = (path for path in (PACKAGE / "io").glob("[!w]*.py") if path.name not in OURS)
ROOMS = (*sorted(READERS), *sorted((PACKAGE / "clouds").glob("*.py")))
FILES = {str(path): path for path in (*ROOMS, PACKAGE / "datasets" / "labels.py")}
REFUSALS = ("reject", "InputRejected", "UsageError", "Damaged", "CutShort", "NotANumber")
UNREACHED = {  # file and words -> why no small file brings it about
    "source.py: does not fit into memory": "a machine would have to be full",
    "read.py: does not fit into memory": "the same",
    "obj.py: more than {POINT_LIMIT}": "takes 50 million rows",
    "stl.py: more than {POINT_LIMIT}": "the same",
    "mesh_text.py: run into each other": "a numpy that reads 1-2 as two numbers; today's does not",
}
FOREIGN = re.compile(
    r"\b(?:None|True|False|nan|ndarray|dtype|array|u?int\d+|float\d+|complex\d+|Errno|codec|byte string|unmatched data"
    r"|[A-Z]\w*(?:Error|Exception)|Traceback)\b|<class|\(\d+, \d+\)|\(\d+,\)|object at 0x"
)


@pytest.mark.parametrize("name", CASES)
def test_messages_are_those_reviewed(name):
    """A changed message is a change of the snapshot: python -m tests.messages --write, and read what changed."""
    assert said(CASES[name]) == snapshot()[name]


def test_the_snapshot_has_no_other_messages():
    """What no case says any more is no message."""
    assert list(snapshot()) == list(CASES)


@pytest.mark.parametrize(("name", "told"), snapshot().items())
def test_messages_are_file_finding_and_step(name, told):
    """A refusal is one line "file: finding; next step", a note one sentence; neither has words of Python or numpy."""
    for text in [told] if isinstance(told, str) else told:
        assert "\n" not in text and not FOREIGN.search(text.replace("--focal nan", ""))
    if isinstance(told, str):
        about, _, rest = told.partition(": ")
        finding, _, step = rest.partition("; ") if not about.startswith("--focal") else (about, "", rest)
        assert re.match(r"(?:--[a-z-]+( \S+)?|standard input|[\w.]+)$", about) and finding and step


def refusals(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls that make a refusal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in REFUSALS or (name == "ValueError" and "header" in getattr(tree, "name_of_file", "")):
                yield node


def calls() -> dict[tuple[str, int], str]:
    """File and line of every refusal, and how it reads there."""
    found = {}
    for file, path in FILES.items():
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        tree.name_of_file = path.name
        for node in refusals(tree):
            found[file, node.lineno] = f"{path.name}:{node.lineno}: {ast.get_source_segment(text, node)}"
    return found


def lines_run() -> set[tuple[str, int]]:
    """File and line of all that runs in the readers while every case is told."""
    found: set[tuple[str, int]] = set()

    def within(frame, event, _):
        found.add((frame.f_code.co_filename, frame.f_lineno))
        return within

    before = sys.gettrace()
    sys.settrace(lambda frame, event, _: within if frame.f_code.co_filename in FILES else None)
    try:
        for case in CASES.values():
            said(case)
    finally:
        sys.settrace(before)
    return found


def test_every_refusal_is_a_case():
    """A refusal that no case reaches is not reviewed; the few that no small file brings about are named."""
    run = lines_run()
    missed = [text for place, text in calls().items() if place not in run]
    excused = [(text, name) for text in missed for name in UNREACHED if _names(name, text)]
    assert set(missed) == {text for text, _ in excused}
    assert {name for _, name in excused} == set(UNREACHED), "the others are reached: name them no longer"


def _names(name: str, call: str) -> bool:
    file, _, words = name.partition(": ")
    return call.startswith(file) and words in call
