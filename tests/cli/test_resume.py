"""`align3d score --out-dir DIR --resume`: what is scored is kept, and never what another call would have made."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from align3d_cli.errors import UsageError
from align3d_cli.helpers.sealed_lines import sealed, unsealed
from align3d_cli.report.read_results import RECORD
from align3d_cli.running.batch import Batch, BatchSettings
from align3d_cli.running.inputs import find_parts, with_outputs
from align3d_cli.running.record import outcomes, record_of

from .conftest import PATHS

pytestmark = pytest.mark.slow  # each test starts programs

N_PARTS, PATIENCE_S = 12, 120


@pytest.fixture
def folder(tmp_path, write_ball):
    """Three balls in a folder, and where their heat maps go."""
    (tmp_path / "in").mkdir()
    for name in ("a", "b", "c"):
        write_ball(tmp_path / "in" / f"{name}.ply")
    return tmp_path


@pytest.fixture
def score(folder, model):
    """`score(resume, **options)`: scores the folder; gives the inputs scored now, and all results in order."""

    def run(resume=True, **options):
        settings = replace(BatchSettings(str(model), device="cpu", force=True), **options)
        parts = with_outputs(find_parts([str(folder / "in")]).parts, folder / "heat", ".ply")
        record, batch = record_of(folder / "heat", settings), Noting(Batch(settings))
        results = [found.result for found in outcomes(batch, parts, record, record.kept(parts) if resume else {})]
        return [part.place.stem for part in batch.asked], results

    return run


class Noting:
    """A batch that notes which parts it is asked for."""

    def __init__(self, batch):
        self.batch, self.asked = batch, []

    def outcomes(self, parts):
        self.asked = parts
        return self.batch.outcomes(parts)


def test_what_is_scored_is_kept(score, folder):
    """A second call scores nothing and gives the very results; one whose heat map is gone is scored again."""
    asked, first = score()
    assert asked == ["a", "b", "c"]
    assert score() == ([], first)
    (folder / "heat" / "b.ply").unlink()
    asked, again = score()
    assert asked == ["b"]
    assert [one["input"] for one in again] == [one["input"] for one in first]
    assert [one["score"] for one in again] == [one["score"] for one in first]


def test_a_heat_map_or_a_scan_that_changed_is_scored_again(score, folder):
    """A heat map of other bytes, a scan of other bytes, and a record whose line is damaged or cut."""
    first = score()[1]
    (folder / "heat" / "a.ply").write_bytes(b"ply")
    scan = folder / "in" / "b.ply"
    scan.write_bytes(scan.read_bytes()[:-4] + b"\0\0\0\0")
    asked, results = score()
    assert asked == ["a", "b"] and results[1]["input_sha256"] != first[1]["input_sha256"]
    record = folder / "heat" / RECORD
    record.write_bytes(record.read_bytes()[:-20])
    assert score()[0] == ["b"]
    shown = json.dumps(first[2]["score"]).encode()
    record.write_bytes(record.read_bytes().replace(b'"score": ' + shown, b'"score": 0.123456'))
    assert "c" in score()[0]
    assert score()[0] == []


def test_a_result_without_a_field_is_scored_again(score, folder):
    """One that tells less than results tell today is of no use to tables and pages."""
    score()
    record = folder / "heat" / RECORD
    lines = [unsealed(line) for line in record.read_bytes().splitlines() if line]
    del lines[-1]["result"]["colours"]
    record.write_bytes(b"".join(map(sealed, lines)))
    assert score()[0] == ["c"]
    assert score()[0] == []


@pytest.mark.parametrize("options", [{"views": "2"}, {"threshold": 0.3}, {"background": "keep"}, {"seed": 1}])
def test_results_of_other_options_are_refused(score, folder, options):
    """Nothing is mixed and nothing replaced: one line, and the heat maps stay."""
    score(**options)
    before = (folder / "heat" / "a.ply").read_bytes()
    with pytest.raises(UsageError, match="other options; name another --out-dir"):
        score()
    assert (folder / "heat" / "a.ply").read_bytes() == before
    score(resume=False)
    assert score()[0] == []


def test_results_of_another_model_are_refused(score, folder, model):
    """The model counts by its bytes, not by its name: a copy is the same one, another under its name is not."""
    from align3d_cli.model.bundle import load_bundle, save_bundle

    mine = folder / "mine.safetensors"
    shutil.copy(model, mine)
    score()
    assert score(model=str(mine))[0] == []
    save_bundle(mine, replace(load_bundle(model), record={"note": "another"}))
    with pytest.raises(UsageError, match="another model"):
        score(model=str(mine))


def test_files_of_others_are_refused(score, folder):
    """A file in the place of a heat map that no call on record wrote is nobody's to replace."""
    (folder / "heat").mkdir()
    (folder / "heat" / "b.ply").write_bytes(b"mine")
    with pytest.raises(UsageError, match="no call that goes on here wrote it"):
        score()
    assert (folder / "heat" / "b.ply").read_bytes() == b"mine"


@pytest.mark.parametrize("more", [["--force"], ["--split"], ["--among"]])
def test_what_resume_cannot_be_given_with(align3d, folder, more):
    """One line names the two; without --out-dir there is nothing to go on in."""
    for arguments in (["--out-dir", folder / "heat", "--resume", *more], ["--resume"]):
        run = align3d("score", folder / "in", *arguments)
        assert run.code == 2 and run.err.startswith("error: --resume"), run.err


def test_files_about_all_parts_are_whole_when_a_call_goes_on(align3d, model, folder):
    """The page and the tables of the second call hold the kept parts too, and take the place of the first call's."""
    (folder / "in" / "d.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 9\n")
    files = {option: folder / f"all.{option}" for option in ("csv", "xml", "html")}
    named = ["--csv", files["csv"], "--junit", files["xml"], "--report", files["html"], "--model", model]
    call = ["score", folder / "in", "--out-dir", folder / "heat", *named]
    assert align3d(*call).code == 6
    whole = {option: path.read_text() for option, path in files.items()}
    (folder / "heat" / "b.ply").unlink()
    files["xml"].unlink()
    run = align3d(*call, "--resume")
    assert run.code == 6 and "2 of 4 parts are scored already" in run.err, run.err
    lines, before = (text.splitlines() for text in (files["csv"].read_text(), whole["csv"]))
    assert [(line.split(",")[0:3]) for line in lines] == [line.split(",")[0:3] for line in before]
    assert files["xml"].read_text().count("<testcase") == 4 and files["xml"].read_text().count("<error") == 1
    page = files["html"].read_text()
    assert page.count('<div class="viewer">') == whole["html"].count('<div class="viewer">') == 3
    assert page.count("Scored by an earlier call") == 2 and "d.ply" in page


def test_a_batch_that_is_killed_goes_on(align3d, model, tmp_path, write_ball):
    """SIGKILL amid the batch: no half-written heat map; the same call with --resume ends as an undisturbed one does."""
    (tmp_path / "in").mkdir()
    for number in range(N_PARTS):
        write_ball(tmp_path / "in" / f"{number:02}.ply")
    arguments = ["score", str(tmp_path / "in"), "--model", str(model), "--jsonl", "--quiet"]
    command = [sys.executable, "-m", "align3d_cli", *arguments, "--out-dir", str(tmp_path / "heat")]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": PATHS}, stdout=subprocess.DEVNULL)
    give_up = time.monotonic() + PATIENCE_S
    while len(list(tmp_path.glob("heat/*.ply"))) < 3 and time.monotonic() < give_up:
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    before = {path.name: path.stat().st_ino for path in tmp_path.glob("heat/*.ply")}
    run = align3d(*arguments, "--out-dir", tmp_path / "heat", "--resume")
    whole = align3d(*arguments, "--out-dir", tmp_path / "whole")
    assert (run.code, whole.code) == (0, 0), run.err
    after = {path.name: path.stat().st_ino for path in tmp_path.glob("heat/*.ply")}
    assert 3 <= len(before) < len(after) == N_PARTS
    assert (
        sum(after[name] != inode for name, inode in before.items()) <= 1
    )  # one heat map can be there without its line
    for name in after:
        assert (tmp_path / "heat" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    told, expected = ([json.loads(line) for line in found.out.splitlines()] for found in (run, whole))
    for one, other in zip(told, expected, strict=True):
        assert {**one, "output": None, "seconds": None} == {**other, "output": None, "seconds": None}
