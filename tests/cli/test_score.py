"""`align3d score` as its users run it: files in, heat maps and results out, exit codes as the README states them."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import tifffile

from align3d_cli.io.read import read_scan
from align3d_cli.report.read_results import RECORD
from align3d_cli.report.result import FIELDS, result_schema

pytestmark = pytest.mark.slow  # each test starts programs

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Batch:
    """One call over four parts, the first of them damaged, with everything a batch can be asked for."""

    run: Any
    folder: Path
    lines: list[dict]


@pytest.fixture(scope="module")
def batch(align3d, model, tmp_path_factory, write_ball) -> Batch:
    folder = tmp_path_factory.mktemp("batch")
    (folder / "deep").mkdir()
    (folder / "a_bad.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 9\n")
    for name in ("ball.ply", "deep/ball.ply", "table.csv"):
        write_ball(folder / name)
    arguments = ["--out-dir", folder / "heat", "--report", folder / "report.html", "--jsonl", "--fail-above", "0"]
    run = align3d("score", folder, *arguments, "--model", model)
    return Batch(run, folder, [json.loads(line) for line in run.out.splitlines()])


def test_a_bad_file_does_not_stop_the_others(batch):
    """Lines in input order, an error object for the bad one, heat maps for the rest, one line on stderr."""
    for line in batch.lines:
        jsonschema.validate(line, result_schema())
    names = [str(Path(line["input"]).relative_to(batch.folder)) for line in batch.lines]
    assert names == ["a_bad.ply", "ball.ply", "deep/ball.ply", "table.csv"]
    assert batch.lines[0]["error"]["exit_code"] == 4
    outputs = [Path(line["output"]).relative_to(batch.folder) for line in batch.lines[1:]]
    assert [str(path) for path in outputs] == ["heat/ball.ply", "heat/deep/ball.ply", "heat/table.ply"]
    assert all((batch.folder / path).is_file() for path in outputs)
    assert batch.run.err.splitlines()[0].startswith(f"error: {batch.folder}/a_bad.ply: ")
    assert "Traceback" not in batch.run.err


def test_a_failed_part_weighs_more_than_an_exceeded_limit(batch):
    """All good scans exceed the limit, and still the call ends with 6: its result is not complete."""
    assert all(line["score"] > 0 and line["verdict"] == "defective" for line in batch.lines[1:])
    assert batch.run.code == 6
    assert "1 of 4 parts could not be scored" in batch.run.err


def test_the_model_is_loaded_once(batch):
    """Only the first part that can be read pays for loading."""
    assert ["load" in line["seconds"] for line in batch.lines[1:]] == [True, False, False]


def test_equal_scans_get_equal_scores(batch):
    """The order in a batch and the folder leave no trace: two copies of a scan have heat maps of the same bytes."""
    one, two = (Path(line["output"]).read_bytes() for line in batch.lines[1:3])
    assert one == two


def test_one_report_holds_the_whole_batch(batch):
    """All parts and the failure stand on the one page, with a viewer for each scored part."""
    page = (batch.folder / "report.html").read_text()
    assert page.count('<div class="viewer">') == 3
    assert "a_bad.ply" in page
    assert "1 could not be scored" in page
    for line in batch.lines[1:]:
        assert f"total {line['seconds']['total']:.2f}" in page, "what the JSON says"


@pytest.mark.slow
def test_one_part_gives_a_heat_map_and_one_line(align3d, parts, model):
    """The line names part, score, verdict and file; the map holds the points in input order with their scores.

    Sent to standard output by another process, the map has the same bytes, and the line moves to stderr.
    """
    heat = parts / "heat.ply"
    run = align3d("score", parts / "ball.ply", "--out", heat, "--model", model)
    assert (run.code, run.err) == (0, "")
    (line,) = run.out.splitlines()
    assert "ball.ply" in line
    assert "2,000 points" in line
    assert line.endswith(f"-> {heat}")
    assert ("defective" in line) != ("good" in line)
    np.testing.assert_allclose(read_scan(heat).xyz, read_scan(parts / "ball.ply").xyz)
    assert b"property float scalar_anomaly" in heat.read_bytes()[:600]
    piped = align3d("score", parts / "ball.ply", "--out", "-", "--format", "ply", "--model", model)
    assert piped.out.encode(errors="surrogateescape") == heat.read_bytes()
    assert "2,000 points" in piped.err


@pytest.mark.slow
def test_json_is_what_formats_states(align3d, parts, model):
    """One schema-valid object, its fields in order, the hashes those of the files; above the limit the code is 3."""
    arguments = ["--json", "--model", model, "--seed", "7", "--fail-above", "0"]
    run = align3d("score", parts / "ball.ply", *arguments)
    assert run.code == 3
    result = json.loads(run.out)
    jsonschema.validate(result, result_schema())
    assert tuple(result) == FIELDS
    assert result["input_sha256"] == hashlib.sha256((parts / "ball.ply").read_bytes()).hexdigest()
    assert result["model_sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert (result["n_points"], result["n_invalid"], result["seed"], result["output"]) == (2000, 0, 7, None)
    assert (result["threshold"], result["verdict"]) == (0.0, "defective")
    steps = {step: value for step, value in result["seconds"].items() if step != "total"}
    assert result["seconds"]["total"] == pytest.approx(sum(steps.values()), abs=0.02)


@pytest.mark.slow
def test_several_parts_as_json_are_one_array(align3d, parts, model):
    """--json stays one valid document for a batch; within the limit the code is 0; a stream is a part like others."""
    ball = parts / "ball.ply"
    arguments = ["--input-format", "ply", "--json", "--quiet", "--model", model, "--fail-above", "1"]
    run = align3d("score", ball, "-", *arguments, stdin=ball.read_bytes())
    assert (run.code, run.err) == (0, "")
    file, stream = json.loads(run.out)
    assert tuple(file) == tuple(stream) == FIELDS
    assert stream["input"] == "-"
    for field in ("score", "input_sha256", "n_points", "verdict", "views"):
        assert stream[field] == file[field]


@pytest.mark.slow
def test_a_tiff_gives_a_map_on_its_own_grid(align3d, tmp_path, model):
    """The map is H x W float32; pixels without a measurement are 0, the others differ; --force replaces an old one."""
    y, x = np.mgrid[0:60, 0:80].astype(np.float32) / 80
    scan = np.stack([x, y, 1 + 0.05 * np.sin(9 * x) * np.cos(7 * y)], axis=-1)
    scan[:10] = 0
    tifffile.imwrite(tmp_path / "scan.tiff", scan, photometric="rgb")
    (tmp_path / "map.tiff").write_bytes(b"old")
    run = align3d("score", tmp_path / "scan.tiff", "--out", tmp_path / "map.tiff", "--force", "--model", model)
    assert run.code == 0, run.err
    scores = tifffile.imread(tmp_path / "map.tiff")
    assert (scores.shape, scores.dtype) == ((60, 80), np.float32)
    assert (scores[:10] == 0).all()
    assert 0 <= scores[10:].min() < scores[10:].max() <= 1


def start(*arguments, **pipes) -> subprocess.Popen:
    """The program in the background."""
    command = [sys.executable, "-m", "align3d_cli", *map(str, arguments)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, **pipes)


@pytest.mark.slow
def test_an_interrupt_ends_with_130_and_leaves_whole_files(parts, model):
    """Ctrl-C in the middle of a batch: no traceback, no half-written file, what was finished stays."""
    scans = [parts / f"copy{number}.ply" for number in range(40)]
    for scan in scans:
        scan.write_bytes((parts / "ball.ply").read_bytes())
    arguments = ["score", *scans, "--out-dir", parts / "heat", "--jsonl", "--model", model]
    with start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        first = json.loads(running.stdout.readline())
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err.decode()
    assert Path(first["output"]).is_file()
    written = [path for path in (parts / "heat").iterdir() if path.name != RECORD]
    assert {path.suffix for path in written} == {".ply"}
    assert all(len(read_scan(path)) == 2000 for path in written)


@pytest.mark.slow
def test_a_reader_that_leaves_does_not_stop_the_work(parts, model):
    """`align3d score .. | head -1`: every heat map is still written, quietly, and the exit code stays true."""
    arguments = ["score", parts, "--out-dir", parts / "heat", "--jsonl", "--quiet", "--model", model]
    with start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()
        err = running.stderr.read().decode()
    assert running.returncode == 0, err
    assert err == ""
    assert len(list((parts / "heat").rglob("*.ply"))) == 3


@pytest.mark.slow
def test_a_bug_keeps_its_traceback_and_gives_1(parts, model):
    """What raises an error of Python's own is no fault of the user's: traceback, exit 1, and a batch still goes on."""
    program = (
        "from align3d_cli.cli.app import main\nfrom align3d_cli.model.inspector import Inspector\n"
        "def inspect(*given, **more):\n    raise ValueError('ours')\n"
        "Inspector.inspect = inspect\nmain()"
    )

    def score(*arguments) -> subprocess.CompletedProcess:
        call = [sys.executable, "-c", program, "score", *map(str, arguments), "--model", str(model)]
        paths = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
        return subprocess.run(call, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False)

    alone = score(parts / "ball.ply", "--out", parts / "h.ply")
    assert alone.returncode == 1
    assert "Traceback" in alone.stderr
    batch = score(parts, "--out-dir", parts / "heat", "--jsonl")
    assert batch.returncode == 1
    assert [json.loads(line)["error"]["kind"] for line in batch.stdout.splitlines()] == ["internal"] * 3
    assert "Traceback" in batch.stderr


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is an optional extra: pip install align3d[ray]")
def test_a_cluster_gives_the_same_results_in_the_same_order(align3d, model, parts, tmp_path):
    """`--engine ray` over relative paths: heat maps and lines as those of a run on one thread, but for the seconds."""
    asked = ("score", parts.name, "--model", model, "--jsonl", "--out-dir")
    local = align3d(*asked, "local", cwd=parts.parent, OMP_NUM_THREADS="1")  # as many as a worker has
    spread = align3d(*asked, "spread", "--engine", "ray", cwd=parts.parent)
    assert spread.code == local.code == 0, spread.err
    for one, other in zip(local.out.splitlines(), spread.out.splitlines(), strict=True):
        one, other = ({**json.loads(line), "seconds": None, "output": None} for line in (one, other))
        assert one == other
    for name in ("ball.ply", "deep/ball.ply", "table.ply"):
        assert (parts.parent / "local" / name).read_bytes() == (parts.parent / "spread" / name).read_bytes()


@pytest.mark.slow
def test_rules_decide_and_regions_are_tabled(align3d, model, parts, tmp_path):
    """Exit 3 and the rule on the line when a part breaks one, 0 when none does; a wrong file is told before anything
    is read; the table has a line of names and one a region."""
    (tmp_path / "line.toml").write_text('[[rule]]\nname = "any"\nreject = "score >= 0"\n')
    table = tmp_path / "regions.csv"
    run = align3d("score", parts / "ball.ply", "--model", model, "--rules", tmp_path / "line.toml", "--regions", table)
    assert run.code == 3 and "by rules" in run.out and "any: score" in run.out
    assert table.read_text().startswith("input,unit,id,kind,")
    (tmp_path / "line.toml").write_text('[[rule]]\nreject = "score > 1"\n')
    run = align3d("score", parts, "--model", model, "--rules", tmp_path / "line.toml", "--jsonl")
    assert run.code == 0 and all(json.loads(line)["verdict"] == "good" for line in run.out.splitlines())
    (tmp_path / "line.toml").write_text('[[rule]]\nreject = "skore > 1"\n')
    run = align3d("score", tmp_path / "none.ply", "--model", model, "--rules", tmp_path / "line.toml")
    assert run.code == 2 and "line 2: reject: there is no skore" in run.err
    run = align3d("score", parts, "--rules", tmp_path / "line.toml", "--fail-above", "0.5")
    assert run.code == 2 and "--fail-above and --rules: give one" in run.err
