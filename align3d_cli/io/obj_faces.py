"""The faces of an OBJ file: words like 7, 7/3, 7//2 and -1/-1/-1."""

import re
from dataclasses import dataclass

import numpy as np

from align3d_cli.io.mesh_text import MEND, lost_vertex, whole_numbers
from align3d_cli.io.obj_lines import ObjLines
from align3d_cli.io.source import Source
from align3d_cli.io.text import BLANK, first_bytes, shown, words_per_line

SLASH = ord("/")
DIGITS = 4000  # of a word that are looked at: more are no number, and more than 4300 Python refuses
UNNAMED = 0  # OBJ counts from 1, so this is a number that no face has
MOST = 2**31  # no file has so many rows; larger numbers are damage and would overflow
CORNER = re.compile(rb"[+-]?\d+(/([+-]?\d*)){0,2}")


@dataclass(frozen=True, slots=True)
class Polygons:
    """P faces of K corners in all, in file order.

    corners: (P,) int, corners of each face, 3 at least
    vertex:  (K,) int, row among the vertices
    texture: (K,) int, row among the texture coordinates; -1 where the corner has none
    line:    (P,) int, line of the text each face stands on
    """

    corners: np.ndarray
    vertex: np.ndarray
    texture: np.ndarray
    line: np.ndarray

    @property
    def fans(self) -> np.ndarray:
        """(P,) int, triangles each face is cut into."""
        return self.corners - 2


def read_polygons(source: Source, lines: ObjLines, n_vertices: int) -> Polygons:
    """The faces of at least three corners. Raises InputRejected when one names a vertex that is not there."""
    text, line = lines.text_of("f"), lines.rows["f"]
    corners = words_per_line(text)
    named = _corner_numbers(source, lines, text)
    row = np.repeat(np.arange(len(line)), corners)
    before = _rows_before(lines, "v")[row]
    vertex = _counted(named[:, 0], before)
    wrong = np.flatnonzero((vertex < 0) | (vertex >= n_vertices))
    if len(wrong):
        at = wrong[0]
        where = f"line {lines.number_of('f', int(row[at]))}"
        raise source.reject(f"{where}: {_lost(int(named[at, 0]), n_vertices, int(before[at]))}", MEND)
    texture = _counted(named[:, 1], _rows_before(lines, "vt")[row])
    texture[(texture < 0) | (texture >= len(lines.rows["vt"]))] = -1
    kept = corners >= 3
    of_kept = np.repeat(kept, corners)
    return Polygons(corners[kept], vertex[of_kept], texture[of_kept], line[kept])


def _rows_before(lines: ObjLines, keyword: str) -> np.ndarray:
    """(P,) int, lines of the keyword above each face: relative numbers count back from there."""
    return np.searchsorted(lines.rows[keyword], lines.rows["f"])


def _counted(named: np.ndarray, before: np.ndarray) -> np.ndarray:
    """(K,) int, rows from 0: numbers above 0 count from the file's first row, those below from the last one read."""
    return np.where(named < 0, before + named, named - 1)


def _lost(named: int, n_vertices: int, before: int) -> str:
    """What is wrong with a number that leads to no vertex."""
    if named < 0:
        return f"a face goes back {-named} vertices, {before} are above it"
    return lost_vertex(named, 1, n_vertices)


def _corner_numbers(source: Source, lines: ObjLines, text: bytes) -> np.ndarray:
    """(K, 3) int64, the vertex, texture and normal numbers of every corner; UNNAMED where one is left out."""
    byte = np.frombuffer(text, np.uint8)
    slash, solid = byte == SLASH, byte > BLANK
    words = first_bytes(solid)
    numbers = first_bytes(solid & ~slash)
    slashes = np.flatnonzero(slash)
    word = np.searchsorted(words, numbers, side="right") - 1
    place = np.searchsorted(slashes, numbers) - np.searchsorted(slashes, words[word])
    values = whole_numbers(text.replace(b"/", b" "))
    if len(values) != len(numbers) or (place > 2).any() or (np.abs(values) > MOST).any():
        raise source.reject(_no_corner(lines, text), MEND)
    named = np.full((len(words), 3), UNNAMED, np.int64)
    named[word, place] = values
    return named


def _no_corner(lines: ObjLines, text: bytes) -> str:
    """Which word of which line names no corner."""
    for row, line in enumerate(text.split(b"\n")):
        for word in line.split():
            if not CORNER.fullmatch(word):
                return f"line {lines.number_of('f', row)}: '{shown(word)}' is no corner of a face"
            if any(abs(int(number)) > MOST for number in re.findall(rb"[+-]?\d+", word[:DIGITS])):
                return f"line {lines.number_of('f', row)}: '{shown(word)}' names a corner beyond all bounds"
    raise AssertionError("all words are corners: _corner_numbers says otherwise")
