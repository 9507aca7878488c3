"""Triangles to points: area-weighted samples with their colours."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from align3d_cli.clouds.cloud import within_bounds
from align3d_cli.io.mesh_text import lost_vertex
from align3d_cli.io.source import Source

GREY = 178  # of what has no colour: the middle grey of the head-light look


@dataclass(frozen=True, slots=True)
class Surface:
    """A triangle mesh and where its colours come from.

    vertices:       (M, 3) float64
    faces:          (F, 3) int64, rows of vertex indices
    vertex_colours: (M, 3) uint8 or None
    face_colours:   (F, 3) uint8 or None
    uv:             (T, 2) float, origin bottom left, with `texture`, or None
    uv_faces:       (F, 3) int64, rows of uv; None where they are the rows of the vertices
    texture:        (H, W, 3) uint8 or None
    """

    vertices: np.ndarray
    faces: np.ndarray
    vertex_colours: np.ndarray | None = None
    face_colours: np.ndarray | None = None
    uv: np.ndarray | None = None
    uv_faces: np.ndarray | None = None
    texture: np.ndarray | None = None

    @property
    def uv_rows(self) -> np.ndarray:
        """(F, 3) rows of uv at the corners of every face."""
        return self.faces if self.uv_faces is None else self.uv_faces

    @property
    def coloured(self) -> bool:
        """Whether it has colours of any kind."""
        return any(c is not None for c in (self.vertex_colours, self.face_colours, self.texture))


@dataclass(frozen=True, slots=True)
class Samples:
    """xyz (N, 3) float64; colours (N, 3) uint8 or None; normals (N, 3) float32, of the faces; in face order."""

    xyz: np.ndarray
    colours: np.ndarray | None
    normals: np.ndarray


def checked_surface(source: Source, surface: Surface) -> Surface:
    """The surface without faces that touch a vertex nowhere to be found. Raises InputRejected when none is left."""
    return checked_surfaces(source, [surface])[0]


def checked_surfaces(source: Source, surfaces: Iterable[Surface]) -> list[Surface]:
    """Surfaces without faces that touch a vertex nowhere to be found, those with an area only.

    Raises InputRejected when none is left, or when a face names a vertex that is not there.
    """
    found = [_usable(source, surface) for surface in surfaces]
    found = [surface for surface in found if double_areas(surface.vertices, surface.faces).sum() > 0]
    if not found:
        raise source.reject("the mesh has no surface", "export a mesh with faces, or its points as ply")
    return found


def _usable(source: Source, surface: Surface) -> Surface:
    check_faces(source, surface)
    keep = within_bounds(surface.vertices)[surface.faces].all(axis=1)
    if keep.all():
        return surface
    return replace(
        surface,
        faces=surface.faces[keep],
        face_colours=None if surface.face_colours is None else surface.face_colours[keep],
        uv_faces=None if surface.uv_faces is None else surface.uv_faces[keep],
    )


def check_faces(source: Source, surface: Surface) -> None:
    """Raise InputRejected when a face names a vertex that is not there."""
    faces, n = surface.faces, len(surface.vertices)
    if len(faces) and (faces.min() < 0 or faces.max() >= n):
        named = faces.min() if faces.min() < 0 else faces.max()
        raise source.reject(lost_vertex(named, 0, n), "it is damaged, export it again")


def loose_vertices(surface: Surface) -> np.ndarray:
    """(M,) bool, the vertices that no face with an area touches."""
    loose = np.ones(len(surface.vertices), bool)
    loose[surface.faces[double_areas(surface.vertices, surface.faces) > 0]] = False
    return loose


def with_loose(sampled: Samples, surface: Surface, loose: np.ndarray) -> Samples:
    """The samples and behind them the loose vertices, which have no normal: (0, 0, 0)."""
    xyz, colours = surface.vertices[loose], None
    if sampled.colours is not None:
        own = surface.vertex_colours
        colours = np.full(xyz.shape, GREY, np.uint8) if own is None else own[loose]
        colours = np.concatenate([sampled.colours, colours])
    normals = np.concatenate([sampled.normals, np.zeros(xyz.shape, np.float32)])
    return Samples(np.concatenate([sampled.xyz, xyz]), colours, normals)


def face_crosses(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F, 3) cross product of two edges: the face normal, as long as twice the area."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return np.cross(b - a, c - a)


def double_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F,) twice the area of every face."""
    return np.linalg.norm(face_crosses(vertices, faces), axis=1)


def sample_surface(surfaces: list[Surface], n: int, rng: np.random.Generator) -> Samples:
    """n points spread over the area of all surfaces.

    The faces are laid out on a line as long as their area and cut into n equal pieces, one random point
    in each: area-weighted, and without the clumps of independent draws. Corners are weighted as in
    Osada et al. 2002, "Shape distributions", eq. 1.
    """
    areas = [double_areas(s.vertices, s.faces) for s in surfaces]
    line = np.concatenate([[0.0], np.cumsum(np.concatenate(areas))])
    at = (np.arange(n) + rng.random(n)) * (line[-1] / n)
    face = np.clip(np.searchsorted(line, at, side="right") - 1, 0, len(line) - 2)
    root, side = np.sqrt(rng.random(n)), rng.random(n)
    weights = np.stack([1 - root, root * (1 - side), root * side], axis=1)
    ends = np.searchsorted(face, np.cumsum([0] + [len(a) for a in areas]))
    parts = [
        _samples_of(s, face[a:b] - first, weights[a:b])
        for s, first, a, b in zip(surfaces, np.cumsum([0] + [len(x) for x in areas]), ends[:-1], ends[1:], strict=False)
    ]
    coloured = any(s.coloured for s in surfaces)
    return Samples(
        np.concatenate([p.xyz for p in parts]),
        np.concatenate([p.colours for p in parts]) if coloured else None,
        np.concatenate([p.normals for p in parts]),
    )


def _samples_of(surface: Surface, face: np.ndarray, weights: np.ndarray) -> Samples:
    corners = surface.faces[face]
    cross = face_crosses(surface.vertices, corners)
    length = np.linalg.norm(cross, axis=1, keepdims=True)
    normals = np.divide(cross, length, out=np.zeros_like(cross), where=length > 0).astype(np.float32)
    return Samples(_blend(surface.vertices, corners, weights), _colours(surface, face, corners, weights), normals)


def _blend(values: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N, K) values at the corners, blended by barycentric weights."""
    return sum(values[corners[:, i]] * weights[:, i : i + 1] for i in range(3))


def _colours(surface: Surface, face: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N, 3) uint8; GREY where the surface has no colour."""
    if surface.texture is not None and surface.uv is not None:
        return texture_colours(surface.texture, _blend(surface.uv, surface.uv_rows[face], weights))
    if surface.face_colours is not None:
        return surface.face_colours[face]
    if surface.vertex_colours is not None:
        return np.rint(_blend(surface.vertex_colours.astype(np.float64), corners, weights)).astype(np.uint8)
    return np.full((len(face), 3), GREY, np.uint8)


def texture_colours(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 nearest texel; uv (N, 2) repeats beyond [0, 1), v runs up as in OBJ."""
    height, width = texture.shape[:2]
    uv = np.nan_to_num(uv)
    column = np.floor(uv[:, 0] * width).astype(np.int64) % width
    row = np.floor((1 - uv[:, 1]) * height).astype(np.int64) % height
    return texture[row, column]
