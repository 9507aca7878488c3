"""What good parts cost: benchmarks/beside_cost.py [--tree . --tree OTHER --rounds 3]

Scans of a mesh, turned freely and a little noisy, are learned as good parts, and further ones are scored beside them.
Printed are seconds of wall clock and of processor time: of learning a good part, of the model alone on a scan, and of
the good parts beside it, the least of all scans of all rounds, so that what else the machine does counts little. With
--tree, several checkouts are measured in turns, which is the only way to compare them on a machine that is shared.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

MESH = Path(__file__).parents[1] / "examples" / "shaft" / "nominal.stl"
NOISE = 2e-4  # of the diagonal
ROWS = ("learn, a part", "model alone", "beside")


def clouds(mesh: Path, n: int, points: int):
    """Scans of the mesh from all sides."""
    import trimesh

    from align3d_cli.clouds.cloud import PointCloud

    rng, part = np.random.default_rng(0), trimesh.load(mesh, force="mesh")
    for number in range(n):
        xyz = np.array(trimesh.sample.sample_surface(part, points, seed=number)[0])
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        noise = rng.normal(0, NOISE * np.linalg.norm(np.ptp(xyz, axis=0)), xyz.shape)
        yield PointCloud(xyz @ (turn * np.sign(np.linalg.det(turn))).T + noise)


def measured(mesh: Path, points: int, parts: int, scans: int) -> dict[str, tuple[float, float]]:
    """Least wall and processor seconds by row, of this process's own tree; compiled code and caches are warm."""
    from align3d_cli import load

    model, found = load(device="cpu"), {row: (np.inf, np.inf) for row in ROWS}
    told = [model.tell(cloud, f"good{i}") for i, cloud in enumerate(clouds(mesh, parts, points))]
    model.knowing(told)

    def timed(row: str, divided_by: int, work):
        wall, processor = time.perf_counter(), time.process_time()
        value = work()
        spent = time.perf_counter() - wall, time.process_time() - processor
        found[row] = tuple(min(old, new / divided_by) for old, new in zip(found[row], spent, strict=True))
        return value

    known = timed("learn, a part", parts, lambda: model.knowing(told))
    for cloud in list(clouds(mesh, parts + scans, points))[parts:]:
        timed("model alone", 1, partial(model.score_cloud, cloud, "scan"))
        one = model.tell(cloud, "scan")
        timed("beside", 1, partial(known.references.beside, one.scan, one.points, one.raw))
    return found


def main() -> None:
    """Print a table, a row a tree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mesh", type=Path, default=MESH)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--parts", type=int, default=4, help="good parts")
    parser.add_argument("--scans", type=int, default=4, help="scans beside them, a round")
    parser.add_argument("--tree", type=Path, action="append", default=[], help="a checkout to measure; repeat")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    if not given.tree:
        print(json.dumps(measured(given.mesh, given.points, given.parts, given.scans)))
        return
    sizes = [f"--{name}={getattr(given, name)}" for name in ("points", "parts", "scans")]
    command = [sys.executable, __file__, "--mesh", str(given.mesh.resolve()), *sizes]
    least: dict[Path, dict[str, list[float]]] = {}
    for _ in range(given.rounds):
        for tree in given.tree:
            env = os.environ | {"PYTHONPATH": str(tree.resolve()), "OMP_WAIT_POLICY": "PASSIVE"}
            out = json.loads(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE).stdout)
            old = least.setdefault(tree, out)
            least[tree] = {row: [min(pair) for pair in zip(old[row], out[row], strict=True)] for row in out}
    print("| tree | " + " | ".join(f"{row}, s | cpu-s" for row in ROWS) + " |\n|---" + "|---" * 6 + "|")
    for tree, rows in least.items():
        cells = [f"{wall:.2f} | {processor:.2f}" for wall, processor in rows.values()]
        print(f"| {tree} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
