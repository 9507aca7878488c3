"""What a program gets that imports align3d: the commands' own meaning, and nothing of the program around it changed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import align3d_cli as align3d

EXAMPLES = Path(__file__).parents[1] / "examples"
DENTED = EXAMPLES / "chessman/dent/001.ply"


@pytest.fixture(scope="module")
def model():
    """The shipped model."""
    return align3d.load(device="auto")


@pytest.fixture(scope="module")
def found(model):
    """The shipped chessman with dents, scored."""
    return model.score(DENTED)


def test_a_path_gives_score_verdict_and_points(found):
    """The README's first example: one call, and every number it promises."""
    assert found.defective and found.verdict == "defective" and found.score > found.limit
    assert found.points.shape == (20_194,) and found.points.dtype == np.float32
    assert found.name == str(DENTED) and found.notes == ()


@pytest.mark.slow
def test_an_array_scores_as_the_file_it_came_from(model, found):
    """float64, float32 and lists of the same coordinates; float32 rounds them, which moves a score by little."""
    xyz = align3d.read(DENTED).xyz
    assert model.score(xyz).score == found.score
    assert model.score(align3d.read(DENTED)).score == found.score
    assert model.score(xyz.astype(np.float32)).score == pytest.approx(found.score, abs=0.01)
    assert model.score(xyz.tolist()).score == found.score


def test_an_organised_array_is_read_as_an_organised_scan(model):
    """(H, W, 3) of an organised file gives the file's own score, with (0, 0, 0) for no measurement."""
    path = EXAMPLES / "organised/cookie/dent/001.tiff"
    cloud = align3d.read(path)
    image = np.nan_to_num(cloud.xyz).reshape(*cloud.grid, 3)
    found = model.score(image)
    assert found.score == model.score(path).score
    assert found.inspection.n_invalid == np.isnan(cloud.xyz).any(axis=1).sum() > 0


@pytest.mark.parametrize(
    "wrong", [np.zeros((5, 4)), np.zeros(3), [["a", "b", "c"]], np.zeros((2, 2, 2, 3)), [[1, 2, 3]]]
)
def test_what_is_no_scan_is_refused_in_one_line(model, wrong):
    """Other shapes, words, and a single point: InputRejected, not a traceback out of the middle."""
    with pytest.raises(align3d.InputRejected, match=r"^(array|the cloud): .*; ") as caught:
        model.score(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_result_is_the_commands_json(found, tmp_path):
    """`result` is what `score --json` prints, and `save` writes what `--out` does."""
    path = found.save(tmp_path / "heatmap.ply")
    program = [sys.executable, "-m", "align3d_cli", "score", DENTED, "--out", tmp_path / "by_command.ply", "--json"]
    printed = json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout)
    own = found.result()
    left_out = ("seconds", "output")
    assert {k: v for k, v in printed.items() if k not in left_out} == {
        k: v for k, v in own.items() if k not in left_out
    }
    assert path.read_bytes() == (tmp_path / "by_command.ply").read_bytes()
    with pytest.raises(align3d.UsageError, match="exists already"):
        found.save(path)


def test_a_batch_goes_on_after_a_bad_scan_and_holds_one_at_a_time(model, tmp_path):
    """`score_all` is lazy: it reads a scan when it is asked for it, and a failure is an item like any other."""
    bad = tmp_path / "bad.ply"
    bad.write_bytes(b"ply\n")
    asked = []

    def paths():
        for path in (bad, DENTED, tmp_path / "missing.ply"):
            asked.append(path)
            yield path

    outcomes = model.score_all(paths())
    assert asked == []
    first = next(outcomes)
    assert isinstance(first, align3d.FailedScan) and asked == [bad]
    assert first.error.__traceback__ is None and first.result()["error"]["exit_code"] == 4
    assert [type(found) for found in outcomes] == [align3d.ScoredScan, align3d.FailedScan]


@pytest.mark.slow
def test_importing_costs_no_torch_and_changes_nothing():
    """The import is light; loading and scoring leave loggers, threads and the environment as they were."""
    code = f"""
import logging, os, sys
import align3d_cli as align3d
assert not {{"torch", "numpy", "trimesh", "tifffile", "typer"}} & set(sys.modules), "a light import"
import torch, trimesh, tifffile
def state():
    levels = [logging.getLogger(name).level for name in ("", "trimesh", "tifffile", "torch")]
    flags = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic)
    return dict(os.environ), torch.get_num_threads(), torch.is_grad_enabled(), torch.initial_seed(), flags
before = state()
model = align3d.load()
model.score({str(DENTED)!r})
model.score({str(EXAMPLES / "organised/cookie/dent/001.tiff")!r})
assert state() == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_torch_is_imported_with_waiting_threads_and_the_environment_kept():
    """Spinning OpenMP threads cost ten times the time under load; the variable is gone again afterwards."""
    code = (
        "import os, align3d_cli; os.environ.pop('OMP_WAIT_POLICY', None)\n"
        "from align3d_cli.helpers import quiet_torch\n"
        "quiet_torch.import_torch_quietly(); assert 'OMP_WAIT_POLICY' not in os.environ\n"
        "import torch; torch.set_num_threads(2); print(torch.__config__.parallel_info())"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_public_name_is_there_and_no_other():
    """`__all__` is what is promised; each name resolves, and a wrong one is an AttributeError."""
    assert all(getattr(align3d, name) is not None for name in align3d.__all__)
    assert set(align3d.__all__) < set(dir(align3d))
    with pytest.raises(AttributeError, match="no attribute 'skore'"):
        _ = align3d.skore
