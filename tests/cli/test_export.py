"""One part through every way there is to score it, with a model and with its ONNX file: the same score."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("onnx", reason="ONNX is an optional extra: pip install align3d[export]")
pytest.importorskip("onnxruntime", reason="ONNX is an optional extra: pip install align3d[export]")

import align3d_cli as align3d_library
from align3d_cli.cli.app import app
from align3d_cli.evaluation.question import Question
from align3d_cli.evaluation.runlog import read_run
from align3d_cli.evaluation.runner import run_benchmark
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.manifest import write_sidecar
from align3d_cli.hub.installed import inventory, state_of
from align3d_cli.model.bundle import load_bundle, save_bundle
from align3d_cli.model.export import POINT_TOLERANCE, export_bundle
from align3d_cli.model.find import find_model, installed
from align3d_cli.running.drift import known_in
from tests.cli.plates import write_folder
from tests.reference.plates import plate

pytestmark = pytest.mark.slow  # most tests start programs


@pytest.fixture(scope="module")
def exported(align3d, model, tmp_path_factory):
    """The small model as `align3d export` writes it, and what that says."""
    path = tmp_path_factory.mktemp("onnx") / "m.onnx"
    run = align3d("export", model, "--out", path, "--json")
    assert run.code == 0 and not run.err, run.err
    return path, json.loads(run.out)


@pytest.fixture(scope="module")
def wanted(model, write_ball, tmp_path_factory):
    """A ball on disk, and what the model itself says of it, from Python."""
    ball = tmp_path_factory.mktemp("ball") / "ball.ply"
    write_ball(ball)
    return ball, align3d_library.load(model, device="cpu").score(ball)


def call(*words):
    """The program in this process."""
    return CliRunner().invoke(app, [str(word) for word in words])


def refusal(run, code: int) -> str:
    """What a call was refused with, which must be one line."""
    assert isinstance(run.exception, align3d_library.Align3DError), run
    assert run.exception.exit_code == code and "\n" not in str(run.exception)
    return str(run.exception)


def same(found: dict, wanted, path: Path) -> None:
    """Score and verdict of a JSON result are those of the model, its identity that of the .onnx."""
    told = wanted.result()
    assert abs(found["score"] - told["score"]) < POINT_TOLERANCE
    assert [found[key] for key in ("verdict", "threshold")] == [told[key] for key in ("verdict", "threshold")]
    assert (found["model"], found["model_sha256"]) == ("tiny", sha256_of(path))


def test_export_says_what_it_wrote(exported, model):
    """As JSON: the file's hash and size, the model it was made of, versions, branches, and how near both are."""
    path, told = exported
    assert told["sha256"] == sha256_of(path) and told["bytes"] == path.stat().st_size
    assert told["of"] == sha256_of(model) and told["branches"] == ["rendering"]
    assert (told["opset"], told["ir_version"]) == (17, 8) and 0 <= told["largest_difference"] < 7e-6


def test_python_gives_the_same_points(exported, wanted):
    """`align3d.load("m.onnx")`: every point within the tolerance."""
    ball, torch_way = wanted
    onnx_way = align3d_library.load(exported[0]).score(ball)
    assert np.abs(onnx_way.points - torch_way.points).max() < POINT_TOLERANCE
    same(onnx_way.result(), torch_way, exported[0])


def test_the_program_gives_the_same_points(align3d, exported, wanted, tmp_path):
    """A file and the same bytes from standard input, to a heat map."""
    ball, torch_way = wanted
    for name, more in ((ball, {}), ("-", {"stdin": ball.read_bytes()})):
        words = ["--input-format", "ply"] if more else []
        heat = tmp_path / "heat.npz"
        run = align3d("score", name, *words, "--model", exported[0], "--json", "--out", heat, "--force", **more)
        assert run.code == 0 and not run.err, run.err
        same(json.loads(run.out), torch_way, exported[0])
        assert np.abs(np.load(heat)["scores"] - torch_way.points).max() < POINT_TOLERANCE


@pytest.mark.parametrize(
    "engine",
    [
        "local",
        pytest.param(
            "ray",
            marks=pytest.mark.skipif(
                find_spec("ray") is None, reason="Ray is an optional extra: pip install align3d[ray]"
            ),
        ),
    ],
)
def test_a_batch_gives_the_same_score(align3d, exported, wanted, parts, tmp_path, engine):
    """A folder of balls in one process, or on a cluster."""
    run = align3d("score", parts, "--model", exported[0], "--jsonl", "--engine", engine, "--out-dir", tmp_path / "heat")
    assert run.code == 0, run.err
    lines = [json.loads(line) for line in run.out.splitlines()]
    assert len(lines) == 3
    for line in lines:
        same(line, wanted[1], exported[0])


def test_a_batch_goes_on_with_the_same_model_alone(exported, model, parts, tmp_path):
    """`--resume`: heat maps of the .onnx are kept for it, and are not those of the model that it was made from."""
    words = ("score", parts, "--jsonl", "--out-dir", tmp_path / "heat", "--model")
    assert call(*words, exported[0]).exit_code == 0
    assert call(*words, exported[0], "--resume").exit_code == 0
    assert "another model" in refusal(call(*words, model, "--resume"), 2)


def test_a_benchmark_gives_the_same_figures(exported, model, tmp_path):
    """Zero-shot on an own folder, scan by scan; what trains its models takes the tower's features, which are not
    there."""
    root = write_folder(tmp_path / "data", colour=False)
    found = []
    for name, path in (("torch", model), ("onnx", exported[0])):
        run_benchmark(Question("folder", root, model=str(path)), tmp_path / name)
        found.append({line["sample"]: line["object_scores"] for line in read_run(tmp_path / name).scans})
    assert found[0].keys() == found[1].keys() and len(found[0]) == 4
    for name, scores in found[0].items():
        assert found[1][name] == pytest.approx(scores, abs=POINT_TOLERANCE)
    with pytest.raises(align3d_library.Align3DError, match="is exported"):
        run_benchmark(Question("synthetic", protocol="one-vs-rest", model=str(exported[0])), tmp_path / "trains")


def test_good_parts_travel(exported, model, tmp_path):
    """A model that was taught is exported with what it knows; an exported one can be taught, and written as either."""
    good, part = [plate(1, grid=False).scan.xyz], plate(9, dent=True, grid=False).scan.xyz
    taught = align3d_library.load(model, device="cpu").teach(good)
    wanted = taught.score(part)
    taught.save(tmp_path / "line.safetensors")
    save_bundle(tmp_path / "line.onnx", export_bundle(load_bundle(tmp_path / "line.safetensors")).bundle)
    align3d_library.load(exported[0]).teach(good).save(tmp_path / "after.onnx")
    for name in ("line.onnx", "after.onnx"):
        found = align3d_library.load(tmp_path / name).score(part)
        assert found.verdict == wanted.verdict and found.score == pytest.approx(wanted.score, abs=1e-3)
        assert found.result()["references"]["parts"] == wanted.result()["references"]["parts"]
        assert known_in(tmp_path / name).taught


def test_the_weights_commands_know_exported_models(exported, tmp_path):
    """Listed beside others; verified by a noted hash and a load; damaged when it is not whole."""
    path = tmp_path / "m.onnx"
    path.write_bytes(exported[0].read_bytes())
    assert inventory([tmp_path]) == [path] and state_of(path)[0] == "unstated"
    write_sidecar(path, sha256_of(path), {"trust": "given"})
    assert state_of(path)[0] == "verified"
    path.write_bytes(path.read_bytes()[:-1])
    assert state_of(path)[0] == "damaged"


def test_an_installed_one_is_found_by_name(exported, tmp_path, monkeypatch):
    """In the folder of fetched models, as any other."""
    monkeypatch.setenv("ALIGN3D_CACHE", str(tmp_path))
    (tmp_path / "line3.onnx").write_bytes(exported[0].read_bytes())
    assert find_model("line3") == tmp_path / "line3.onnx" and "line3" in installed()


def test_calls_that_cannot_be_carried_out_are_told(exported, model, parts, tmp_path):
    """A name that is no ONNX file, one that is there, an exported model once more or to be trained, an .onnx from
    commands that write none."""
    path = exported[0]
    assert "let it end with .onnx" in refusal(call("export", model, "--out", tmp_path / "m.bin"), 2)
    assert "exists already" in refusal(call("export", model, "--out", path), 2)
    assert "is exported" in refusal(call("export", path, "--out", tmp_path / "n.onnx"), 2)
    words = ("prompt-train", "--dataset", "synthetic", "--count", 2, "--model")
    assert "is exported" in refusal(call(*words, path, "--out", tmp_path / "t.safetensors"), 2)
    alone, out = "`align3d export` alone", tmp_path / "t.onnx"
    assert alone in refusal(call(*words, model, "--out", out), 2)
    assert alone in refusal(call("teach", parts, "--model", model, "--out", out), 2)
    assert alone in refusal(call("calibrate", "--root", parts, "--model", model, "--out", out), 2)
    assert alone in refusal(call("weights", "average", model, model, "--out", out), 2)
    assert alone in refusal(call("tune", "--steps", 1, "--out", out), 2)


def test_a_file_that_is_no_model_is_told(exported, wanted, tmp_path):
    """Cut off in a copy: one line and exit code 5."""
    path = tmp_path / "m.onnx"
    path.write_bytes(exported[0].read_bytes()[:100_000])
    assert "not an align3d model" in refusal(call("score", wanted[0], "--model", path), 5)


@pytest.mark.parametrize("library", ["onnx", "onnxruntime"])
def test_a_missing_library_is_told(exported, model, wanted, tmp_path, monkeypatch, library):
    """An installation without the extra: exit code 5 and what to install."""
    monkeypatch.setitem(sys.modules, library, None)
    told = f"{library} is not installed; pip install 'align3d[export]'"
    assert told in refusal(call("export", model, "--out", tmp_path / "m.onnx"), 5)
    if library == "onnxruntime":
        assert told in refusal(call("score", wanted[0], "--model", exported[0]), 5)


def test_the_help_says_what_stays_outside(monkeypatch):
    """With the names of the graph's ends, and without markup."""
    monkeypatch.setenv("COLUMNS", "200")
    run = call("export", "--help")
    assert all(words in run.output for words in ("view_cosines", "Outside, in align3d", "align3d[export]", "opset 17"))
