"""The same scans through a model and through its ONNX file: python benchmarks/export.py [--model M] [--scans A B ..]

Seconds of encoding and comparing, and of the whole scan from the cloud on, the least of the repetitions after one
warm-up, both ways in turn in one process and on the same threads; and the largest difference of a point's score and of
the object's. Without --scans the shipped examples.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
EXAMPLES = (
    "chessman/dent/001.ply", "chessman/good/003.ply", "cookie/bump/002.ply", "shaft/dent/003.ply",
    "organised/connector/good/000.tiff", "organised/cookie/dent/001.tiff",
)  # fmt: skip
STEPS = ("encode", "compare")  # what the graph does and torch would


def exported(model: str, folder: Path):
    """The model and its export, loaded from a file as users do."""
    from align3d_cli.model.bundle import load_bundle, save_bundle
    from align3d_cli.model.export import export_bundle
    from align3d_cli.model.inspector import Inspector

    bundle = load_bundle(model)
    path = save_bundle(folder / "model.onnx", export_bundle(bundle).bundle).path
    return Inspector(bundle), Inspector(load_bundle(path))


def compared(path: Path, inspectors, repeats: int) -> str:
    """One line of the table."""
    from align3d_cli.io.read import read_scan

    cloud = read_scan(path)
    runs = [[one.inspect(cloud) for one in inspectors] for _ in range(repeats + 1)]  # in turn: load meets both alike
    cells = []
    for seconds in ([run[way].seconds for run in runs[1:]] for way in range(2)):
        cells += [min(sum(one[step] for step in STEPS) for one in seconds), min(sum(one.values()) for one in seconds)]
    first, second = runs[-1]
    points = np.nanmax(np.abs(first.point_scores - second.point_scores))
    times = " | ".join(f"{one:.3f}" for one in (cells[0], cells[2], cells[1], cells[3]))
    name = path.relative_to(ROOT / "examples") if path.is_relative_to(ROOT / "examples") else path
    return f"| {name} | {len(cloud)} | {times} | {points:.1e} | {abs(first.score - second.score):.1e} |"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--model", default="align3d-lite")
    options.add_argument("--scans", nargs="+", type=Path, default=[ROOT / "examples" / name for name in EXAMPLES])
    options.add_argument("--repeats", type=int, default=3)
    chosen = options.parse_args()
    import torch

    with tempfile.TemporaryDirectory(prefix="align3d-") as folder:
        inspectors = exported(chosen.model, Path(folder))
        print(f"{chosen.model}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
        print("| scan | points | tower torch, s | tower ONNX, s | scan torch, s | scan ONNX, s | points | object |")
        print("|" + "---|" * 8)
        for path in chosen.scans:
            print(compared(path.resolve(), inspectors, chosen.repeats), flush=True)


if __name__ == "__main__":
    main()
