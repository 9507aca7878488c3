"""Parts from files: any mesh becomes a dense oriented surface with its own colours."""

import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from align3d_cli.errors import InputRejected
from align3d_cli.synthetic.labelled_surface import LabelledSurface

SUFFIXES = (".stl", ".obj", ".glb", ".off", ".ply")
DENSE_POINTS = 260_000  # enough for an organised scan of 60 k points from any side


def mesh_sources(folder: str | Path) -> list[Path]:
    """The meshes of a folder (or one file), in name order. Raises InputRejected when there is none."""
    root = Path(folder)
    found = [root] if os.path.isfile(root) else sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not found:
        raise InputRejected(f"{root}: no mesh in it; give a folder with {', '.join(SUFFIXES)}")
    return found


@lru_cache(maxsize=96)  # 7 MB each; one worker meets the same mesh many times
def mesh_part(path: str | Path, points: int = DENSE_POINTS) -> LabelledSurface:
    """Sample a mesh: points centred, its longest side 1.9, face normals, colours where the file has them.

    Raises InputRejected for a file without faces.
    """
    from align3d_cli.io.read import read_scan

    cloud = read_scan(path, samples=points, seed=0)
    if cloud.mesh is None or cloud.normals is None:
        raise InputRejected(f"{path}: has no faces; synth needs meshes, convert the scan to one first")
    low, high = cloud.xyz.min(axis=0), cloud.xyz.max(axis=0)
    scale = 1.9 / float((high - low).max())
    xyz = ((cloud.xyz - (low + high) / 2) * scale).astype(np.float32)
    corners = cloud.mesh.vertices[cloud.mesh.faces]
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
    spacing = float(np.sqrt(area * scale**2 / len(xyz)))
    order = np.random.default_rng(0).permutation(len(xyz))
    colours = None if cloud.colours is None else cloud.colours[order]
    return LabelledSurface(xyz[order], cloud.normals.astype(np.float32)[order], spacing, colours)
