"""Plain defects that share no code with `align3d synth`: benchmarks/plain_defects.py --from meshes/ --out plain

How far do figures on the generator's own defects carry over to somebody else's? Every mesh is seen as an organised scan
by an orthographic camera that stands anywhere, half of the scans good, the others with one of six kinds: a Gaussian
bump or dent, a cylindrical hole (deep or right through), a plane cut, a patch of random waves, a groove. Points are
moved along one direction, the mean normal of the spot (for cuts near it). Labelled is what moved by 15 % of the most;
of a cut all that moved, of a patch all of it, of a hole right through its rim. The tree is read by
`align3d benchmark --dataset folder --root plain`.

`--pose one` puts every object into one pose of its own, which a scan leaves by a tilt of up to 8 degrees and any turn
in the image plane. `--vary` bends every part a little, as parts of one line differ. `--train 4` adds good parts in
`train/good`, for the methods that see some.
"""

import argparse
from pathlib import Path

import numpy as np
import tifffile
import trimesh
from PIL import Image
from scipy.spatial.transform import Rotation

KINDS = ("bump", "dent", "hole", "cut", "rough", "scratch")
STEP_PX = 0.7  # longest edge of the triangles whose corners are seen: no pixel of the surface without one
LABELLED = 0.15  # of the largest displacement
NOISE = (1e-4, 1e-3)  # of the part's diagonal, log-uniform
TRIES = 20
TILT = np.radians(8)  # at most, of a scan in one pose
WAVES = 4  # of the bending of a part, about one over the part


def defect(
    points: np.ndarray, normals: np.ndarray, kind: str, seen: np.ndarray, strength: float, rng: np.random.Generator
):
    """One defect at a random seen point: moved points (N, 3), labels (N,) bool, and which points are left (N,) bool.

    points: (N, 3); normals: (N, 3) unit; seen: rows of the points in front; strength: times all heights and depths
    """
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    centre = points[rng.choice(seen[normals[seen, 2] > 0.5])]
    away = np.linalg.norm(points - centre, axis=1)
    out = normals[away < 0.01 * size].mean(axis=0)
    out /= np.linalg.norm(out)
    radius, height = size * rng.uniform(0.03, 0.08), strength * size * rng.uniform(0.006, 0.02)
    facing, left = normals @ out > 0.2, np.ones(len(points), bool)
    if kind == "cut":
        out = out + 0.5 * rng.normal(size=3)
        level = (points @ out).max() - strength * rng.uniform(0.03, 0.1) * np.ptp(points @ out)
        lift = -np.maximum(points @ out - level, 0) / (out @ out)
        return points + lift[:, None] * out, lift < 0, left
    if kind == "hole":
        inside = (away < 0.6 * radius) & facing
        if rng.random() < 0.5:
            return points, (away < 0.75 * radius) & facing, ~inside
        lift = -3 * height * inside
    elif kind == "rough":
        patch = np.flatnonzero((away < radius) & facing)
        waves = rng.normal(size=(24, 3)) * 6 / radius
        phase = points[patch] @ waves.T + rng.uniform(0, 2 * np.pi, 24)
        lift = np.zeros(len(points))
        lift[patch] = 0.15 * height * np.sin(phase).sum(axis=1) / np.sqrt(12)
        return points + lift[:, None] * out, (away < radius) & facing, left
    elif kind == "scratch":
        along = np.cross(out, rng.normal(size=3))
        along /= np.linalg.norm(along)
        u, v = (points - centre) @ along, (points - centre) @ np.cross(out, along)
        v = v + 0.15 * radius * np.sin(2 * u / radius)
        groove = (np.abs(u) < 1.6 * radius) & (away < 2.5 * radius) & facing
        lift = -0.5 * height * groove * np.exp(-((v / (size * rng.uniform(0.004, 0.009))) ** 2))
    else:
        lift = (1 if kind == "bump" else -1) * height * facing * np.exp(-((1.5 * away / radius) ** 2))
    return points + lift[:, None] * out, np.abs(lift) > LABELLED * np.abs(lift).max(), left


def in_front(points: np.ndarray, side: int) -> np.ndarray:
    """(side**2,) the row of the point seen at each pixel from +z, most central of the front; -1 where none is."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    place = (points[:, :2] - (low + high) / 2) * ((side - 8) / (high - low).max()) + side / 2
    cell = place.astype(int)
    pixel = cell[:, 1] * side + cell[:, 0]
    nearest = np.full(side**2, -np.inf)
    np.maximum.at(nearest, pixel, points[:, 2])
    front = np.flatnonzero(points[:, 2] >= nearest[pixel] - 2 * (high - low).max() / side)
    beside = ((place[front] - cell[front] - 0.5) ** 2).sum(axis=1)
    front = front[np.argsort(-beside, kind="stable")]
    seen = np.full(side**2, -1)
    seen[pixel[front]] = front  # the last one written stays
    return seen


def dense(mesh: trimesh.Trimesh, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) all over the mesh and their normals, so close that no camera here sees between them."""
    step = STEP_PX * float(np.ptp(mesh.vertices, axis=0).max()) / side
    corners, faces, origin = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, step, return_index=True)
    first = np.unique(np.round(corners / (0.05 * step)).astype(np.int64), axis=0, return_index=True)[1]
    face = np.empty(len(corners), np.int64)
    face[faces] = origin[:, None]
    return corners[first], mesh.face_normals[face[first]]


def any_turn(rng: np.random.Generator) -> np.ndarray:
    """A proper rotation (3, 3), all alike likely."""
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return turn * np.sign(np.linalg.det(turn))


def near_turn(pose: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(3, 3) a pose tilted by TILT at most and then turned about the line of sight."""
    towards, about = rng.uniform(0, 2 * np.pi, 2)
    tilt = Rotation.from_rotvec(rng.uniform(0, TILT) * np.array([np.cos(towards), np.sin(towards), 0]))
    return (Rotation.from_rotvec([0, 0, about]) * tilt).as_matrix() @ pose


def varied(points: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """(N, 3) points of a part that differs from its like: slow waves, `amount` of the diagonal high, and its size."""
    size = np.linalg.norm(np.ptp(points, axis=0))
    waves, phase = rng.normal(size=(WAVES, 3)) * 2 / size, rng.uniform(0, 2 * np.pi, WAVES)
    ways = rng.normal(size=(WAVES, 3)) * amount * size / np.sqrt(WAVES)
    return points * (1 + rng.normal(0, amount)) + np.sin(points @ waves.T * np.pi + phase) @ ways


def scan(
    points: np.ndarray,
    normals: np.ndarray,
    kind: str,
    strength: float,
    side: int,
    turn: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray] | None:
    """xyz (H, W, 3) float32, 0 where nothing is seen, and labels (H, W) bool; None when the defect is out of sight."""
    points, normals = points @ turn.T, normals @ turn.T
    labels = np.zeros(len(points), bool)
    if kind != "good":
        seen = in_front(points, side)
        points, labels, left = defect(points, normals, kind, seen[seen >= 0], strength, rng)
        points, labels = points[left], labels[left]
    seen = in_front(points, side)
    found = seen >= 0
    share = labels[seen[found]].mean()
    if kind != "good" and not 0.0005 < share < 0.15:
        return None
    size = np.linalg.norm(np.ptp(points, axis=0))
    measured = points[seen[found]]
    measured[:, 2] += rng.normal(size=len(measured)) * size * np.exp(rng.uniform(*np.log(NOISE)))
    xyz, marked = np.zeros((side**2, 3), np.float32), np.zeros(side**2, bool)
    xyz[found] = measured * [1, -1, -1] + [0, 0, measured[:, 2].max() + 2 * size]  # a camera looks along +z
    marked[found] = labels[seen[found]]
    return xyz.reshape(side, side, 3), marked.reshape(side, side)


def main() -> None:
    """Write the tree: twelve scans a mesh, six of them good."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="meshes", type=Path, required=True, help="folder of meshes")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--strength", type=float, default=1.0, help="times the heights and depths, 0.6 to 2 %% of the part"
    )
    parser.add_argument("--side", type=int, default=320, help="height and width of a scan in points")
    parser.add_argument("--pose", choices=("any", "one"), default="any", help="of all scans of an object")
    parser.add_argument("--vary", type=float, default=0.0, help="how parts differ, as a share of the diagonal")
    parser.add_argument("--train", type=int, default=0, help="good scans in train/good")
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()

    for number, path in enumerate(sorted(p for p in given.meshes.iterdir() if p.is_file())):
        rng = np.random.default_rng([given.seed, number])
        points, normals = dense(trimesh.load(path, force="mesh"), given.side)
        pose = any_turn(rng)
        places = [("good", f"train{place:02d}") for place in range(given.train)]
        places += [(kind, f"{place:02d}") for place, kind in enumerate((*["good"] * len(KINDS), *KINDS))]
        for kind, name in places:
            for _ in range(TRIES):
                part = varied(points, given.vary, rng) if given.vary else points
                turn = any_turn(rng) if given.pose == "any" else near_turn(pose, rng)
                made = scan(part, normals, kind, given.strength, given.side, turn, rng)
                if made is not None:
                    break
            else:
                print(f"{path.name}: no {kind} in sight in {TRIES} tries; left out")
                continue
            write(given.out / path.stem, kind, name, *made)


def write(folder: Path, kind: str, name: str, xyz: np.ndarray, labels: np.ndarray) -> None:
    """One scan and, of a defective one, its mask."""
    place = folder / "train" / kind if name.startswith("train") else folder / kind
    place.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(place / f"{name.removeprefix('train')}.tiff", xyz)
    if kind != "good":
        (folder / "gt" / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels.astype(np.uint8) * 255).save(folder / "gt" / kind / f"{name}.png")


if __name__ == "__main__":
    main()
