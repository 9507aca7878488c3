"""Meshes (stl, obj, glb, off) sampled to points."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import numpy as np

from align3d_cli.clouds.cloud import Mesh, PointCloud
from align3d_cli.io.mesh_file import MeshFile
from align3d_cli.io.source import ReadOptions, Source
from align3d_cli.io.surface import Surface, checked_surfaces, loose_vertices, sample_surface

READERS = {"stl": "stl", "obj": "obj", "off": "off", "glb": "gltf"}  # format -> module; loads when it is met
SCANNED = ("obj", "off")  # also written of points with a few faces; in glb what no face names is simply not shown


def read_mesh(source: Source, options: ReadOptions, kind: str) -> PointCloud:
    """Read a mesh as area-weighted samples of its surface, with colours where it has any.

    A file with vertices but no faces, or with most of them in no face, gives its vertices. Raises InputRejected.
    """
    found = _reader(kind)(source)
    if not len(found.vertices):
        raise source.reject("holds neither faces nor points", "export it again")
    cloud = PointCloud(found.vertices, found.colours, unit=found.unit, path=source.path, notes=found.notes)
    if not found.surfaces or (kind in SCANNED and _mostly_loose(found)):
        return cloud
    surfaces = checked_surfaces(source, found.surfaces)
    sampled = sample_surface(surfaces, options.samples, np.random.default_rng(options.seed))
    mesh = Mesh(found.vertices, found.faces)
    return replace(cloud, xyz=sampled.xyz, colours=sampled.colours, normals=sampled.normals, mesh=mesh)


def _reader(kind: str) -> Callable[[Source], MeshFile]:
    module = READERS[kind]
    return getattr(import_module(f"align3d_cli.io.{module}"), f"read_{module}")


def _mostly_loose(found: MeshFile) -> bool:
    loose = loose_vertices(Surface(found.vertices, found.faces))
    return not loose.all() and 2 * int(loose.sum()) > len(loose)
