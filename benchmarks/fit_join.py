"""Fit the weights of the ladder anew: benchmarks/fit_join.py --from meshes/ --work fit/ [--write]

That is all there is to do once the model beneath has changed. `meshes/` holds meshes that no reported figure is of. Of
them three trees are made below `fit/` (where they are not there yet): scans in one pose and whole clouds, which teach
the weights, and scans in any pose, of which good parts show other sides, for the weights of strange scans alone. What
the model says of every scan and what good parts add is kept beside them, by the model's hash: a fit that was cut off
goes on. For one good part and for four, in each regime of `reference.join`, a logistic regression tells points of
defects from all others, points of defects counting ten times. Printed are the weights, which --write puts into
`reference/join.py`, and, for `reference/limits.py`, by how much the object logits of further good parts lie above those
of good parts left out. Nine meshes are 486 scans, some four seconds of one core each, half an hour in all; --jobs
spreads them over processes.
"""

import argparse
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from align3d_cli.clouds.labelled import Sample
from align3d_cli.clouds.prepare import prepare
from align3d_cli.datasets.registry import open_dataset
from align3d_cli.model.bundle import load_bundle
from align3d_cli.model.inspector import Inspector
from align3d_cli.reference.comparison import evidence_of
from align3d_cli.reference.evidence import Evidence
from align3d_cli.reference.good import laid_out
from align3d_cli.reference.join import TOP_SHARE, measures, regime, smoothed
from align3d_cli.reference.seen import Seen, diagonal, see
from align3d_cli.reference.usual import halves_of, measured

KS = {"one": 1, "several": 4}
COLUMNS = {
    "apart": [0, 1, 2, 3, 9],
    "laid": [0, 1, 2, 3, 4, 5, 6, 7, 9],
    "strange": [0, 1, 9, 10],
}  # of the measures, those that mean something in a regime; missing material is in none of these sets
TREES = {
    "one": ("plain_defects.py", "--pose", "one", "--vary", "0.004"),
    "whole": ("whole_defects.py",),
    "any": ("plain_defects.py",),
}  # how each is made
STRANGE = "any"  # the tree that teaches the weights of strange scans alone
JOIN = Path(__file__).parents[1] / "align3d_cli" / "reference" / "join.py"
STORED = ("regime", "category", "kind", "values", "labels", "weights")
DEFECT_WEIGHT = 10.0  # of a point of a defect
POINTS = 150_000  # drawn of all for a fit


@dataclass(frozen=True)
class Weighed:
    """One scan's measures: (S, MEASURES), labels (S,) and weights (S,) of its even points. kind: "good part" for one of
    the references themselves, "good" or "defective" """

    regime: str
    category: str
    kind: str
    values: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    strange: bool = False


def look(sample: Sample, inspector: Inspector, cache: Path):
    """The prepared scan of a sample, its zero-shot scores (M,) and of the object, and labels (M,); scores are kept."""
    labelled = sample.load()
    scan = prepare(labelled.cloud)
    kept = cache / f"{sample.name.replace('/', '__')}.npz"
    if not kept.is_file():
        points, raw = inspector.score_part(scan)
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, points=points, raw=raw)
    with np.load(kept) as arrays:
        return scan, arrays["points"], float(arrays["raw"]), labelled.defect[scan.index]


def weighed(found: Evidence, seen: Seen, size: float, labels: np.ndarray, category: str, kind: str) -> Weighed:
    """A scan's evidence as measures."""
    count = np.bincount(seen.row)
    label = np.bincount(seen.row, labels) / count >= 0.5
    weight = count / count.sum() * np.where(label, DEFECT_WEIGHT, 1.0)
    return Weighed(regime(found), category, kind, smoothed(measures(found, size), seen), label, weight)


def of_category(samples: list[Sample], inspector: Inspector, cache: Path) -> dict[str, list[Weighed]]:
    """All scans of a category, by how many good parts they are compared with."""
    train = [look(sample, inspector, cache) for sample in samples if sample.split == "train"][: max(KS.values())]
    size, category = diagonal(train[0][0].xyz), samples[0].category
    named = [(str(i), None, see(scan, points, raw, size)) for i, (scan, points, raw, _) in enumerate(train)]
    halves = halves_of(train[0][0], train[0][1], named[0][2])
    known = {name: measured(laid_out(named[:k]), halves if k == 1 else None) for name, k in KS.items()}
    found: dict[str, list[Weighed]] = {name: [] for name in KS}
    for name, k in KS.items():
        seen = [halves[0]] if k == 1 else [one[2] for one in named]
        for one, at in zip(known[name].evidence, seen, strict=True):
            found[name].append(weighed(one, at, size, np.zeros(len(at.row)), category, "good part"))
    for sample in samples:
        if sample.split == "test":
            scan, points, raw, labels = look(sample, inspector, cache)
            seen, kind = see(scan, points, raw, size), "defective" if sample.anomalous else "good"
            for name in KS:
                evidence = evidence_of(seen, known[name].parts)
                found[name].append(weighed(evidence, seen, size, labels, category, kind))
    return found


def read(path: Path) -> list[Weighed]:
    """The scans of a category as they were kept."""
    with np.load(path) as arrays:
        n = 1 + max(int(name.split(".")[0]) for name in arrays.files)
        of_one = ({field: arrays[f"{i}.{field}"] for field in STORED} for i in range(n))
        return [Weighed(**{k: v if v.ndim else v.item() for k, v in one.items()}) for one in of_one]


def fit(scans: list[Weighed], columns: list[int]) -> tuple[np.ndarray, float]:
    """Weights of all measures, 0 outside the columns, and the offset."""
    values = np.concatenate([scan.values for scan in scans])[:, columns]
    labels, weights = (np.concatenate([getattr(scan, name) for scan in scans]) for name in ("labels", "weights"))
    middle, spread = values.mean(axis=0), values.std(axis=0) + 1e-9
    drawn = np.random.default_rng(0).permutation(len(values))[:POINTS]
    model = LogisticRegression(max_iter=300).fit((values[drawn] - middle) / spread, labels[drawn], weights[drawn])
    each = np.zeros(scans[0].values.shape[1])
    each[columns] = model.coef_[0] / spread
    return each, float(model.intercept_[0] - each[columns] @ middle)


def object_logits(scans: list[Weighed], each: np.ndarray, offset: float) -> np.ndarray:
    """(N,) of scans."""
    logits = (np.sort(scan.values @ each + offset) for scan in scans)
    return np.array([logit[-max(1, round(TOP_SHARE * len(logit))) :].mean() for logit in logits])


def told(scans: list[Weighed], each: np.ndarray, offset: float) -> str:
    """How the object logits of good parts lie to each other."""
    above, spreads = [], []
    for category in sorted({scan.category for scan in scans}):
        of_it = [scan for scan in scans if scan.category == category]
        parts, good = ([s for s in of_it if s.kind == kind] for kind in ("good part", "good"))
        if parts and len(good) > 1:
            logits = object_logits(good, each, offset)
            above.append(logits.mean() - object_logits(parts, each, offset).mean())
            spreads.append(logits.std(ddof=1))
    if not above:
        return ""
    return f"good above left out {np.mean(above):.2f} +- {np.std(above):.2f}, spread {np.mean(spreads):.2f}"


def make_trees(meshes: Path, work: Path) -> None:
    """The trees of TREES below a folder, those that are not there whole."""
    for name, (script, *options) in TREES.items():
        done = work / f"{name}.made"
        if not done.is_file():
            command = [sys.executable, Path(__file__).parent / script, "--from", meshes, "--out", work / name]
            subprocess.run([*command, *options, "--train", str(max(KS.values()))], check=True)
            done.touch()


def kept(task: tuple[Path, str], work: Path, features: Path) -> dict[str, Path]:
    """Where the measures of a category are kept, by how many good parts; made where they are not there."""
    root, category = task
    files = {name: features / f"{root.name}__{category}__{name}.npz" for name in KS}
    if not all(path.is_file() for path in files.values()):
        torch.set_num_threads(1)
        samples = [sample for sample in open_dataset("folder", root) if sample.category == category]
        for name, found in of_category(samples, Inspector(load_bundle()), features / root.name).items():
            np.savez(files[name], **{f"{i}.{n}": getattr(s, n) for i, s in enumerate(found) for n in STORED})
    return files


def gathered(work: Path, jobs: int) -> dict[str, list[Weighed]]:
    """All scans of all trees, by how many good parts they are compared with."""
    features = work / f"features-{load_bundle().sha256[:12]}"  # of another model they would be another's
    features.mkdir(exist_ok=True)
    tasks = [(work / name, folder.name) for name in TREES for folder in sorted((work / name).iterdir())]
    scans: dict[str, list[Weighed]] = {name: [] for name in KS}
    with ProcessPoolExecutor(jobs) as pool:
        done = zip(tasks, pool.map(partial(kept, work=work, features=features), tasks), strict=True)
        for (root, category), files in done:
            for name, path in files.items():
                scans[name] += [replace(scan, strange=root.name == STRANGE) for scan in read(path)]
            print(f"# {root.name} {category}", flush=True)
    return scans


def fitted(scans: dict[str, list[Weighed]]) -> list[str]:
    """A line of WEIGHTS each."""
    lines = []
    for name, of_name in scans.items():
        for how, columns in COLUMNS.items():
            others = [scan for scan in of_name if scan.kind != "good part" and scan.strange == (how == "strange")]
            used = [scan for scan in others if how != "laid" or scan.regime == how]
            if not any(scan.labels.any() for scan in used):
                raise SystemExit(f"no defective scan is {how} beside {name} good part(s): give more meshes")
            each, offset = fit(used, columns)
            row = ", ".join(f"{weight:.3f}" if weight else "0" for weight in each)
            print(f"# {name}, {how}: {told([scan for scan in of_name if not scan.strange], each, offset)}")
            lines.append(f'    ("{name}", "{how}"): Weights(({row}), {offset:.3f}),')
    return lines


def main() -> None:
    """Make what is missing, fit, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="meshes", type=Path, required=True, help="folder of meshes")
    parser.add_argument("--work", type=Path, required=True, help="folder of trees and measures; what is there is taken")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--write", action="store_true", help="put the weights into reference/join.py")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    make_trees(given.meshes, given.work)
    text = "\n".join(["WEIGHTS = {", *fitted(gathered(given.work, given.jobs)), "}  # by how"])
    print(text)
    if given.write:
        old = JOIN.read_text(encoding="utf-8")
        JOIN.write_text(re.sub(r"WEIGHTS = \{.*?\n\}  # by how", text, old, count=1, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
