"""A damaged run is mended by what its message advises; damage by the hundred: `tests/test_stores_damage.py`."""

import json
import shutil
from pathlib import Path

import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.evaluation.question import Question
from align3d_cli.evaluation.runlog import read_run
from align3d_cli.evaluation.runner import run_benchmark
from align3d_cli.evaluation.table_text import render
from align3d_cli.evaluation.tables import build_table


@pytest.fixture(scope="module")
def run(tmp_path_factory, scan_folder) -> tuple[Path, str]:
    """A finished run of geometry alone, small enough to be read hundreds of times, and its table."""
    folder = tmp_path_factory.mktemp("damaged") / "run"
    run_benchmark(Question("folder", scan_folder, methods=("curvature",)), folder)
    return folder, table_of(folder)


def table_of(folder: Path) -> str:
    return render(build_table(read_run(folder)), "json")


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
