"""Several models on the same scans, each looked at once: python benchmarks/ablation.py --root SCANS NAME=MODEL ...

For models that share an image tower and differ in aligner, prompts or scoring: their rows are compared on the very
same views. Prints, in %, object AUROC / object AP / point AUROC / AUPRO as means over the categories, the rendering
branch of the first model, then the aligned branch and both branches of every model. Models named alike but for a
trailing number (seed0, seed1, ..) get a row of mean and standard deviation.
"""

import argparse
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch


def arms_of(models: list[str]):
    """One arm per NAME=MODEL; the first one also gives the rendering branch alone."""
    from align3d_cli.evaluation.arms import Arm

    named = [model.split("=", 1) for model in models]
    methods = [("pointad", "rgb", "align3d")] + [("rgb", "align3d")] * (len(named) - 1)
    return [Arm(name, which, Path(path)) for (name, path), which in zip(named, methods, strict=True)]


def scored(root: Path, arms, views: str | None, background: str):
    """Scored samples by (arm, method) and category; every scan is read, drawn and encoded once."""
    from align3d_cli.clouds.prepare import prepare, spread_to_cloud
    from align3d_cli.datasets.registry import open_dataset
    from align3d_cli.evaluation.looks import Looks
    from align3d_cli.evaluation.scorer import ScanSettings, Scorer
    from align3d_cli.metrics.regions import regions
    from align3d_cli.metrics.samples import ScoredSample

    scorer, found = Scorer(ScanSettings(background, views)), defaultdict(lambda: defaultdict(list))
    for sample in open_dataset("folder", root):
        labelled = sample.load()
        cloud, defect, scan = labelled.cloud, labelled.defect, prepare(labelled.cloud, background=background)
        looks = Looks(scan)
        region = regions(cloud.xyz, cloud.valid, defect, cloud.grid)
        for arm in arms:
            for method, scores in scorer.methods(arm, scan, looks).items():
                points = spread_to_cloud(scores.points, scan, len(cloud)).astype(np.float32)
                found[arm.name, method][sample.category].append(
                    ScoredSample(sample.anomalous, scores.score, points, defect, cloud.valid, region, cloud.grid)
                )
    return found


def four_figures(categories) -> np.ndarray:
    """(4,) in %: means over the categories of the field's four metrics."""
    from align3d_cli.metrics.evaluation import evaluate

    rows = [evaluate(samples) for samples in categories.values()]
    return 100 * np.nanmean([(r.object_auroc, r.object_ap, r.point_auroc, r.aupro) for r in rows], axis=0)


def print_table(found) -> None:
    """A row for every model and method, and one of mean and spread for models that differ in a number."""
    groups = defaultdict(list)
    print("| model | method | O-R | O-A | P-R | P-P |\n|---|---|---|---|---|---|")
    for (name, method), categories in found.items():
        figures = four_figures(categories)
        groups[re.sub(r"\d+$", "", name), method].append(figures)
        print(f"| {name} | {method} | " + " | ".join(f"{value:.1f}" for value in figures) + " |", flush=True)
    for (name, method), rows in groups.items():
        if len(rows) > 1:
            pairs = zip(np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1), strict=True)
            cells = " | ".join(f"{mean:.1f} ± {spread:.1f}" for mean, spread in pairs)
            print(f"| {name} x {len(rows)} | {method} | {cells} |")


def main() -> None:
    """Read the arguments, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="NAME=MODEL")
    parser.add_argument("--root", type=Path, required=True, help="data set of the kind `folder`")
    parser.add_argument("--views", help="number or preset; default: the models' own")
    parser.add_argument("--background", default="auto")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        print_table(scored(given.root, arms_of(given.models), given.views, given.background))


if __name__ == "__main__":
    main()
