"""How often a defective scan scores above its own good twin: python benchmarks/twins.py [--from meshes/] [-n 96]

A twin is the same part under the same scanner, pose and noise without the defect, so nothing but the defect tells the
two apart. Kinds of defects take turns, and so do the parts: the families held out of training, or the meshes given.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch


def pairs(count: int, seed: int, meshes: Path | None, mode: str):
    """(kind, defective cloud, good cloud) of `count` twins."""
    from align3d_cli.synthetic.families import HELD_OUT_FAMILIES
    from align3d_cli.synthetic.samples import MAIN_KINDS, make_sample, mesh_sources

    sources = mesh_sources(meshes) if meshes else HELD_OUT_FAMILIES
    for number in range(count):
        source = sources[number % len(sources)]
        root = np.random.SeedSequence(seed, spawn_key=(number,))
        kind = MAIN_KINDS[(number // len(sources) + number) % len(MAIN_KINDS)]
        defective, good = (make_sample(root, kind=k, source=source, mode=mode) for k in (kind, "good"))
        if defective.defect.any():
            yield kind, defective.cloud, good.cloud


def main() -> None:
    """Score every pair and print the share of wins by kind, a tie counting half."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="meshes", type=Path, help="folder of meshes instead of the held-out families")
    parser.add_argument("-n", type=int, default=96, help="pairs")
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--mode", default="organised", choices=("organised", "full"))
    parser.add_argument("--model", default="align3d-lite")
    given = parser.parse_args()

    from align3d_cli.model.bundle import load_bundle
    from align3d_cli.model.inspector import Inspector

    torch.set_num_threads(1)
    inspector = Inspector(load_bundle(given.model))
    wins, raised = defaultdict(list), defaultdict(list)
    for kind, defective, good in pairs(given.n, given.seed, given.meshes, given.mode):
        bad, fine = (inspector.inspect(cloud).score for cloud in (defective, good))
        for row in (kind, "all"):
            wins[row].append((bad > fine) + 0.5 * (bad == fine))
            raised[row].append(bad - fine)
    print("| kind | pairs | above its twin | median rise of the score |\n|---|---|---|---|")
    for row in (*sorted(wins.keys() - {"all"}), "all"):
        print(f"| {row} | {len(wins[row])} | {100 * np.mean(wins[row]):.0f}% | {np.median(raised[row]):+.2f} |")


if __name__ == "__main__":
    main()
