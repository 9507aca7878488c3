"""The benchmark scripts run and print whole tables; what stands in them is theirs to say."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
import trimesh
from PIL import Image

from align3d_cli.datasets.folder import find, samples
from align3d_cli.model.bundle import load_bundle

pytestmark = pytest.mark.slow  # each test starts programs

FOLDER = Path(__file__).parents[1] / "benchmarks"


def output(*command: object) -> str:
    """What a Python program prints, which must end well."""
    run = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def rows(printed: str) -> dict[str, list[str]]:
    """The rows of the printed Markdown table by their first cell, its header among them."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines() if line[:2] == "| "]
    return {row[0]: row[1:] for row in cells}


def test_seconds_of_every_step():
    """A line for the tower with as many cells as the header, the steps in seconds above 0."""
    table = rows(output(FOLDER / "encode.py", "--towers", "lite", "--side", 64, "--repeats", 1, "--device", "cpu"))
    assert len(table["lite"]) == len(table["tower"])
    assert all(float(cell) > 0 for cell in table["lite"][:6])


def test_a_model_beside_its_onnx_file():
    """A line for the scan: seconds above 0, differences within the stated tolerance."""
    pytest.importorskip("onnx", reason="ONNX is an optional extra: pip install align3d[export]")
    pytest.importorskip("onnxruntime", reason="ONNX is an optional extra: pip install align3d[export]")
    scan = "chessman/dent/001.ply"
    table = rows(output(FOLDER / "export.py", "--scans", FOLDER.parent / "examples" / scan, "--repeats", 1))
    assert len(table[scan]) == len(table["scan"])
    assert all(float(cell) > 0 for cell in table[scan][1:5]) and all(float(cell) < 1e-4 for cell in table[scan][5:])


def test_commands_killed_at_random_moments():
    """One run of `score` killed and gone on with: a row without a fault."""
    table = rows(output(FOLDER / "kill_commands.py", 1, "--commands", "score"))
    assert table["score"][table["command"].index("faults")] == "0"


def test_what_good_parts_cost():
    """A row a tree, with wall and processor seconds of learning, of the model alone and of the good parts, above 0."""
    sizes = ("--points", 3000, "--parts", 2, "--scans", 1)
    table = rows(output(FOLDER / "beside_cost.py", "--tree", FOLDER.parent, *sizes))
    (row,) = (cells for name, cells in table.items() if name != "tree")
    assert len(row) == 6 and all(float(cell) > 0 for cell in row)


def test_several_models_on_the_same_scans(tmp_path):
    """The rendering branch of the first model, the others of both, and their spread, each with four figures in %."""
    output("-m", "align3d_cli", "synth", "--out", tmp_path / "scans", "-n", 2, "--mode", "full", "--points", 3000)
    printed = output(FOLDER / "ablation.py", "--root", tmp_path / "scans", "seed0=align3d-lite", "seed1=align3d-lite")
    table = rows(printed)
    assert printed.count("| seed0 |") == 3 and printed.count("| seed1 |") == 2
    assert table["seed x 2"][0] == table["seed0"][0] == "align3d"
    assert table["seed x 2"][3:] == [f"{cell} ± 0.0" for cell in table["seed0"][3:]]  # one scan a category: no O-R


def test_wins_over_good_twins():
    """One row a kind and one of all pairs."""
    table = rows(output(FOLDER / "twins.py", "-n", 2))
    assert table["all"][0] == "2" and len(table) == 4


def test_plain_defects_are_read_as_a_folder_data_set(tmp_path):
    """Twelve scans of a mesh, six good; every other one has labelled points, most of them not."""
    (tmp_path / "meshes").mkdir()
    trimesh.creation.icosphere(3).export(tmp_path / "meshes" / "ball.ply")
    output(FOLDER / "plain_defects.py", "--from", tmp_path / "meshes", "--out", tmp_path / "plain", "--side", 64)
    found = [sample for name, folder in find(tmp_path / "plain").items() for sample in samples(name, folder)]
    kinds = Counter(sample.defect for sample in found)
    assert kinds == {"good": 6, "bump": 1, "dent": 1, "hole": 1, "cut": 1, "rough": 1, "scratch": 1}
    for sample in found:
        labelled = sample.load()
        share = labelled.defect[labelled.cloud.valid].mean()
        assert (0 < share < 0.2) if sample.anomalous else share == 0


def test_towers_of_every_input_style_read_that_style_only(tmp_path):
    """A row and a model a style; the stem of the grey one has weights for the third channel and no other."""
    size = ("--scans", 2, "--steps", 2, "--batch", 2, "--crop", 32, "--size", 64, "--jobs", 1)
    table = rows(output(FOLDER / "input_style.py", "grey", "scratch", "--out", tmp_path, *size))
    assert all(float(table[name][0]) > 0 for name in ("grey", "scratch"))
    stem = load_bundle(tmp_path / "grey.safetensors").tensors["encoder.trunk.stem.0.weight"]
    assert (stem.abs().sum((0, 2, 3)) > 0).tolist() == [False, False, True, False, False, False, False]


def test_curves_of_a_log(tmp_path):
    """A picture of the lines that are steps; others are left out."""
    lines = [f'{{"step": {50 * i}, "scans": 9, "focal": {1 / i}, "dice": 0.5, "view": 0.4}}' for i in range(1, 9)]
    (tmp_path / "tune.log").write_text("\n".join(["read 3 meshes", *lines]))
    output(FOLDER / "curves.py", tmp_path / "tune.log", "--out", tmp_path / "curves.png")
    assert min(Image.open(tmp_path / "curves.png").size) > 100


def test_regions_of_a_few_points_left_out(tmp_path):
    """A speck of three points, never found, halves the AUPRO of all regions and leaves that of larger ones alone."""
    row, column = np.mgrid[:48, :48].astype(np.float32)
    flat = np.stack([column, row, 0 * row + 200], axis=-1)
    ridged, label = flat.copy(), np.zeros((48, 48), np.uint8)
    ridged[20:28, 20:28, 2] += 3 * (-1) ** (row + column)[20:28, 20:28]
    label[20:28, 20:28] = label[40, 40:43] = 255
    for folder, xyz in (("good", flat), ("ridge", ridged)):
        (tmp_path / "scans" / "plate" / folder).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "scans" / "plate" / folder / "0.tiff", xyz, photometric="rgb")
    (tmp_path / "scans" / "plate" / "gt" / "ridge").mkdir(parents=True)
    Image.fromarray(label).save(tmp_path / "scans" / "plate" / "gt" / "ridge" / "0.png")
    run = ("--root", tmp_path / "scans", "--background", "keep", "--methods", "curvature", "--run", tmp_path / "run")
    output("-m", "align3d_cli", "benchmark", "--dataset", "folder", *run)
    method, regions, every, kept, large = rows(output(FOLDER / "large_regions.py", tmp_path / "run"))["curvature"]
    assert (method, regions, kept) == ("curvature", "2", "1")
    assert float(large) > 90 and abs(float(every) - float(large) / 2) < 10


def test_spoilt_files_by_reader():
    """One row a kind of file, its copies read, refused or at fault, and none of the last."""
    table = rows(output(FOLDER / "fuzz_readers.py", 20, "--kinds", "ply", "pcd"))
    assert [int(n) for n in table["ply"][:3]][2] == 0
    assert sum(int(n) for n in table["pcd"][:3]) == 20


def test_real_files_by_kind(tmp_path):
    """A row a kind with what was read, noted and refused, and below it every note and refusal by its file."""
    trimesh.creation.icosphere(1).export(tmp_path / "ball.stl")
    (tmp_path / "zeros.xyz").write_text("1 2 3\n4 5 6\n0 0 0\n0 0 0\n")
    (tmp_path / "cut.ply").write_text("ply")
    printed = output(FOLDER / "corpus.py", tmp_path)
    table = rows(printed)
    assert [table[kind][:6] for kind in ("stl", "xyz", "ply")] == [
        ["1", "1", "1", "0", "0", "0"],
        ["1", "1", "0", "1", "0", "0"],
        ["1", "0", "0", "0", "1", "0"],
    ]
    assert f"{tmp_path / 'cut.ply'}: the PLY header has no end_header line" in printed
    assert f"{tmp_path / 'zeros.xyz'}: 2 of 4 rows are exactly (0, 0, 0)" in printed


def test_memory_of_a_table(tmp_path):
    """One row: all points, those of the largest category, and the peak while the table is built."""
    np.save(tmp_path / "0.npy", np.random.default_rng(0).random((200, 3)))
    (tmp_path / "scans" / "good").mkdir(parents=True)
    (tmp_path / "0.npy").rename(tmp_path / "scans" / "good" / "0.npy")
    run = ("--root", tmp_path / "scans", "--methods", "curvature", "--run", tmp_path / "run")
    output("-m", "align3d_cli", "benchmark", "--dataset", "folder", *run)
    assert list(rows(output(FOLDER / "table_memory.py", tmp_path / "run"))) == ["all points, MB", "0"]


def test_scores_of_the_same_part_turned_sampled_and_ordered_otherwise(tmp_path):
    """A row a kind of change; where the views are laid in the scan's own frame, a turn moves nothing."""
    points = np.random.default_rng(0).normal(size=(3000, 3))
    egg = points / np.linalg.norm(points, axis=1)[:, None] * [3, 2, 1]
    np.save(tmp_path / "egg.npy", egg * (1 + 0.05 * egg[:, :1]))
    size = ("--turns", 1, "--samples", 2, "--orders", 1, "--set", "frame=scan", "--set", "count=6")
    printed = output(FOLDER / "repeatability.py", tmp_path / "egg.npy", *size)
    kinds = {line.split("|")[2].strip(): line.split("|")[3:-1] for line in printed.splitlines() if "egg" in line}
    assert [kinds[kind][0].strip() for kind in kinds] == ["1", "9", "1", "2", "1"]
    assert float(kinds["quarter turns"][2]) < 0.02
