"""The ladder in a benchmark: good parts, the folder itself and a CAD model beside the zero-shot rows."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from align3d_cli.datasets.registry import open_dataset
from align3d_cli.errors import UsageError
from align3d_cli.evaluation.arms import Arm
from align3d_cli.evaluation.published import published_for
from align3d_cli.evaluation.question import Question
from align3d_cli.evaluation.runlog import read_run
from align3d_cli.evaluation.runner import run_benchmark
from align3d_cli.evaluation.scorer import Scorer
from align3d_cli.evaluation.shown import Shown, drawn_parts
from align3d_cli.evaluation.table_text import render
from align3d_cli.evaluation.tables import build_table
from align3d_cli.evaluation.task import ScanSettings
from align3d_cli.reference.references import References

POINTS = 2500
RUNGS = ("good-1", "good-2", "good-4", "among", "reference")
ZERO_SHOT = ("curvature", "pointad", "rgb", "align3d")


def block(rng: np.random.Generator, side: float, bump: bool) -> tuple[np.ndarray, np.ndarray]:
    """Points on a stepped block of three unlike sides, and which of them are a bump: it lies in one way only."""
    x, y = rng.uniform(0, 1, (2, POINTS))
    z = 0.25 * (x > 0.4) + 0.15 * ((y > 0.3) & (x > 0.7)) + 0.1 * y**2 + rng.normal(scale=5e-4, size=POINTS)
    reach = np.hypot(x - 0.2, y - rng.uniform(0.3, 0.7))
    on = (reach < 0.12) & bump
    z = z + np.where(on, 0.06 * np.cos(reach / 0.12 * np.pi / 2), 0.0)
    return side * np.column_stack([x, y, z]), on


def write(root: Path, category: str, n_train: int, side: float = 1.0, odd: bool = False) -> None:
    """A category of an own folder: three good and two bumped blocks to test, and good ones to train.

    odd: the second of the train parts is a ball
    """
    rng = np.random.default_rng(7)
    folder = root / category
    for kind, count in {"train/good": n_train, "good": 3, "bump": 2}.items():
        for number in range(count):
            xyz, on = block(rng, side, kind == "bump")
            if odd and kind == "train/good" and number == 1:
                xyz = rng.normal(size=(POINTS, 3))
                xyz *= 0.7 * side / np.linalg.norm(xyz, axis=1, keepdims=True)
            (folder / kind).mkdir(parents=True, exist_ok=True)
            np.save(folder / kind / f"{number}.npy", xyz)
            if kind == "bump":
                (folder / "gt" / kind).mkdir(parents=True, exist_ok=True)
                np.save(folder / "gt" / kind / f"{number}.npy", on)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Two categories: four good parts to learn from, and one alone."""
    root = tmp_path_factory.mktemp("blocks")
    write(root, "block", 4)
    write(root, "slab", 1, side=20.0)
    return root


@pytest.fixture(scope="module")
def run(root, model, tmp_path_factory):
    """(question, folder) of a finished k-shot run."""
    question = Question("folder", root, protocol="k-shot", model=str(model))
    folder = tmp_path_factory.mktemp("runs") / "k-shot"
    summary = run_benchmark(question, folder)
    assert not summary.failures
    return question, folder


def rows(folder: Path) -> list[dict]:
    """The rows of a run's table as JSON values."""
    return json.loads(render(build_table(read_run(folder)), "json"))["rows"]


def test_the_ladder_stands_beside_the_zero_shot_rows(run):
    """All rungs have their mean; a category with too few good parts is left out of those that need more, and named."""
    table = build_table(read_run(run[1]))
    assert {row.method for row in table.rows if row.level == "mean"} == {*ZERO_SHOT, *RUNGS}
    assert {row.name for row in table.rows if row.method == "good-4" and row.level == "category"} == {"block"}
    assert "good-4 is not in the table for slab: the train split holds fewer than 4 good parts" in table.notes
    assert table.head["complete"] and table.head["n_lines"] == 10 * 5 + 5 * 2  # of five arms, and of good-2 and good-4


def test_every_row_says_what_it_saw(run):
    """In the words of published rows, in every form."""
    table = build_table(read_run(run[1]))
    saw = {row.method: row.saw for row in table.rows if row.level == "mean"}
    assert saw["good-1"] == saw["reference"] == "1 good part of the category"
    assert saw["good-4"] == "4 good parts of the category"
    assert saw["among"] == "the unlabelled test folder"
    assert saw["align3d"] == saw["curvature"] == "nothing but the scan"
    for format in ("text", "md", "csv", "json"):
        assert all(words in render(table, format) for words in saw.values())


def test_good_parts_find_what_the_model_beneath_does_not(run):
    """Bumps on blocks: random weights see nothing, one good part is enough."""
    found = {(row["name"], row["method"]): row["metrics"] for row in rows(run[1]) if row["level"] == "category"}
    for category in ("block", "slab"):
        assert found[category, "good-1"]["P-R"] > max(90, found[category, "align3d"]["P-R"])


def test_verdicts_stand_under_the_table(run):
    """Each rung says what the limit of its own good parts makes of the scans."""
    notes = build_table(read_run(run[1])).notes
    for method in RUNGS:
        (note,) = [note for note in notes if f") {method} calls " in note]
        assert "good and" in note and "5 % false alarms aimed at" in note


@pytest.mark.parametrize("cut", [1, 3, 11])
def test_a_run_that_was_cut_goes_on_and_scores_nothing_twice(run, tmp_path, cut):
    """Whatever was in the log stays as it is, to the byte; the table is that of the whole run."""
    question, whole = run
    shutil.copytree(whole, tmp_path / "run")
    log = tmp_path / "run" / "log.jsonl"
    kept = log.read_text().splitlines()[:-cut]
    log.write_text("\n".join(kept) + "\n")
    run_benchmark(question, tmp_path / "run")
    again = log.read_text().splitlines()
    assert again[: len(kept)] == kept and len(again) == len(kept) + cut + 1  # and its own plan
    assert rows(tmp_path / "run") == rows(whole)
    assert run_benchmark(question, tmp_path / "run").n_new == 0


@pytest.mark.slow
def test_processes_give_what_one_process_gives(run, tmp_path):
    """Each of two processes learns what it meets, and the table is the same to the last digit."""
    question, whole = run
    run_benchmark(question, tmp_path / "run", jobs=2)
    assert rows(tmp_path / "run") == rows(whole)


def test_a_changed_good_part_or_neighbour_is_another_input(run, root, tmp_path):
    """A line's key holds all that its scan was compared with: a train part for its rungs, every scan for `among`."""
    question, whole = run
    shutil.copytree(root, tmp_path / root.name)
    shutil.copytree(whole, tmp_path / "run")
    mine = replace(question, root=tmp_path / root.name, methods=())
    part = tmp_path / root.name / "slab" / "train" / "good" / "0.npy"
    np.save(part, np.load(part) + 1e-6)
    before = len((tmp_path / "run" / "log.jsonl").read_text().splitlines())
    run_benchmark(mine, tmp_path / "run")
    new = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()[before:]]
    scored = {(line["category"], *line["arm"]["methods"]) for line in new if line["type"] == "scan"}
    assert scored == {("slab", "good-1"), ("slab", "reference")}
    test = tmp_path / root.name / "block" / "good" / "0.npy"
    np.save(test, np.load(test) + 1e-6)
    before += len(new)
    run_benchmark(mine, tmp_path / "run")
    new = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()[before:]]
    scored = [line["sample"] for line in new if line["type"] == "scan" and line["arm"]["methods"] == ["among"]]
    assert len(scored) == 5 and all(name.startswith("block/") for name in scored)
    assert {line["sample"] for line in new if line["type"] == "scan" and line["sample"] not in scored} <= {
        "block/good/0.npy"
    }


def test_seeds_draw_other_good_parts_and_give_a_spread(root, model, tmp_path):
    """Each seed shows other parts, the first ones of its own order; the row has a spread, zero-shot none."""
    samples = [s for s in open_dataset("folder", root, categories=["block"], split="train")]
    orders = {tuple(s.name for s in drawn_parts(samples, seed)) for seed in range(4)}
    assert len(orders) > 1 and len({order[0] for order in orders}) > 1
    arm = Arm("m-good-2-seed1", ("good-2",), Path("m"), "0", seed=1)
    assert list(Shown({"block": samples}).of(arm, "block").parts) == drawn_parts(samples, 1)[:2]
    asked = {"categories": ("block",), "methods": ("pointad", "good-1"), "seeds": (0, 1, 2)}
    run_benchmark(Question("folder", root, model=str(model), **asked), tmp_path / "run")
    found = {row["method"]: row for row in rows(tmp_path / "run") if row["level"] == "mean"}
    assert found["good-1"]["std"]["P-R"] > 0 and found["pointad"]["std"]["P-R"] is None
    notes = build_table(read_run(tmp_path / "run")).notes
    assert not any("--seeds change nothing" in note for note in notes)
    assert any("of 9 good" in note and note.endswith("over 3 seeds") for note in notes)


def test_good_parts_that_are_unlike_leave_the_model_alone(model, tmp_path):
    """Train parts that are not of one kind cannot be learned together: those rows are zero-shot, and a note counts."""
    write(tmp_path / "own", "block", 4, odd=True)
    question = Question("folder", tmp_path / "own", model=str(model), methods=("align3d", "good-4"))
    assert not run_benchmark(question, tmp_path / "run").failures
    found = {row["method"]: row["metrics"] for row in rows(tmp_path / "run") if row["level"] == "mean"}
    assert found["good-4"]["P-R"] == pytest.approx(found["align3d"]["P-R"], abs=1e-3)
    notes = build_table(read_run(tmp_path / "run")).notes
    (note,) = [note for note in notes if note.startswith("good-4 left it to the model alone on 5 of 5 scans: ")]
    assert "block/train/good/1.npy" in note


def test_baselines_are_evidence_alone(root, model, tmp_path):
    """Descriptors and deviation of one good part need no word of the model; each finds the bumps for itself."""
    asked = {"categories": ("block",), "methods": ("descriptors", "deviation")}
    run_benchmark(Question("folder", root, protocol="k-shot", model=str(model), **asked), tmp_path / "run")
    found = {row["method"]: row for row in rows(tmp_path / "run") if row["level"] == "mean"}
    assert found["descriptors"]["metrics"]["P-R"] > 80 and found["deviation"]["metrics"]["P-R"] > 80
    assert {row["saw"] for row in found.values()} == {"1 good part of the category"}


def write_cad(path: Path) -> None:
    """The block without noise, as a mesh."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 61), np.linspace(0, 1, 61)))
    z = 0.25 * (x > 0.4) + 0.15 * ((y > 0.3) & (x > 0.7)) + 0.1 * y**2
    corner = (np.arange(60)[:, None] * 61 + np.arange(60)).ravel()
    faces = np.vstack(
        [np.column_stack([corner, corner + 1, corner + 62]), np.column_stack([corner, corner + 62, corner + 61])]
    )
    lines = [f"v {a:.6f} {b:.6f} {c:.6f}" for a, b, c in zip(x, y, z, strict=True)]
    lines += [f"f {a} {b} {c}" for a, b, c in faces + 1]
    path.write_text("\n".join(lines) + "\n")


def test_a_cad_model_beside_the_category_is_the_reference(model, tmp_path):
    """A mesh named nominal.* in the category's folder is taken before a good part, and the row says so."""
    write(tmp_path / "own", "block", 1)
    write_cad(tmp_path / "own" / "block" / "nominal.obj")
    question = Question("folder", tmp_path / "own", model=str(model), methods=("reference",))
    assert not run_benchmark(question, tmp_path / "run").failures
    (mean,) = [row for row in rows(tmp_path / "run") if row["level"] == "mean"]
    assert mean["saw"] == "the CAD model of the category"


def test_what_cannot_be_shown_is_refused_or_noted(scan_folder, model, tmp_path):
    """Without train parts a rung that was asked for by name is a usage error; among needs a few scans."""
    asked = {"data_set": "folder", "root": scan_folder, "model": str(model)}
    with pytest.raises(UsageError, match="--methods good-1: the train split holds no good part"):
        run_benchmark(Question(methods=("good-1",), **asked), tmp_path / "a")
    with pytest.raises(UsageError, match="--methods among: fewer than 4 scans are tested"):
        run_benchmark(Question(methods=("among",), limit=2, **asked), tmp_path / "b")
    trained = {"protocol": "one-vs-rest", "auxiliary": (scan_folder.name,)}
    with pytest.raises(UsageError, match="--methods good-1: --protocol one-vs-rest trains"):
        run_benchmark(Question(methods=("good-1",), **trained, **asked), tmp_path / "c")


def test_a_scan_is_looked_at_once_for_all_rungs(run, root, monkeypatch):
    """Zero-shot and all rungs share a scan's drawing, the folder's own task too: nothing is encoded twice."""
    from align3d_cli.evaluation.protocols import available, base_model, tasks_of, untrained_arms
    from align3d_cli.model.inspector import Inspector

    question = replace(run[0], categories=("block",))
    base, seen, look = base_model(question), [], Inspector.look

    def counted(inspector, scan, *more):
        seen.append(scan)
        return look(inspector, scan, *more)

    monkeypatch.setattr(Inspector, "look", counted)
    scorer = Scorer(ScanSettings())
    tasks = tasks_of(question, untrained_arms(question, available(question, base)[0], base, Path("unused")))
    for task in tasks:
        assert scorer.run(task).failure is None
    assert len(tasks) == 6 and len(seen) == 5 + 4  # the scans, and the good parts
    assert all(isinstance(known, References) for known in scorer.known.learned.values())
    assert len(scorer.known.learned) == 3  # one good part for two rungs, two and four
    scorer.known.enter("slab", None)
    assert not scorer.known.learned and not scorer.known.words


def test_published_rows_that_saw_something_stand_beside(run):
    """K-shot tables show those that saw good parts, the folder or photographs, whatever their protocol."""
    assert {row.method for row in published_for("mvtec3d", "k-shot")} == {"CMDS-AD", "MuSc-V2"}
    record = read_run(run[1])
    record.settings["data_set"] = "mvtec3d"
    text = render(build_table(record), "text")
    assert "compare what each saw" in text and "no equals of the rows above" not in text
