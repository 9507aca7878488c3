"""Binary glTF 2.0 (.glb): every primitive of the scene where its nodes place it, in metres."""

from typing import Any

import numpy as np

from align3d_cli.io.colours import as_uint8
from align3d_cli.io.gltf_data import GltfFile, open_gltf, row_of
from align3d_cli.io.gltf_materials import DAMAGED, Materials
from align3d_cli.io.gltf_nodes import Placed, placed_meshes
from align3d_cli.io.mesh_file import MeshFile
from align3d_cli.io.mesh_text import lost_vertex
from align3d_cli.io.source import POINT_LIMIT, Source
from align3d_cli.io.surface import GREY, Surface

POINTS, TRIANGLES, STRIP, FAN = 0, 4, 5, 6  # modes of a primitive, glTF 2.0, 3.7.2.1; 1 to 3 are lines


def read_gltf(source: Source) -> MeshFile:
    """Vertices node by node, those that primitives of one node share once; faces primitive by primitive.

    Lines and what no scene shows are left out. Raises InputRejected.
    """
    file = open_gltf(source)
    try:
        placed = list(placed_meshes(file))
        _check_size(file, placed)
        return _mesh_file(file, placed)
    except DAMAGED as error:
        raise source.reject("the glTF description is damaged", "export it again") from error


def _primitives(file: GltfFile, placed: Placed) -> list[dict[str, Any]]:
    """The points and triangles of a mesh."""
    found = row_of(file.tree["meshes"], placed.mesh)["primitives"]
    shown = [p for p in found if p.get("mode", TRIANGLES) in (POINTS, TRIANGLES, STRIP, FAN)]
    return [p for p in shown if "POSITION" in p["attributes"]]


def _check_size(file: GltfFile, placed: list[Placed]) -> None:
    """A scene may place one mesh a million times."""
    rows = 0
    for mesh in placed:
        primitives = _primitives(file, mesh)
        corners = [p["indices"] for p in primitives if "indices" in p]
        rows += sum(file.count(accessor) for accessor in [*_positions(primitives), *corners])
        if rows > POINT_LIMIT:
            finding = f"the scene places more than {POINT_LIMIT} vertices and corners of faces"
            raise file.source.reject(finding, "thin it")


def _positions(primitives: list[dict[str, Any]]) -> list[int]:
    """The accessors that hold their vertices, each once, in the order in which they are met."""
    return list(dict.fromkeys(primitive["attributes"]["POSITION"] for primitive in primitives))


def _mesh_file(file: GltfFile, placed: list[Placed]) -> MeshFile:
    materials, at = Materials(file), 0
    blocks, faces, surfaces = [np.empty((0, 3))], [np.empty((0, 3), np.int64)], []
    colours: list[np.ndarray | None] = [None]
    for mesh in placed:
        primitives = _primitives(file, mesh)
        for accessor in _positions(primitives):
            vertices = _placed_vertices(file, mesh, accessor)
            sharing = [p for p in primitives if p["attributes"]["POSITION"] == accessor]
            found = [_surface(file, p, vertices, mesh, materials) for p in sharing]
            blocks.append(vertices)
            colours.append(found[0].vertex_colours)
            faces += [surface.faces + at for surface in found]
            surfaces += [surface for surface in found if len(surface.faces)]
            at += len(vertices)
    vertices, joined = np.concatenate(blocks), np.concatenate(faces)
    return MeshFile(vertices, joined, tuple(surfaces), _joined_colours(blocks, colours), unit="m")


def _joined_colours(blocks: list[np.ndarray], colours: list[np.ndarray | None]) -> np.ndarray | None:
    if all(c is None for c in colours):
        return None
    grey = [np.full((len(block), 3), GREY, np.uint8) for block in blocks]
    return np.concatenate([g if c is None else c for g, c in zip(grey, colours, strict=True)])


def _placed_vertices(file: GltfFile, placed: Placed, accessor: int) -> np.ndarray:
    """(M, 3) float64 in the scene's frame."""
    vertices, matrix = file.array(accessor)[:, :3].astype(np.float64), placed.scene_from_mesh
    if np.array_equal(matrix, np.eye(4)):
        return np.ascontiguousarray(vertices)
    return vertices @ matrix[:3, :3].T + matrix[:3, 3]


def _surface(
    file: GltfFile, primitive: dict[str, Any], vertices: np.ndarray, placed: Placed, materials: Materials
) -> Surface:
    faces = _triangles(file, primitive, len(vertices))
    if np.linalg.det(placed.scene_from_mesh[:3, :3]) < 0:
        faces = faces[:, ::-1]  # mirrored: keep the normals outside
    return Surface(vertices, faces, **_colour_fields(file, primitive, materials, len(vertices)))


def _triangles(file: GltfFile, primitive: dict[str, Any], n_vertices: int) -> np.ndarray:
    """(F, 3) int64 corners of triangles, strips or fans; none of points. Raises InputRejected for false corners."""
    mode = primitive.get("mode", TRIANGLES)
    if mode == POINTS:
        return np.empty((0, 3), np.int64)
    corners = (
        file.array(primitive["indices"]).ravel().astype(np.int64) if "indices" in primitive else np.arange(n_vertices)
    )
    if len(corners) and corners.max() >= n_vertices:
        raise file.source.reject(lost_vertex(corners.max(), 0, n_vertices), "it is damaged, export it again")
    if mode == TRIANGLES:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    step = np.arange(max(len(corners) - 2, 0))
    if mode == STRIP:  # every other triangle of a strip runs the other way
        return corners[np.stack([step, step + 1 + step % 2, step + 2 - step % 2], axis=1)]
    return corners[np.stack([step + 1, step + 2, np.zeros_like(step)], axis=1)]


def _colour_fields(file: GltfFile, primitive: dict[str, Any], materials: Materials, n: int) -> dict[str, np.ndarray]:
    """Fields of a Surface: a texture and its coordinates, or the colours of the n vertices, or nothing."""
    attributes = primitive["attributes"]
    texture = materials.texture(primitive)
    if texture is not None and f"TEXCOORD_{texture.uv_set}" in attributes:
        uv = file.array(attributes[f"TEXCOORD_{texture.uv_set}"]).astype(np.float64)
        uv = uv @ texture.picture_from_uv[:, :2].T + texture.picture_from_uv[:, 2]
        if len(uv) == n:
            return {"uv": np.column_stack([uv[:, 0], 1 - uv[:, 1]]), "texture": texture.picture}
    if "COLOR_0" in attributes:
        colours = as_uint8(file.array(attributes["COLOR_0"])[:, :3])
        return {"vertex_colours": colours} if len(colours) == n else {}
    return {}
