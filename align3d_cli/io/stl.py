"""STL, text or binary, to triangles whose corners at one place are one vertex."""

import re
import struct

import numpy as np

from align3d_cli.io.mesh_file import MeshFile, fan_corners
from align3d_cli.io.mesh_text import CUT, MEND, all_numbers
from align3d_cli.io.source import POINT_LIMIT, Source, check_count
from align3d_cli.io.surface import Surface
from align3d_cli.io.text import TYPED, plain_text

HEAD = 84  # bytes before the first face: a free text of 80 and the count
FACE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("more", "<u2")])  # 50 bytes
UNCOUNTED = (0, 2**32 - 1)  # counts of writers that did not go back to fill them in
STRAY = 2  # bytes behind the last face, a line end say, with which a size still counts the faces
NAMES = re.compile(rb"^[ \t]*(?:end[ \t]*)?solid\b(?:(?!\bfacet\b)[^\n])*", re.MULTILINE)  # may hold any word
VERTEX = re.compile(rb"\bvertex\s+(\S+\s+\S+\s+\S+)")


def read_stl(source: Source) -> MeshFile:
    """Every face of the file; text and binary are told apart by what is in the file, not by its first word.

    Raises InputRejected.
    """
    data = source.read()
    if not _counts_its_size(data):
        text = plain_text(data).rstrip(b"\0")
        if b"\0" not in text and re.search(rb"\bfacet\b|^\s*solid\b", text, re.IGNORECASE):
            return _text_mesh(source, text.lower())
        if TYPED[np.frombuffer(data[:1024], np.uint8)].all():
            raise source.reject("is text, and none of an STL: no facets are in it", "check that it is an STL mesh")
    return _binary_mesh(source, data)


def _counts_its_size(data: bytes) -> bool:
    """Whether a count at the place of the binary one fits the size to the byte: text has letters there."""
    count = _count(data)
    return count > 0 and HEAD + FACE.itemsize * count == len(data)


def _count(data: bytes) -> int:
    return int(struct.unpack_from("<I", data, HEAD - 4)[0]) if len(data) >= HEAD else 0


def _binary_mesh(source: Source, data: bytes) -> MeshFile:
    if len(data) < HEAD:
        raise source.reject(f"{len(data)} bytes are too few for an STL header", "it is cut off, export it again")
    count, notes = _count(data), []
    room, over = divmod(len(data) - HEAD, FACE.itemsize)
    if count in UNCOUNTED and room and over <= STRAY:
        notes.append(f"the STL header counts {count} faces; the file's size gives {room}, and that many were read")
        count = room
    source.stream.seek(HEAD)
    check_count(source, count, FACE.itemsize, what="faces")
    count = min(count, room)
    if count == 0:
        raise source.reject("the STL has no faces", "export it again")
    if room > count:
        notes.append(f"the STL header counts {count} faces; the file has room for {room - count} more, left out")
    corners = np.frombuffer(data, FACE, count, HEAD)["corners"]
    return _merged(corners.reshape(-1, 3).astype(np.float64), np.arange(3 * count).reshape(-1, 3), notes)


def _text_mesh(source: Source, text: bytes) -> MeshFile:
    """text: in lower case."""
    body = NAMES.sub(b"", text)
    rows = VERTEX.findall(body)
    if not rows and b"vertex" not in body:
        raise source.reject("the STL has no faces", "export it again")
    if len(rows) > 3 * POINT_LIMIT:
        raise source.reject(f"the STL has {len(rows) // 3} faces, more than {POINT_LIMIT}", "thin it")
    corners = _corners_of_loops(source, body, len(rows))
    xyz = all_numbers(source, b"\n".join(rows), lambda row: _line_of(body, row)).reshape(-1, 3)
    notes = [] if re.search(rb"\bend\s*solid\b", text) else ["the STL text ends without 'endsolid': it may be cut off"]
    return _merged(xyz, fan_corners(corners), notes)


def _line_of(body: bytes, row: int) -> int:
    """The line, from 1, on which the row-th vertex stands (vertices may be split over lines)."""
    found = VERTEX.finditer(body)
    starts = [match.start() for _, match in zip(range(row + 1), found, strict=False)]
    return body.count(b"\n", 0, starts[-1]) + 1


def _corners_of_loops(source: Source, body: bytes, n_rows: int) -> np.ndarray:
    """(P,) int, vertices of each loop: three, though some writers put polygons there."""
    loops = re.split(rb"\bend\s*loop\b", body)
    counts = np.array([loop.count(b"vertex") for loop in loops])
    if counts[-1] or counts.sum() != n_rows or (counts[:-1] < 3).any():
        whole = [len(VERTEX.findall(loop)) >= 3 for loop in loops[:-1]]
        face = whole.index(False) if False in whole else len(whole)
        step = CUT if face == len(whole) else MEND
        raise source.reject(f"face {face + 1} of the STL text has not its three vertices", step)
    return counts[:-1]


def _merged(xyz: np.ndarray, faces: np.ndarray, notes: list[str]) -> MeshFile:
    """The mesh whose vertices are the distinct places, in the order in which the file first names them."""
    order = np.lexsort(xyz.T)
    ranked = xyz[order]
    new = np.concatenate([[True], (ranked[1:] != ranked[:-1]).any(axis=1)])
    first = order[new]  # lexsort is stable: of equal rows the file's first
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    row = np.empty(len(xyz), np.int64)
    row[order] = rank[np.cumsum(new) - 1]
    vertices, faces = xyz[np.sort(first)], row[faces]
    return MeshFile(vertices, faces, (Surface(vertices, faces),), notes=tuple(notes))
