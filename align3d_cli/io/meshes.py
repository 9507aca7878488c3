"""Meshes (stl, obj, glb, off) through trimesh, sampled to points."""

import io
import logging
from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.mesh_headers import CHECKS
from align3d_cli.io.source import POINT_LIMIT, ReadOptions, Source
from align3d_cli.io.surface import Surface, checked_surface, joined_mesh, sample_surface

UNITS = {"meters": "m", "millimeters": "mm", "centimeters": "cm", "inches": "in"}


def read_mesh(source: Source, options: ReadOptions, kind: str) -> PointCloud:
    """Read a mesh as area-weighted samples of its surface, with colours where it has any.

    A file with vertices but no faces gives its vertices. Raises InputRejected.
    """
    CHECKS[kind](source)
    surfaces, unit = _load(source, kind)
    shaped = [s for s in surfaces if len(s.faces)]
    if not shaped:
        return _only_points(source, surfaces, unit)
    mesh = joined_mesh(surfaces)
    checked = [checked_surface(source, s) for s in shaped]
    sampled = sample_surface(checked, options.samples, np.random.default_rng(options.seed))
    return PointCloud(sampled.xyz, sampled.colours, sampled.normals, unit=unit, mesh=mesh, path=source.path)


def _only_points(source: Source, surfaces: list[Surface], unit: str | None) -> PointCloud:
    if not sum(len(s.vertices) for s in surfaces):
        raise source.reject("holds neither faces nor points", "export it again")
    colours = [s.vertex_colours for s in surfaces]
    colours = np.concatenate(colours) if all(c is not None for c in colours) else None
    return PointCloud(np.concatenate([s.vertices for s in surfaces]), colours, unit=unit, path=source.path)


def _load(source: Source, kind: str) -> tuple[list[Surface], str | None]:
    """Every geometry of the file in the place its scene gives it, and the unit of length."""
    import trimesh

    logging.getLogger("trimesh").setLevel(logging.CRITICAL)  # its findings reach the user as ours
    data, resolver = io.BytesIO(source.read()), _resolver(source)
    try:
        scene = trimesh.load(data, file_type=kind, resolver=resolver, force="scene", process=kind == "stl")
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # trimesh raises whatever a damaged file makes it stumble over
        finding = f"is no readable {kind} mesh ({str(error)[:80] or type(error).__name__})"
        raise source.reject(finding, "it is cut off or damaged, export it again") from error
    placed = [scene.graph[node] for node in scene.graph.nodes_geometry]
    _check_instances(source, [scene.geometry[name] for _, name in placed])
    surfaces = [_surface(source, scene.geometry[name], np.asarray(matrix)) for matrix, name in placed]
    return surfaces, "m" if kind == "glb" else UNITS.get(scene.units)


def _resolver(source: Source) -> object:
    """Materials and textures beside the mesh; nothing outside its folder, nothing from the network."""
    from trimesh.resolvers import Resolver

    class Beside(Resolver):
        def __init__(self, folder: Path | None) -> None:
            self.folder = folder

        def get(self, name: str) -> bytes:
            path = (self.folder / name.strip()).resolve() if self.folder else None
            if path is None or not path.is_relative_to(self.folder) or not path.is_file():
                raise FileNotFoundError(name)
            return path.read_bytes()

        def keys(self) -> list[str]:
            return []

        def write(self, name: str, data: bytes) -> None:
            raise PermissionError(name)

        def namespaced(self, namespace: str) -> "Beside":
            return self

    return Beside(source.path.resolve().parent if source.path else None)


def _check_instances(source: Source, geometries: list) -> None:
    """A scene may place one mesh a million times."""
    rows = sum(len(g.vertices) + len(getattr(g, "faces", ())) for g in geometries if hasattr(g, "vertices"))
    if rows > POINT_LIMIT:
        raise source.reject(f"the scene places {rows} vertices and faces, more than {POINT_LIMIT}", "thin it")


def _surface(source: Source, geometry: object, matrix: np.ndarray) -> Surface:
    vertices = np.asarray(getattr(geometry, "vertices", np.empty((0, 3))), np.float64)
    faces = np.asarray(getattr(geometry, "faces", ()), np.int64)
    faces = faces if faces.size else faces.reshape(0, 3)
    if vertices.shape != (len(vertices), 3) or faces.shape != (len(faces), 3):
        raise source.reject("a vertex has not three coordinates", "it is cut off or damaged, export it again")
    if not np.array_equal(matrix, np.eye(4)):
        vertices = vertices @ matrix[:3, :3].T + matrix[:3, 3]
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]  # mirrored: keep the normals outside
    return Surface(np.ascontiguousarray(vertices), faces, **_colour_fields(geometry, len(vertices), len(faces)))


def _colour_fields(geometry: object, n_vertices: int, n_faces: int) -> dict:
    visual = getattr(geometry, "visual", None)
    kind = getattr(visual, "kind", None)
    if kind == "texture":
        texture, uv = _texture(visual.material), visual.uv
        if texture is not None and uv is not None and len(uv) == n_vertices:
            return {"texture": texture, "uv": np.asarray(uv, np.float64)}
        return {}
    if kind == "face" and len(visual.face_colors) == n_faces:
        return {"face_colours": np.ascontiguousarray(visual.face_colors[:, :3], np.uint8)}
    colours = getattr(visual, "vertex_colors", None) if kind == "vertex" else getattr(geometry, "colors", None)
    if colours is not None and len(colours) == n_vertices and n_vertices:
        return {"vertex_colours": np.ascontiguousarray(np.asarray(colours)[:, :3], np.uint8)}
    return {}


def _texture(material: object) -> np.ndarray | None:
    """(H, W, 3) uint8 image of the material, tinted by its base colour; None without one."""
    image = getattr(material, "baseColorTexture", None)
    if image is None:
        image = getattr(material, "image", None)
    if image is None:
        return None
    try:
        texture = np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError):  # a damaged picture costs the colours, not the scan
        return None
    factor = getattr(material, "baseColorFactor", None)
    if factor is None or (np.asarray(factor)[:3] == 255).all():
        return texture
    return np.rint(texture * (np.asarray(factor)[:3] / 255.0)).astype(np.uint8)
