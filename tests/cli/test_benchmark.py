"""`align3d benchmark` as a user meets it: options, exit codes, what goes to stdout."""

import csv
import io
import json
from importlib.util import find_spec

import numpy as np
import pytest

from align3d_cli.cli.benchmark_lists import spread_lists

pytestmark = pytest.mark.slow  # each test starts programs


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """An own folder: three level sheets and three with a labelled bump."""
    root, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    for kind in ("good", "bump"):
        for number in range(3):
            xy = rng.uniform(-1, 1, (1200, 2))
            reach = np.linalg.norm(xy - 0.2, axis=1)
            defect = (reach < 0.2) & (kind == "bump")
            z = rng.normal(scale=1e-3, size=1200) + np.where(defect, 0.3 - reach, 0.0)
            for place, values in ((kind, np.column_stack([xy, z])), (f"gt/{kind}", defect)):
                (root / place).mkdir(parents=True, exist_ok=True)
                np.save(root / place / f"{number}.npy", values)
    return root


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["--seeds", "0", "1", "2"], ["--seeds", "0", "--seeds", "1", "--seeds", "2"]),
        (["--seeds=0,1", "--limit", "3"], ["--seeds", "0", "--seeds", "1", "--limit", "3"]),
        (["--methods", "rgb", "align3d", "--json"], ["--methods", "rgb", "--methods", "align3d", "--json"]),
        (["--category", "rope", "--run", "r"], ["--category", "rope", "--run", "r"]),
        (["table", "r", "--format", "csv"], ["table", "r", "--format", "csv"]),
    ],
)
def test_lists_may_be_written_with_spaces_or_commas(written, read):
    """`--seeds 0 1 2` is three seeds; other arguments stay as they are."""
    assert spread_lists(written) == read


def test_run_and_table_print_the_same(align3d, scans, model, tmp_path):
    """The result alone goes to stdout, and `benchmark table` repeats it from the log when data and model are gone."""
    asked = ("--dataset", "folder", "--root", scans, "--model", model, "--jobs", 1, "--run", tmp_path / "run")
    run = align3d("benchmark", *asked, "--methods", "curvature", "pointad", "--json")
    assert run.code == 0, run.err
    table = json.loads(run.out)
    assert table["complete"] and set(table["methods"]) == {"curvature", "pointad"}
    bump = next(row for row in table["rows"] if (row["level"], row["method"]) == ("defect", "curvature"))
    assert bump["metrics"]["P-R"] > 90 and bump["n_scans"] == 6
    again = align3d("benchmark", "table", tmp_path / "run", "--format", "csv", "--plots", tmp_path / "plots")
    assert again.code == 0, again.err
    lines = list(csv.DictReader(io.StringIO(again.out)))
    assert [float(line["P-R"]) for line in lines] == [row["metrics"]["P-R"] for row in table["rows"]]
    assert len(list((tmp_path / "plots").glob("*.png"))) == 3
    other = align3d("benchmark", *asked, "--methods", "curvature")
    assert other.code == 2 and "holds a run with other settings" in other.err and "methods:" in other.err


def test_two_data_sets_are_never_one_table(align3d, scans, tmp_path, monkeypatch):
    """Without --run each root has a folder of its own; a folder that holds scans of other data is refused."""
    import shutil

    other = tmp_path / "other"
    shutil.copytree(scans, other)
    monkeypatch.chdir(tmp_path)
    asked = ("--dataset", "folder", "--methods", "curvature", "--jobs", 1)
    for root in (scans, other):
        run = align3d("benchmark", *asked, "--root", root, "--json")
        assert run.code == 0 and {row["n_scans"] for row in json.loads(run.out)["rows"]} <= {3, 6}
    names = {f"folder-{root.name}-zero-shot" for root in (scans, other)}
    assert {path.name for path in (tmp_path / "align3d-runs").iterdir()} == names
    mixed = align3d("benchmark", *asked, "--root", other, "--run", f"align3d-runs/folder-{scans.name}-zero-shot")
    assert mixed.code == 2 and "6 scans that are not in this data" in mixed.err and "name another --run" in mixed.err


def test_a_broken_scan_is_named_and_the_rest_is_scored(align3d, scans, tmp_path):
    """One unreadable file of six: the table covers five and says which failed, the exit code is 6."""
    import shutil

    root = tmp_path / "data"
    shutil.copytree(scans, root)
    (root / "good" / "1.npy").write_bytes(b"not an array")
    asked = ("--dataset", "folder", "--root", root, "--methods", "curvature", "--jobs", 1, "--run", tmp_path / "run")
    run = align3d("benchmark", *asked)
    assert run.code == 6
    assert "failed and not counted: data/good/1.npy" in " ".join(run.out.split())
    assert "1 of 6 scans failed" in run.err
    shutil.copy(scans / "good" / "1.npy", root / "good" / "1.npy")
    mended = align3d("benchmark", *asked, "--json")
    assert mended.code == 0 and json.loads(mended.out)["n_failed"] == 0


def test_damage_to_a_run_is_one_line_and_another_exit_code(align3d, scans, tmp_path):
    """A changed digit names its file and line; a run that is cut short says so on stderr beside a table as CSV."""
    asked = ("--dataset", "folder", "--root", scans, "--methods", "curvature", "--jobs", 1, "--run", tmp_path / "run")
    assert align3d("benchmark", *asked).code == 0
    log = tmp_path / "run" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-2]))
    short = align3d("benchmark", "table", tmp_path / "run", "--format", "csv")
    assert short.code == 0 and "INCOMPLETE: 4 of 6 results" in short.err
    log.write_bytes(b"".join([*lines[:3], lines[3].replace(b'"n_points": 1200', b'"n_points": 1300'), *lines[4:]]))
    damaged = align3d("benchmark", "table", tmp_path / "run")
    assert damaged.code == 4 and damaged.out == ""
    (said,) = damaged.err.strip().splitlines()
    assert "log.jsonl: line 4 is damaged" in said and "run again" in said


def test_missing_data_say_what_to_get(align3d, tmp_path):
    """Exit 5 with source, licence and expected tree; no run is begun."""
    asked = ("--dataset", "mvtec3d", "--methods", "curvature", "--run", tmp_path / "run")
    run = align3d("benchmark", *asked, ALIGN3D_DATA="")
    assert run.code == 5 and run.out == ""
    for word in ("www.mvtec.com", "CC BY-NC-SA", "<category>/test/", "ALIGN3D_DATA"):
        assert word in run.err
    assert not (tmp_path / "run").exists()


def test_not_a_run_is_rejected(align3d, tmp_path):
    """`benchmark table` of another folder gives exit 4 and the next step."""
    run = align3d("benchmark", "table", tmp_path)
    assert run.code == 4 and "no run.json" in run.err


def test_generated_scans_need_no_data(align3d, tmp_path):
    """The default data set is made on the spot, of families no shipped model was trained on."""
    from align3d_cli.synthetic import HELD_OUT_FAMILIES

    asked = ("--methods", "curvature", "--limit", 2, "--category", "cookie", "tyre")
    run = align3d("benchmark", *asked, "--run", tmp_path / "run", "--jobs", 1, "--json")
    assert run.code == 0, run.err
    table = json.loads(run.out)
    assert table["categories"] == ["cookie", "tyre"] and set(table["categories"]) <= set(HELD_OUT_FAMILIES)
    assert table["data_set"] == "synthetic" and table["n_lines"] == 4


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed here")
def test_ray_is_optional(align3d, scans, tmp_path):
    """Without Ray `--engine ray` gives exit 5 and says how to install it, before anything is scored."""
    asked = ("--dataset", "folder", "--root", scans, "--methods", "curvature", "--run", tmp_path / "run")
    run = align3d("benchmark", *asked, "--engine", "ray")
    assert run.code == 5 and "pip install align3d[ray]" in run.err
    assert not (tmp_path / "run").exists()
