"""OFF text to vertices and triangles, after the page "OFF Files" of the Geomview manual."""

import re
from dataclasses import dataclass

import numpy as np

from align3d_cli.io.colours import as_uint8
from align3d_cli.io.mesh_file import MeshFile, fan_corners
from align3d_cli.io.mesh_text import COMMENT, CUT, MEND, all_numbers, lost_vertex
from align3d_cli.io.source import Source, check_count
from align3d_cli.io.surface import GREY, Surface
from align3d_cli.io.text import plain_text, words_per_line

KEYWORD = re.compile(rb"\s*((?:ST)?C?N?4?n?OFF|(?:st)?c?n?4?off)?", re.ASCII)
COUNTS = re.compile(rb"\s*(\d+)\s+(\d+)(?:[ \t]+\d+)?(?![^\s])")
VERTEX_BYTES, FACE_BYTES = 6, 8  # the fewest a row can take


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands behind the three coordinates of a vertex: a fourth, by which they are divided, normal, colour."""

    homogeneous: bool
    normal: bool
    coloured: bool
    vertices: int
    faces: int

    @property
    def colour_at(self) -> int:
        return 3 + self.homogeneous + 3 * self.normal


@dataclass(frozen=True, slots=True)
class _Rows:
    """Lines that hold something: how many numbers each has and where these begin in `numbers`; its line in the file."""

    words: np.ndarray
    first: np.ndarray
    numbers: np.ndarray
    line: np.ndarray

    def __getitem__(self, part: slice) -> "_Rows":
        return _Rows(self.words[part], self.first[part], self.numbers, self.line[part])


def read_off(source: Source) -> MeshFile:
    """Every vertex in file order and every polygon cut into a fan, with the colours of vertices or else of faces.

    Raises InputRejected.
    """
    text = COMMENT.sub(b"", plain_text(source.read()))
    if b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    source.stream.seek(0)
    head, begin = _head(source, text)
    rows = _rows(source, text, begin, head)
    vertices, colours = _vertices(source, rows[: head.vertices], head)
    faces, face_colours = _faces(source, rows[head.vertices : head.vertices + head.faces], len(vertices))
    surface = Surface(vertices, faces, colours, face_colours if colours is None else None)
    return MeshFile(vertices, faces, (surface,) if len(faces) else (), colours)


def _head(source: Source, text: bytes) -> tuple[_Head, int]:
    """The header and where it ends; keyword and counts may share a line, or even a word."""
    keyword = KEYWORD.match(text)
    word = (keyword[1] or b"").decode() if keyword else ""
    end = keyword.end() if keyword else 0
    counts = COUNTS.match(text, end)
    if not word and not counts:
        raise source.reject("does not begin with OFF", "check that it is an OFF mesh")
    if "nOFF" in word or text[end : end + 8].split()[:1] == [b"BINARY"]:
        finding = "is a kind of OFF that we do not read: binary, or of other than three dimensions"
        raise source.reject(finding, "save it as text, x y z a vertex")
    if not counts:
        raise source.reject("the OFF header has no vertex and face counts", "it is cut off, export it again")
    vertices, faces = int(counts[1]), int(counts[2])
    check_count(source, vertices, VERTEX_BYTES, what="vertices")
    check_count(source, faces, FACE_BYTES, what="faces")
    kind = word.upper().removeprefix("ST")
    return _Head("4" in kind, "N" in kind, "C" in kind, vertices, faces), counts.end()


def _rows(source: Source, text: bytes, begin: int, head: _Head) -> _Rows:
    body, above = text[begin:], text.count(b"\n", 0, begin) + 1
    words = words_per_line(body)
    numbers = all_numbers(source, body, lambda row: row + above)
    line = np.flatnonzero(words)
    rows = _Rows(words[line], (np.cumsum(words) - words)[line], numbers, line + above)
    if len(line) == 1 or rows.words.max(initial=0) == 1:
        rows = _unbroken(rows, head) or rows
    if len(rows.words) < head.vertices + head.faces:
        finding = f"header promises {head.vertices} rows of vertices and {head.faces} of faces, has {len(line)} in all"
        raise source.reject(finding, CUT)
    return rows


def _unbroken(rows: _Rows, head: _Head) -> _Rows | None:
    """The rows of a file that is all one line, or one number a line: without colours each says how long it is.

    None where they do not fill the file. Of text in lines they would fill it by chance with a number gone astray.
    """
    words = [head.colour_at] * head.vertices
    at = sum(words)
    while len(words) < head.vertices + head.faces and at < len(rows.numbers) and rows.numbers[at] >= 0:
        words.append(1 + int(rows.numbers[at]))
        at += words[-1]
    if head.coloured or at != len(rows.numbers) or len(words) < head.vertices + head.faces:
        return None
    counts = np.array(words, np.int64)
    first = np.cumsum(counts) - counts
    return _Rows(counts, first, rows.numbers, rows.line[np.searchsorted(rows.first, first, side="right") - 1])


def _vertices(source: Source, rows: _Rows, head: _Head) -> tuple[np.ndarray, np.ndarray | None]:
    """(M, 3) float64 coordinates and (M, 3) uint8 colours, or None."""
    least = 3 + head.homogeneous
    short = np.flatnonzero(rows.words < least)
    if len(short):
        finding = f"line {rows.line[short[0]]} has {rows.words[short[0]]} of the {least} numbers of a vertex"
        raise source.reject(finding, MEND)
    xyz = rows.numbers[rows.first[:, None] + np.arange(3)]
    if head.homogeneous:
        xyz = xyz / rows.numbers[rows.first + 3, None]
    return xyz, _colours(rows, np.full(len(xyz), head.colour_at), head.coloured)


def _faces(source: Source, rows: _Rows, n_vertices: int) -> tuple[np.ndarray, np.ndarray | None]:
    """(F, 3) int64 triangles and their (F, 3) uint8 colours, or None."""
    stated = rows.numbers[rows.first]
    corners = np.where((stated >= 0) & (stated < rows.words), stated, -1).astype(np.int64)
    wrong = np.flatnonzero((corners < 0) | (corners != stated))
    if len(wrong):
        finding = f"line {rows.line[wrong[0]]}: a face of {stated[wrong[0]]:g} corners names {rows.words[wrong[0]] - 1}"
        raise source.reject(finding, CUT if wrong[0] == len(corners) - 1 else MEND)
    at = np.repeat(rows.first + 1 - (np.cumsum(corners) - corners), corners) + np.arange(corners.sum())
    named = rows.numbers[at]
    lost = np.flatnonzero((named < 0) | (named >= n_vertices) | (named % 1 != 0))
    if len(lost):
        line = np.repeat(rows.line, corners)[lost[0]]
        raise source.reject(f"line {line}: {lost_vertex(named[lost[0]], 0, n_vertices)}", MEND)
    colours = _colours(rows, corners + 1, True)
    fans = np.maximum(corners - 2, 0)
    return named[fan_corners(corners)].astype(np.int64), None if colours is None else np.repeat(colours, fans, axis=0)


def _colours(rows: _Rows, at: np.ndarray, coloured: bool) -> np.ndarray | None:
    """(R, 3) uint8 of three or four numbers from word `at` of each row on, GREY where there are none; None without."""
    there = np.flatnonzero(rows.words >= at + 3) if coloured else np.empty(0, np.int64)
    if not len(there):
        return None
    colours = np.full((len(at), 3), GREY, np.uint8)
    colours[there] = as_uint8(rows.numbers[(rows.first + at)[there, None] + np.arange(3)])
    return colours
