"""Calls and files that cannot be carried out end with their own exit code, one line, quickly, and no traceback."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from align3d_cli.cli.app import main

pytestmark = pytest.mark.slow  # each test starts programs

REPOSITORY = Path(__file__).parents[2]
SECONDS, MEGABYTES = 1.0, 500  # a bad file may cost no more


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (["score"], "Missing argument"),
        (["score", "a.ply", "--colour"], "No such option"),
        (["score", "a.ply", "--device", "tpu"], "tpu"),
        (["score", "a.ply", "--fail-above", "7"], "--fail-above"),
        (["score", "a.ply", "--views", "round"], "--views round"),
        (["score", "a.ply", "--out", "a.jpg"], "no heat map format"),
        (["score", "a.ply", "b.ply", "--out", "h.ply"], "2 parts cannot share"),
        (["score", "a.ply", "--out", "h.ply", "--out-dir", "d"], "give one"),
        (["score", "a.ply", "--out-dir", __file__], "is a file"),
        (["score", "a.ply", "--report", "r.ply"], "end its name with .html"),
        (["score", "a.ply", "--out", "r.html", "--report", "./r.html"], "two different names"),
        (["score", "a.ply", "--json", "--jsonl"], "give one"),
        (["score", "a.ply", "--out", "absent/h.ply"], "no folder absent"),
        (["score", "a.ply", "--report", "absent/r.html"], "no folder absent"),
        (["score", "a.ply", "--out", "-"], "needs --format"),
        (["score", "a.ply", "--out", "-", "--format", "ply", "--json"], "carries the heat map"),
        (["render", "a.ply", "--out", "d", "--style", "oil"], "oil"),
        (["render", "a.ply", "--out", __file__], "is a file"),
        (["synth", "--out", __file__, "-n", "1"], "is a file"),
        (["benchmark", "--run", __file__], "is a file"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_wrong_usage_ends_with_2(align3d, tmp_path, arguments, finding):
    """What was wrong with the call is said on stderr, and stdout stays empty."""
    run = align3d(*arguments, cwd=tmp_path)
    assert run.code == 2, run.err
    assert finding in run.err
    assert run.out == ""


TRAIN = ("--dataset", "synthetic", "--model", "align3d-lite", "--out", "o.safetensors")


@pytest.mark.parametrize(
    ("arguments", "option", "values"),
    [
        (["score", "a.ply"], "--focal", ["0", "nan", "inf", "-5"]),
        (["score", "a.ply"], "--fail-above", ["nan", "inf", "-0.1"]),
        (["score", "a.ply"], "--views", ["0", "1000000", "sphere:99999"]),
        (["score", "a.ply"], "--seed", ["-1"]),
        (["render", "a.ply", "--out", "views"], "--focal", ["0", "nan", "inf", "-5"]),
        (["render", "a.ply", "--out", "views"], "--size", ["0", "-336"]),
        (["synth", "--out", "s"], "--number", ["0", "-1"]),
        (["synth", "--out", "s", "-n", "1"], "--points", ["0", "-500", "99999999999"]),
        (["synth", "--out", "s", "-n", "1"], "--seed", ["-1"]),
        (["synth", "--out", "s", "-n", "1"], "--jobs", ["-1"]),
        (["calibrate", "--root", ".", "--out", "c.safetensors"], "--false-alarm-rate", ["nan", "-0.1", "1.1"]),
        (["calibrate", "--root", ".", "--out", "c.safetensors"], "--limit", ["0"]),
        (["align", *TRAIN], "--lambda", ["nan", "inf", "-1"]),
        (["align", *TRAIN], "--learning-rate", ["0", "nan", "inf", "-1"]),
        (["align", *TRAIN], "--max-minutes", ["0", "nan", "-1"]),
        (["align", *TRAIN], "--epochs", ["0", "-1"]),
        (["prompt-train", *TRAIN, "--no-align"], "--alpha", ["nan", "inf", "-1"]),
        (["benchmark"], "--seeds", ["-1"]),
        (["benchmark"], "--limit", ["0"]),
        (["benchmark"], "--jobs", ["0"]),
        (["tune", "--out", "o.safetensors"], "--mesh-share", ["nan", "1.5"]),
        (["tune", "--out", "o.safetensors"], "--size", ["0", "33"]),
        (["tune", "--out", "o.safetensors"], "--samples-per-step", ["0", "nan"]),
        (["tune", "--out", "o.safetensors"], "--learning-rate", ["0", "inf"]),
        (["tune", "--out", "o.safetensors"], "--steps", ["0"]),
    ],
)
def test_numbers_without_sense_end_with_2(monkeypatch, capsys, tmp_path, arguments, option, values):
    """NaN, infinity, zero and negative numbers are wrong usage wherever they mean nothing; nothing is written."""
    monkeypatch.chdir(tmp_path)
    for value in values:
        monkeypatch.setattr(sys, "argv", ["align3d", *arguments, f"{option}={value}"])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert end.value.code == 2, (value, said.err)
        assert option in said.err
        assert said.out == ""
    assert not list(tmp_path.iterdir())


def write_bad_files(folder):
    """name -> (bytes, a word of the finding)."""
    head = b"ply\nformat binary_little_endian 1.0\nelement vertex %d\n"
    body = b"property float x\nproperty float y\nproperty float z\nend_header\n"
    files = {
        "empty.ply": b"",
        "cut.ply": head % 900 + body + bytes(12 * 100),
        "huge.ply": head % 4_000_000_000 + body + bytes(1200),
        "headless.ply": head % 900,
        "nan.ply": head % 100 + body + b"\x00\x00\xc0\x7f" * 300,
        "text.stl": b"this is no mesh",
        "noise.tiff": bytes(range(256)) * 8,
        "part.docx": b"PK",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return sorted(files)


def test_bad_files_end_with_4_in_one_line(align3d, tmp_path):
    """Every damaged file is refused with one line that begins with its name; no traceback."""
    for name in [*write_bad_files(tmp_path), "absent.ply"]:
        run = align3d("score", name, cwd=tmp_path)
        assert run.code == 4, (name, run.err)
        assert run.err.startswith(f"error: {name}: "), run.err
        assert run.err.count("\n") == 1
        assert run.out == ""


def test_a_bad_file_costs_a_second_and_little_memory(tmp_path):
    """The scan is judged before the model is loaded: within 1 s of processor time and 500 MB."""
    write_bad_files(tmp_path)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = (
        "import sys\nsys.argv = ['align3d', 'score', 'huge.ply']\nfrom align3d_cli.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n"
        "    peak = [line for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "    print(stop.code, 'torch' in sys.modules, int(peak[0].split()[1]) // 1024)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    exit_code, torch_loaded, megabytes = run.stdout.split()
    assert (exit_code, torch_loaded) == ("4", "False")
    assert int(megabytes) < MEGABYTES
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS


def test_a_rejected_part_is_an_error_object_for_programs(align3d, tmp_path):
    """With --json the failure is on stdout as an object, too, and the exit code stays 4."""
    run = align3d("score", "absent.ply", "--json", cwd=tmp_path)
    assert run.code == 4
    assert json.loads(run.out)["error"]["exit_code"] == 4


def test_a_folder_without_scans_ends_with_4(align3d, tmp_path):
    """An empty folder is a wrong path, not a finished batch of none."""
    (tmp_path / "nothing").mkdir()
    run = align3d("score", "nothing", cwd=tmp_path)
    assert run.code == 4
    assert "holds no scan" in run.err


def test_outputs_that_exist_are_refused_before_any_work(align3d, parts):
    """Nothing is computed when a heat map would be overwritten unasked."""
    (parts / "heat.ply").write_bytes(b"mine")
    run = align3d("score", parts / "ball.ply", "--out", parts / "heat.ply")
    assert run.code == 2
    assert "add --force" in run.err
    assert (parts / "heat.ply").read_bytes() == b"mine"


def test_a_model_that_is_not_there_ends_with_5(align3d, parts):
    """The message says how to see which models there are."""
    run = align3d("score", parts / "ball.ply", "--model", "align3d-giant")
    assert run.code == 5
    assert "align3d-giant" in run.err
    assert "weights list" in run.err


@pytest.mark.parametrize("damage", ["cut", "noise", "nothing", "hash"])
def test_a_model_that_is_damaged_ends_with_5(align3d, parts, model, tmp_path, damage):
    """What scoring stands on is at fault, not the scan: the same code as for missing weights, from every command."""
    broken, data = tmp_path / "broken.safetensors", model.read_bytes()
    broken.write_bytes({"cut": data[: len(data) // 2], "noise": b"noise" * 99, "nothing": b"", "hash": data}[damage])
    if damage == "hash":
        (tmp_path / "broken.safetensors.sha256").write_text("0" * 64 + "  broken.safetensors\n")
    calls = [["score", parts / "ball.ply", "--model", broken]]
    if damage == "cut":
        calls.append(
            [
                "calibrate",
                "--dataset",
                "synthetic",
                "--limit",
                "10",
                "--model",
                broken,
                "--out",
                tmp_path / "c.safetensors",
            ]
        )
        calls.append(["benchmark", "--limit", "2", "--model", broken, "--run", tmp_path / "run"])
        train = ["--dataset", "synthetic", "--out", tmp_path / "t.safetensors"]
        calls.append(["align", *train, "--model", broken])
        calls.append(["prompt-train", *train, "--aligner", broken])
    for arguments in calls:
        run = align3d(*arguments)
        assert run.code == 5, (arguments, run.err)
        assert run.err.splitlines()[-1].startswith(f"error: {broken}: "), run.err
        assert "Traceback" not in run.err


def test_a_device_that_is_not_there_ends_with_5(align3d, parts, model):
    """CUDA without a GPU is the environment's lack, not a bug."""
    run = align3d("score", parts / "ball.ply", "--model", model, "--device", "cuda", CUDA_VISIBLE_DEVICES="")
    assert run.code == 5
    assert "--device cpu" in run.err


def test_names_that_are_no_text_are_shown_with_escapes(align3d, tmp_path):
    """A file name of stray bytes neither ends in a traceback nor disappears."""
    run = align3d("score", os.fsdecode(b"part\xff.ply"), cwd=tmp_path)
    assert run.code == 4
    assert run.err == "error: part\\udcff.ply: no such file; check the path\n"


def test_a_scan_without_surface_cannot_pass_as_good(align3d, tmp_path):
    """A scanner that repeats one place is answered with 4, not with a low score."""
    np.savetxt(tmp_path / "stuck.xyz", np.full((500, 3), 0.25))
    run = align3d("score", "stuck.xyz", "--fail-above", "0.9", cwd=tmp_path)
    assert run.code == 4
    finding = "all points lie at one place; check the scanner and export it again"
    assert run.err == f"error: stuck.xyz: {finding}\n"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder where nothing can be made")
def test_folders_that_cannot_be_made_end_with_5(align3d, parts, model):
    """Where an output cannot be written the message names it; no traceback, whichever command."""
    for arguments in (
        ["score", parts / "ball.ply", "--model", model, "--out-dir", "/proc/align3d"],
        ["score", parts / "ball.ply", "--model", model, "--out", "/proc/align3d.ply"],
        ["render", parts / "ball.ply", "--out", "/proc/align3d", "--size", "32"],
        ["synth", "--out", "/proc/align3d", "-n", "1"],
        ["benchmark", "--run", "/proc/align3d"],
    ):
        run = align3d(*arguments)
        assert run.code == 5, (arguments, run.err)
        assert run.err.splitlines()[-1].startswith("error: /proc/align3d"), run.err
        assert "Traceback" not in run.err


def test_a_pipe_is_not_waited_for(align3d, tmp_path):
    """A named pipe without writer is refused like any other bad input."""
    os.mkfifo(tmp_path / "pipe.ply")
    run = align3d("score", "pipe.ply", cwd=tmp_path)
    assert run.code == 4
    assert run.err.startswith("error: pipe.ply: is a pipe or a device")
