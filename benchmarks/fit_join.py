"""Fit the weights of the ladder: benchmarks/fit_join.py --root one --root whole --strange any --cache features

Roots are folder trees with `train/good`, made by plain_defects.py and whole_defects.py from meshes that no reported
figure is of; those in any pose, of which good parts show other sides, teach the weights of strange scans alone. For one
good part and for four, in each regime of `reference.join`, a logistic regression tells points of defects from all
others, points of defects counting ten times. Printed are the weights for `reference/join.py`, and, for
`reference/limits.py`, by how much the object logits of further good parts lie above those of good parts left out.
"""

import argparse
from dataclasses import dataclass, replace
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
    return f"  # good above left out {np.mean(above):.2f} +- {np.std(above):.2f}, spread {np.mean(spreads):.2f}"


def main() -> None:
    """Print the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, action="append", required=True, help="tree with train/good; repeat")
    parser.add_argument("--strange", type=Path, action="append", default=[], help="such a tree in any pose; repeat")
    parser.add_argument("--cache", type=Path, required=True, help="folder of what is computed; what is there is taken")
    given = parser.parse_args()
    torch.set_num_threads(1)
    inspector = Inspector(load_bundle())
    scans: dict[str, list[Weighed]] = {name: [] for name in KS}
    for root in (*given.root, *given.strange):
        samples = open_dataset("folder", root)
        for category in sorted({sample.category for sample in samples}):
            of_it = [sample for sample in samples if sample.category == category]
            kept = {name: given.cache / f"{root.name}__{category}__{name}.npz" for name in KS}
            if not all(path.is_file() for path in kept.values()):
                for name, found in of_category(of_it, inspector, given.cache / root.name).items():
                    np.savez(kept[name], **{f"{i}.{n}": getattr(s, n) for i, s in enumerate(found) for n in STORED})
            for name, path in kept.items():
                scans[name] += [replace(scan, strange=root in given.strange) for scan in read(path)]
            print(f"# {root.name} {category}: {len(of_it)} scans", flush=True)
    for name, of_name in scans.items():
        for how, columns in COLUMNS.items():
            others = [scan for scan in of_name if scan.kind != "good part" and scan.strange == (how == "strange")]
            used = [scan for scan in others if how != "laid" or scan.regime == how]
            if any(scan.labels.any() for scan in used):
                each, offset = fit(used, columns)
                row = ", ".join(f"{weight:.3f}" for weight in each)
                lies = told([scan for scan in of_name if not scan.strange], each, offset)
                print(f'("{name}", "{how}"): Weights(({row}), {offset:.3f}),{lies}')


if __name__ == "__main__":
    main()
