"""A run under damage nobody thought of: the true table, one that says it is not whole, or one line about a file."""

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.evaluation.question import Question
from align3d_cli.evaluation.runlog import read_run
from align3d_cli.evaluation.runner import run_benchmark
from align3d_cli.evaluation.table_text import render
from align3d_cli.evaluation.tables import build_table

SHAPES = (
    b"[]",
    b"null",
    b"17",
    b'"text"',
    b"{}",
    b'{"type": "scan"}',
    b'{"type": "plan", "arms": 3}',
    b"\x00\xff",
    b"",
)


def flip_digit(data: bytes, rng: random.Random) -> bytes:
    at = rng.choice([match.start() for match in re.finditer(rb"[0-9]", data)])
    return data[:at] + rng.choice(b"0123456789").to_bytes() + data[at + 1 :]


def flip_byte(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(1) + data[at + 1 :]


def cut(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randrange(1, 400) :]


def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def reshape_line(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    lines[rng.randrange(len(lines))] = rng.choice(SHAPES)
    return b"\n".join(lines)


def drop_line(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    del lines[rng.randrange(len(lines))]
    return b"\n".join(lines)


def repeat_line(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return b"\n".join(lines)


def swap_values(data: bytes, rng: random.Random) -> bytes:
    """One JSON value in the place of another."""
    values = list(re.finditer(rb'"[^"\n]*"|-?[0-9.]+|true|false|null', data))
    here, there = rng.choice(values), rng.choice(values)
    return data[: here.start()] + there.group() + data[here.end() :]


DAMAGES = (flip_digit, flip_byte, cut, truncate, reshape_line, drop_line, repeat_line, swap_values)
FILES = ("log.jsonl", "run.json", "points/*.npz")
SEEDS = 25  # for every damage and file: 600 damaged runs in all


@pytest.fixture(scope="module")
def run(tmp_path_factory, scan_folder) -> tuple[Path, str]:
    """A finished run of geometry alone, small enough to be read hundreds of times, and its table."""
    folder = tmp_path_factory.mktemp("damaged") / "run"
    run_benchmark(Question("folder", scan_folder, methods=("curvature",)), folder)
    return folder, table_of(folder)


def table_of(folder: Path) -> str:
    return render(build_table(read_run(folder)), "json")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES)
def test_damage_never_gives_another_table(run, tmp_path, damage: Callable[[bytes, random.Random], bytes], file):
    """Whatever happens to a file: no other figures pass for whole, and a refusal names the file in one line."""
    folder, whole = run
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    for seed in range(SEEDS):
        rng = random.Random(seed)
        path = rng.choice(sorted(copy.glob(file)))
        data = path.read_bytes()
        path.write_bytes(damage(data, rng))
        check(copy, path, whole)
        path.write_bytes(data)


def check(folder: Path, path: Path, whole: str) -> None:
    try:
        found = table_of(folder)
    except InputRejected as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
        assert "; " in str(error)  # the next step
        return
    if json.loads(found) != json.loads(whole):
        table = json.loads(found)
        assert not table["complete"] and any(n.startswith("INCOMPLETE") for n in table["notes"])


def test_a_damaged_line_is_scored_anew_once_it_is_deleted(run, tmp_path, scan_folder):
    """The message's own advice leads back to the true table, also where it is a file of points that is damaged."""
    folder, whole = run
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    log = copy / "log.jsonl"
    lines = log.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"0.", b"1.", 1)
    log.write_bytes(b"\n".join(lines))
    with pytest.raises(InputRejected, match="line 3 is damaged"):
        read_run(copy)
    log.write_bytes(b"\n".join(lines[:2] + lines[3:]))
    points = sorted(copy.glob("points/*.npz"))[0]
    points.write_bytes(points.read_bytes()[:-1])
    with pytest.raises(InputRejected, match=r"\.npz: is damaged"):
        table_of(copy)
    question = Question("folder", scan_folder, methods=("curvature",))
    assert run_benchmark(question, copy).n_new in (1, 2)  # the line's own points may be the damaged ones
    assert json.loads(table_of(copy))["rows"] == json.loads(whole)["rows"]
