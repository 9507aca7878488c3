"""Whole clouds with plain defects of nine other kinds: benchmarks/whole_defects.py --from meshes/ --out whole

Points are drawn all over a mesh, turned freely, and moved along the normals within a round spot: a bulge, a dent, a
ridge, a trench, a flat spot, a crater, a shear (along the surface), ripples, or many small dimples. Heights are 2 to
6 % of the part's radius. Labelled is what moved by 15 % of the most. Parts of one mesh do not differ otherwise. It
is read by `align3d benchmark --dataset folder --root whole`; `--train 4` adds good parts in `train/good`.
"""

import argparse
from pathlib import Path

import numpy as np
import trimesh
from plain_defects import LABELLED, any_turn

KINDS = ("bulge", "dent", "ridge", "trench", "flat", "crater", "shear", "ripple", "dimples")
NOISE = 5e-4  # of the radius
HEIGHT = (0.02, 0.06)  # of the radius, the range of displacements
SPOT = (0.12, 0.3)  # of the radius, the range of a spot's


def lifted(kind: str, away: np.ndarray, along: np.ndarray, across: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N,) displacement along the normal in heights; away, along, across: (N,) in radii of the spot."""
    bell = np.exp(-4 * away**2)
    if kind in ("bulge", "dent"):
        return bell if kind == "bulge" else -bell
    if kind in ("ridge", "trench"):
        line = np.exp(-((4 * across) ** 2)) * (np.abs(along) < 1)
        return line if kind == "ridge" else -line
    if kind == "crater":
        return np.exp(-((away - 0.6) ** 2) * 40) - bell
    if kind == "ripple":
        return np.sin(4 * np.pi * along) * bell * 0.7
    pits = rng.uniform(-0.8, 0.8, (12, 2))
    pit = np.exp(-60 * ((along[:, None] - pits[:, 0]) ** 2 + (across[:, None] - pits[:, 1]) ** 2)).max(axis=1)
    return -0.7 * pit * (away < 1)


def defective(
    points: np.ndarray, normals: np.ndarray, kind: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Moved points (N, 3) and labels (N,) bool."""
    radius = float(np.linalg.norm(points - points.mean(axis=0), axis=1).max())
    place = rng.integers(len(points))
    out = normals[place]
    spot, height = radius * rng.uniform(*SPOT), radius * rng.uniform(*HEIGHT)
    first = np.cross(out, rng.normal(size=3))
    first /= np.linalg.norm(first)
    offset = points - points[place]
    away, along, across = np.linalg.norm(offset, axis=1), offset @ first, offset @ np.cross(out, first)
    near = (away < 1.2 * spot) & (normals @ out > 0.2)
    if kind == "flat":
        level = np.quantile(offset[near] @ out, 0.9) - height
        move = -np.maximum(offset @ out - level, 0)[:, None] * out
    elif kind == "shear":
        move = height * np.exp(-4 * (away / spot) ** 2)[:, None] * first
    else:
        move = height * lifted(kind, away / spot, along / spot, across / spot, rng)[:, None] * normals
    move = move * near[:, None]
    length = np.linalg.norm(move, axis=1)
    return points + move, length > LABELLED * length.max()


def main() -> None:
    """Write the tree: as many good as defective scans a mesh, one of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="meshes", type=Path, required=True, help="folder of meshes")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=int, default=30_000, help="of a scan")
    parser.add_argument("--train", type=int, default=0, help="good scans in train/good")
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()

    for number, path in enumerate(sorted(p for p in given.meshes.iterdir() if p.is_file())):
        rng, mesh = np.random.default_rng([given.seed, number]), trimesh.load(path, force="mesh")
        places = [("train/good", f"{place:02d}") for place in range(given.train)]
        places += [(kind, f"{place:02d}") for place, kind in enumerate((*["good"] * len(KINDS), *KINDS))]
        for kind, name in places:
            points, faces = trimesh.sample.sample_surface(mesh, given.points, seed=int(rng.integers(2**31)))
            points, labels = np.asarray(points), np.zeros(given.points, bool)
            if "good" not in kind:
                points, labels = defective(points, mesh.face_normals[faces], kind, rng)
            radius = np.linalg.norm(points - points.mean(axis=0), axis=1).max()
            points = points @ any_turn(rng).T + rng.normal(size=points.shape) * NOISE * radius
            folder = given.out / path.stem
            (folder / kind).mkdir(parents=True, exist_ok=True)
            trimesh.PointCloud(points).export(folder / kind / f"{name}.ply")
            if labels.any():
                (folder / "gt" / kind).mkdir(parents=True, exist_ok=True)
                np.save(folder / "gt" / kind / f"{name}.npy", labels.astype(np.uint8))


if __name__ == "__main__":
    main()
