"""`align3d synth` on disk: the layout reads back, runs resume, bad meshes do not stop the rest."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from align3d_cli.datasets import folder
from align3d_cli.errors import UsageError
from align3d_cli.synthetic.samples import MAIN_KINDS, planned, sample_at
from align3d_cli.synthetic.tree import TreePlan, scan_of, write_tree

PARTS = ("can", "gear")


def synth(*words) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "align3d_cli", "synth", *map(str, words)], capture_output=True, text=True
    )


@pytest.fixture
def plan(tmp_path):
    return TreePlan(tmp_path / "tree", 8, 5, PARTS, ("full", "organised"), 3000)


def test_what_is_written_reads_back_with_its_labels(plan):
    """Every scan of the tree is found by the own-folder reader, with the labels and points that were generated."""
    written = list(write_tree(plan, 1))
    assert all(w.made for w in written)
    read = {s.name: s.load() for part in PARTS for s in folder.samples(part, plan.out / part)}
    assert len(read) == 8
    for i, w in enumerate(written):
        mode = "organised" if w.path.endswith("tiff") else "full"
        made = sample_at(i, 5, PARTS, mode=mode, n_points=3000)
        got = read["/".join((w.category, *w.path.split("/")[-2:]))]
        assert np.array_equal(got.defect, made.defect)
        assert np.array_equal(got.cloud.xyz.astype(np.float32), made.cloud.xyz.astype(np.float32), equal_nan=True)
        assert got.cloud.grid == made.cloud.grid


def test_a_stopped_run_resumes(plan):
    """What is there stays untouched, what is missing is made again with the same bytes, half a file leaves no trace."""
    first = list(write_tree(plan, 1))
    lost, kept = (plan.out / w.category / w.kind / w.path.split("/")[-1] for w in first[:2])
    content, stamp = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    again = list(write_tree(plan, 1))
    assert [w.made for w in again] == [True] + [False] * 7
    assert lost.read_bytes() == content
    assert kept.stat().st_mtime_ns == stamp
    assert not list(plan.out.rglob("*.part"))


@pytest.mark.parametrize("note", [b"", b"[1", b"\xff", b"null", b"[" * 100_000])
def test_a_damaged_note_of_the_settings_is_refused(plan, note):
    """Nobody knows what the scans there were made with: the next step is said, no traceback."""
    plan.out.mkdir(parents=True)
    (plan.out / "synth.json").write_bytes(note)
    with pytest.raises(UsageError, match=r"synth\.json: .*; choose another --out or give --force"):
        list(write_tree(plan, 1))


def test_other_settings_are_refused(plan):
    """A folder made with one seed does not take scans of another."""
    list(write_tree(plan, 1))
    with pytest.raises(UsageError, match="other settings"):
        list(write_tree(TreePlan(plan.out, 8, 6, PARTS, plan.modes, 3000), 1))


def test_good_and_defective_take_turns():
    """Of any 2 x k scans of the list half are good, for every family and overall; all kinds come up."""
    sources = ("a", "b", "c")
    drawn = [planned(i, sources) for i in range(72)]
    for source in sources:
        assert sum(kind == "good" for name, kind in drawn if name == source) == 12
    assert {kind for _, kind in drawn} == {"good", "bump", "dent", "cut", "hole", "rough", "scratch"}


def test_of_every_pair_both_twins_are_written(tmp_path):
    """A number names a good and a defective scan of one part: the same points, but for the defect that is labelled."""
    plan = TreePlan(tmp_path / "twins", 4, 5, ("can", "shaft"), ("full", "organised"), 3000, pairs=True)
    assert [w.kind == "good" for w in write_tree(plan, 1)] == [False, True] * 4
    read = {s.name: s.load() for part in ("can", "shaft") for s in folder.samples(part, plan.out / part)}
    for i in range(0, 8, 2):
        number, category, kind, mode = scan_of(plan, i)
        file = f"{number:03d}.{'tiff' if mode == 'organised' else 'ply'}"
        bad, good = read.pop(f"{category}/{kind}/{file}"), read.pop(f"{category}/good/{file}")
        assert bad.defect.any()
        assert not good.defect.any()
        assert bad.cloud.grid == good.cloud.grid
        first = bad.cloud.xyz[: len(good.cloud)]  # what a stamp adds comes last
        moved = np.linalg.norm(first - good.cloud.xyz, axis=1)
        elsewhere = ~bad.defect[: len(moved)] & np.isfinite(moved)
        assert np.quantile(moved[elsewhere], 0.9) < 1e-4 * np.ptp(good.cloud.xyz[good.cloud.valid], axis=0).max()
    assert not read


def test_pairs_mix_kinds_and_modes():
    """Each part of a tree of pairs gets every kind in every mode within a dozen turns, good twins in equal number."""
    plan = TreePlan(Path("twins"), 12 * len(PARTS), 0, PARTS, ("full", "organised"), pairs=True)
    drawn = [scan_of(plan, i) for i in range(plan.n_scans)]
    met = {(category, kind, mode) for _, category, kind, mode in drawn if kind != "good"}
    assert met == {(part, kind, mode) for part in PARTS for kind in MAIN_KINDS for mode in plan.modes}
    assert sum(kind == "good" for _, _, kind, _ in drawn) == plan.n


def test_pairs_and_single_scans_do_not_share_a_folder(plan):
    """Good scans of a tree of pairs are twins of numbered ones; a run without --pairs is refused there."""
    pairs = TreePlan(plan.out, 1, 5, PARTS, plan.modes, 1000, pairs=True)
    list(write_tree(pairs, 1))
    assert not any(w.made for w in write_tree(pairs, 1))
    with pytest.raises(UsageError, match="other settings"):
        list(write_tree(TreePlan(plan.out, 1, 5, PARTS, plan.modes, 1000), 1))


@pytest.mark.slow
def test_command_writes_pairs_and_counts_them(tmp_path):
    """`synth --pairs -n 2` writes two scans of each kind, under the same numbers, and says so."""
    words = (
        "--out",
        tmp_path / "t",
        "-n",
        2,
        "--pairs",
        "--families",
        "shaft",
        "--points",
        1000,
        "--json",
        "--jobs",
        1,
    )
    report = json.loads(synth(*words).stdout)
    assert (report["n"], report["pairs"], report["good"], report["defective"]) == (4, 2, 2, 2)
    good = {path.stem for path in (tmp_path / "t" / "shaft" / "good").iterdir()}
    assert good == {"000", "001"} == {path.stem for path in (tmp_path / "t" / "shaft" / "gt").rglob("*.*")}


@pytest.mark.slow
def test_command_makes_a_tree_and_reports_it(tmp_path):
    """`synth --json` with two processes prints one object that counts what it wrote; a second call skips it all."""
    words = ("--out", tmp_path / "t", "-n", 4, "--families", "ball,key", "--points", 2000, "--json")
    report = json.loads(synth(*words, "--jobs", 2).stdout)
    assert (report["n"], report["good"], report["made"], report["skipped"]) == (4, 2, 4, 0)
    assert report["categories"] == ["ball", "key"]
    assert json.loads(synth(*words).stdout)["skipped"] == 4


def test_own_meshes_and_a_broken_one(tmp_path):
    """--from makes scans of a user's mesh; a broken mesh beside it is named and ends in exit code 6."""
    box = "OFF\n8 6 0\n" + "".join(f"{x} {y} {z}\n" for x in (0, 2) for y in (0, 3) for z in (0, 1))
    box += "4 0 1 3 2\n4 4 6 7 5\n4 0 4 5 1\n4 2 3 7 6\n4 0 2 6 4\n4 1 5 7 3\n"
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "box.off").write_text(box)
    (tmp_path / "meshes" / "torn.stl").write_bytes(b"nothing")
    run = synth("--out", tmp_path / "t", "-n", 4, "--from", tmp_path / "meshes", "--points", 2000, "--jobs", 1)
    assert run.returncode == 6
    assert "torn.stl" in run.stderr
    assert (
        len(list((tmp_path / "t" / "box").glob("*/*.ply"))) + len(list((tmp_path / "t" / "box").glob("*/*.tiff"))) == 2
    )


@pytest.mark.parametrize(
    ("words", "finding"),
    [(("--families", "unicorn"), "unicorn"), (("--mode", "wide"), "wide"), (("--from", "."), "no mesh")],
)
def test_impossible_calls_say_why(tmp_path, words, finding):
    """Unknown families and modes and folders without meshes end with one line and no traceback."""
    run = subprocess.run(
        [sys.executable, "-m", "align3d_cli", "synth", "--out", "t", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.returncode in (2, 4)
    assert finding in run.stderr
    assert "Traceback" not in run.stderr


def test_shipped_examples_read_back_with_their_labels():
    """The scans in examples/ are small, whole and labelled; good ones carry no label."""
    root = Path(__file__).parents[2] / "examples"
    trees = [root / "cookie", root / "chessman", root / "organised" / "connector", root / "organised" / "cookie"]
    samples = [s for tree in trees for s in folder.samples(tree.name, tree)]
    assert len(samples) == 6
    assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) < 3e6
    for sample in samples:
        scan = sample.load()
        assert scan.defect.any() == sample.anomalous
        assert 10_000 < scan.cloud.valid.sum() < 25_000
