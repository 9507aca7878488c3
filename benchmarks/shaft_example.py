"""The shipped example of one part with its CAD model: benchmarks/shaft_example.py --out examples/shaft

A stepped shaft with a flange, a flat and a square end, in mm: `nominal.stl`, three good scans and two defective
ones that differ in size by 0.15 % and stand in any pose.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import trimesh
from plain_defects import any_turn
from whole_defects import defective

CORNERS = 64  # of a section
STEP = 1.2  # mm between sections, at most
POINTS = 16_000
NOISE = 0.015  # mm
VARIATION = 0.0015  # of the size, between parts
SCANS = (("good", "000"), ("good", "001"), ("good", "002"), ("dent", "003"), ("ridge", "004"))


def sections() -> list[tuple[float, np.ndarray]]:
    """Heights and radii (CORNERS,) of the sections at which the shaft changes."""
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    cosine, sine = np.cos(turn), np.sin(turn)
    square = (np.abs(cosine) ** 6 + np.abs(sine) ** 6) ** (-1 / 6)  # with rounded corners
    flat = np.minimum(1, np.where(cosine > 0.2, 0.72 / np.maximum(cosine, 0.2), 1))
    radii = ((0, 5.2), (0.8, 6), (10, 6), (10, 12), (10.6, 12.6), (14.4, 12.6), (15, 12))
    steps = [(height, np.full(CORNERS, radius)) for height, radius in radii]
    steps += [(height, 8 * flat) for height in (15, 30)]
    return steps + [(z, half * square) for z, half in ((30.5, 5.2), (31, 5.6), (43.2, 5.6), (44, 5))]


def shaft() -> trimesh.Trimesh:
    """The nominal part, closed."""
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    steps, rings = sections(), []
    for (low, first), (high, second) in pairwise(steps):
        count = int(np.ceil(max(high - low, np.abs(second - first).max()) / STEP))
        rings += [(low + (high - low) * i / count, first + (second - first) * i / count) for i in range(count)]
    rings.append(steps[-1])
    outline = [np.stack([r * np.cos(turn), r * np.sin(turn), np.full(CORNERS, z)], axis=1) for z, r in rings]
    here = np.arange(CORNERS)
    beside, last = np.roll(here, -1), (len(rings) - 1) * CORNERS
    faces = []
    for base in range(0, last, CORNERS):
        a, b = here + base, beside + base
        faces += [np.stack([a, b, b + CORNERS], axis=1), np.stack([a, b + CORNERS, a + CORNERS], axis=1)]
    centre = np.full(CORNERS, last + CORNERS)
    faces += [np.stack([beside, here, centre], axis=1), np.stack([here + last, beside + last, centre + 1], axis=1)]
    ends = [[0, 0, rings[0][0]], [0, 0, rings[-1][0]]]
    return trimesh.Trimesh(np.concatenate([*outline, ends]), np.concatenate(faces))


def main() -> None:
    """Write the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    mesh, rng = shaft(), np.random.default_rng(4)
    out.mkdir(parents=True, exist_ok=True)
    mesh.export(out / "nominal.stl")
    for kind, name in SCANS:
        points, faces = trimesh.sample.sample_surface(mesh, POINTS, seed=int(rng.integers(2**31)))
        points = np.asarray(points) * (1 + rng.normal(0, VARIATION))
        if kind != "good":
            points, labels = defective(points, mesh.face_normals[faces], kind, rng)
            (out / "gt" / kind).mkdir(parents=True, exist_ok=True)
            np.save(out / "gt" / kind / f"{name}.npy", labels.astype(np.uint8))
        points = points @ any_turn(rng).T + rng.normal(size=points.shape) * NOISE + rng.uniform(-50, 50, 3)
        (out / kind).mkdir(exist_ok=True)
        header = f"ply\nformat binary_little_endian 1.0\ncomment unit mm\nelement vertex {len(points)}\n"
        header += "".join(f"property float {axis}\n" for axis in "xyz") + "end_header\n"
        (out / kind / f"{name}.ply").write_bytes(header.encode() + points.astype("<f4").tobytes())


if __name__ == "__main__":
    main()
