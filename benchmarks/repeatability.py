"""How far a score moves with what does not concern it: python benchmarks/repeatability.py [SCANS] [--set NAME=VALUE]

The same points turned (at random, and by quarters about the axes of the file), 80 % of them drawn at random, and told
in another order. An organised scan keeps its grid when it is turned, loses a fifth of its pixels, and instead of
another order has its grid rolled by quarters. --set states a setting of the views
(align3d_cli/render/settings.py) otherwise than the model does.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from align3d_cli.clouds.cloud import PointCloud

KEPT = 0.8  # share of the points in a re-sampling
KINDS = ("as it is", "quarter turns", "random turns", "re-samplings", "re-orderings")
EXAMPLES = Path(__file__).parents[1] / "examples"


def turned(cloud: PointCloud, turn: Rotation) -> PointCloud:
    """The same points about the middle of their box; what was not measured stays what it is."""
    valid = cloud.valid
    middle = 0.5 * (cloud.xyz[valid].min(axis=0) + cloud.xyz[valid].max(axis=0))
    xyz = cloud.xyz.copy()
    xyz[valid] = turn.apply(xyz[valid] - middle) + middle
    return replace(cloud, xyz=xyz, normals=None, mesh=None)


def of_rows(cloud: PointCloud, rows: np.ndarray, grid: tuple[int, int] | None = None) -> PointCloud:
    """The cloud's points in these rows."""
    colours = None if cloud.colours is None else cloud.colours[rows]
    return replace(cloud, xyz=cloud.xyz[rows], colours=colours, normals=None, mesh=None, grid=grid)


def resampled(cloud: PointCloud, rng: np.random.Generator) -> PointCloud:
    """KEPT of the measured points; those of a grid leave holes."""
    measured = np.flatnonzero(cloud.valid)
    lost = rng.permutation(measured)[round(KEPT * len(measured)) :]
    if cloud.grid is None:
        return of_rows(cloud, np.setdiff1d(measured, lost))
    xyz = cloud.xyz.copy()
    xyz[lost] = np.nan
    return replace(cloud, xyz=xyz)


def reordered(cloud: PointCloud, number: int, rng: np.random.Generator) -> PointCloud:
    """The points in another order, or the grid as a camera sees it that is rolled by `number` + 1 quarters."""
    if cloud.grid is None:
        return of_rows(cloud, rng.permutation(len(cloud)))
    rows = np.rot90(np.arange(len(cloud)).reshape(cloud.grid), number + 1)
    return of_rows(cloud, rows.ravel(), (rows.shape[0], rows.shape[1]))


def variants(
    cloud: PointCloud, turns: int, samples: int, orders: int, rng: np.random.Generator
) -> Iterator[tuple[str, PointCloud]]:
    """The kind of each variant of KINDS, and the variant."""
    yield KINDS[0], cloud
    for axis in "xyz"[: 3 if turns else 0]:
        for quarters in (1, 2, 3):
            yield KINDS[1], turned(cloud, Rotation.from_euler(axis, 90 * quarters, degrees=True))
    for turn in Rotation.random(turns, random_state=rng) if turns else ():
        yield KINDS[2], turned(cloud, turn)
    for _ in range(samples):
        yield KINDS[3], resampled(cloud, rng)
    for number in range(orders):
        yield KINDS[4], reordered(cloud, number, rng)


def row(name: str, kind: str, scores: np.ndarray, first: float, threshold: float) -> str:
    """One line of the table; flips are verdicts other than that of the scan as it is."""
    flips = int(((scores > threshold) != (first > threshold)).sum())
    cells = (name, kind, len(scores), *(f"{f(scores):.3f}" for f in (np.mean, np.std, np.min, np.max)), flips)
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print mean, standard deviation, lowest and highest score, and verdicts that flip, by scan and kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, nargs="*", help="files; the shipped examples when none is named")
    parser.add_argument("--model", default="align3d-lite")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="name=value, of the views")
    parser.add_argument("--turns", type=int, default=20, help="at random; 0 leaves out the quarter turns too")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--orders", type=int, default=3, help="3 at most for organised scans")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    from align3d_cli.io.read import read_scan
    from align3d_cli.model.bundle import load_bundle
    from align3d_cli.model.inspector import Inspector

    torch.set_num_threads(1)
    bundle = load_bundle(given.model)
    stated = dict(pair.split("=", 1) for pair in given.settings)
    numbers = {name: int(value) if value.isdigit() else value for name, value in stated.items()}
    inspector = Inspector(replace(bundle, views=replace(bundle.views, **numbers)))
    threshold = bundle.calibration.threshold or 0.5
    found = sorted(p for p in EXAMPLES.glob("**/*") if p.suffix in (".ply", ".tiff") and "gt" not in p.parts)
    print("| scan | kind | n | mean | std | lowest | highest | flips |\n|---|---|---|---|---|---|---|---|")
    seconds: list[float] = []
    for path in given.scans or found:
        cloud, rng = read_scan(path), np.random.default_rng(given.seed)
        scores: dict[str, list[float]] = {}
        for kind, variant in variants(cloud, given.turns, given.samples, given.orders, rng):
            inspection = inspector.inspect(variant)
            scores.setdefault(kind, []).append(inspection.score)
            seconds.append(sum(inspection.seconds.values()))
        name = "/".join(path.parts[-3:])
        for kind, of_kind in scores.items():
            print(row(name, kind, np.array(of_kind), scores[KINDS[0]][0], threshold), flush=True)
    print(f"\nThreshold {threshold:.3f}; {np.median(seconds):.2f} s a score (median of {len(seconds)}).")


if __name__ == "__main__":
    main()
