"""OBJ text to vertices and triangles, row for row.

General mesh libraries join and split vertices until each has one normal and one texture coordinate, and lose the
file's own rows on the way; a heat map has to lie on these. So the text is read here, by columns, in a few seconds
for a million faces. After Wavefront's "Object Files", appendix B1 of the Advanced Visualizer manual.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from align3d_cli.errors import InputRejected
from align3d_cli.io.colours import as_uint8
from align3d_cli.io.mesh_file import MeshFile, fan_corners
from align3d_cli.io.mesh_text import CUT, MEND, all_numbers
from align3d_cli.io.obj_faces import Polygons, read_polygons
from align3d_cli.io.obj_lines import ObjLines, split_lines
from align3d_cli.io.obj_materials import read_textures
from align3d_cli.io.source import POINT_LIMIT, Source
from align3d_cli.io.surface import GREY, Surface
from align3d_cli.io.text import plain_text, words_per_line

NO_LINES = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class _Vertices:
    """xyz (M, 3) float64 and colours (M, 3) uint8, or None where no row has any."""

    xyz: np.ndarray
    colours: np.ndarray | None


def read_obj(source: Source) -> MeshFile:
    """Every `v` row in file order and every face cut into a fan of triangles, textures through `vt` and `map_Kd`.

    Lines, points, curves and normals are left out. Raises InputRejected, which names line and word.
    """
    text = plain_text(source.read())
    if b"\0" in text[:4096]:
        raise source.reject("holds binary data", "check that it is an OBJ mesh")
    lines = split_lines(text)
    vertices = _vertices(source, lines)
    polygons = read_polygons(source, lines, len(vertices.xyz))
    at = fan_corners(polygons.corners)
    faces = polygons.vertex[at].reshape(-1, 3)
    surfaces = _surfaces(source, lines, vertices, faces, polygons, at) if len(faces) else []
    return MeshFile(vertices.xyz, faces, tuple(surfaces), vertices.colours)


def _vertices(source: Source, lines: ObjLines) -> _Vertices:
    """Coordinates and the colours behind them: three to seven numbers a row are x y z, x y z w, x y z r g b (a)."""
    words, numbers = _table(source, lines, "v", least=3)
    first = np.cumsum(words) - words
    xyz = numbers[first[:, None] + np.arange(3)].reshape(-1, 3)
    coloured = words >= 6
    values = numbers[first[coloured, None] + np.arange(3, 6)]
    if not len(values) or values.min() < 0 or values.max() > 255:  # normals, say, are no colours
        return _Vertices(xyz, None)
    colours = np.full(xyz.shape, GREY, np.uint8)
    colours[coloured] = as_uint8(values)
    return _Vertices(xyz, colours)


def _table(source: Source, lines: ObjLines, keyword: str, least: int) -> tuple[np.ndarray, np.ndarray]:
    """(L,) how many numbers each row of the keyword has, and all of them one after the other, float64."""
    text = lines.text_of(keyword)
    words = words_per_line(text)
    if len(words) > POINT_LIMIT:
        raise source.reject(f"has {len(words)} rows of '{keyword}', more than {POINT_LIMIT}", "thin it")
    short = np.flatnonzero(words < least)
    if len(short):
        row = int(short[0])
        finding = f"line {lines.number_of(keyword, row)} has {words[row]} of the {least} numbers of '{keyword}'"
        raise source.reject(finding, CUT if row == len(words) - 1 else MEND)
    return words, all_numbers(source, text, partial(lines.number_of, keyword))


def _surfaces(
    source: Source, lines: ObjLines, vertices: _Vertices, faces: np.ndarray, polygons: Polygons, at: np.ndarray
) -> list[Surface]:
    """One surface for each texture and one of all other faces; they share the vertices of the file.

    at: (F, 3) int, which corners of the polygons each triangle has
    """
    uv_rows = polygons.texture[at]
    textures, texture_of_line = read_textures(source, lines) if (uv_rows >= 0).any() else ([], NO_LINES)
    uv = _texture_places(source, lines) if textures else None
    if uv is None:
        return [Surface(vertices.xyz, faces, vertices.colours)]
    texture = np.where((uv_rows >= 0).all(axis=1), texture_of_line[np.repeat(polygons.line, polygons.fans)], -1)
    found = [Surface(vertices.xyz, faces[texture == -1], vertices.colours)]
    for number, image in enumerate(textures):
        rows = texture == number
        found.append(Surface(vertices.xyz, faces[rows], texture=image, uv=uv, uv_faces=uv_rows[rows]))
    return [surface for surface in found if len(surface.faces)]


def _texture_places(source: Source, lines: ObjLines) -> np.ndarray | None:
    """(T, 2) of the `vt` rows, v 0 where a row has u only; None when they are damaged: that costs the colours only."""
    try:
        words, numbers = _table(source, lines, "vt", least=1)
    except InputRejected:
        return None
    first = np.cumsum(words) - words
    v = np.where(words > 1, numbers[np.minimum(first + 1, len(numbers) - 1)], 0.0)
    return np.stack([numbers[first], v], axis=1)
