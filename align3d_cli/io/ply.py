"""PLY files: ascii and binary, any property order, everything in them kept for writing back."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from align3d_cli.clouds.cloud import Mesh, PointCloud
from align3d_cli.io.byte_order import without_mark
from align3d_cli.io.colours import as_uint8
from align3d_cli.io.mesh_file import fan_corners
from align3d_cli.io.ply_header import ElementSpec, PlyHeader, read_header
from align3d_cli.io.ply_rows import FACE_LISTS, BinaryCursor, CutShort, Damaged, Lists, Rows
from align3d_cli.io.ply_text import TextCursor
from align3d_cli.io.ply_words import without_commas
from align3d_cli.io.source import ReadOptions, Source
from align3d_cli.io.surface import Surface, check_faces, checked_surface, loose_vertices, sample_surface, with_loose
from align3d_cli.io.text import shown

COLOUR_NAMES = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
NORMAL_NAMES = (("nx", "ny", "nz"), ("normal_x", "normal_y", "normal_z"))


@dataclass(frozen=True, slots=True)
class PlyOrigin:
    """What writing back needs: the bytes before and after the vertex rows, and those rows."""

    header: PlyHeader
    before: bytes
    vertex: Rows
    after: bytes


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements as read, in file order, the header that says no more than they hold, what follows, and notes."""

    header: PlyHeader
    rows: list[Rows]
    tail: bytes
    notes: tuple[str, ...]


def read_ply(source: Source, options: ReadOptions) -> PointCloud:
    """Read a PLY file; one with faces becomes a sampled mesh. Raises InputRejected.

    Every point of the file is looked at: vertices that no face touches stand behind the samples as points of their own,
    and where they are the majority the file is taken as points, with a few faces that are kept. A file that ends within
    its faces is taken as points too.
    """
    source = without_mark(source)
    header = read_header(source)
    _check_vertices(source, header)
    body = source.read()
    try:
        elements = _read_elements(header, body)
    except CutShort as error:
        raise source.reject(str(error), "it is cut off, export it again") from error
    except Damaged as error:
        commas = header.ascii and b"," in body
        step = "write decimal points, not decimal commas" if commas else "mend it or export the scan again"
        raise source.reject(str(error), step) from error
    return _assemble(source, options, elements)


def _check_vertices(source: Source, header: PlyHeader) -> None:
    spec = header.element("vertex")
    names = {p.name for p in spec.properties if p.count_dtype is None} if spec else set()
    if {"x", "y", "z"} <= names:
        return
    if any(name.startswith("packed_") for name in names):
        raise source.reject("holds packed positions, a compressed splat", "save it uncompressed, with x, y and z")
    there = ", ".join(shown(e.name) for e in header.elements[:8])
    finding = "has no vertex element with x, y and z" + (f", but {there}" if there else "")
    raise source.reject(finding, "export the points as 'element vertex'")


def _read_elements(header: PlyHeader, body: bytes) -> Elements:
    """Every element in file order; what is whole of a file cut behind its vertices. Raises Damaged."""
    body, notes = without_commas(body) if header.ascii else (body, ())
    cursor = TextCursor(header, body) if header.ascii else BinaryCursor(body)
    rows: list[Rows] = []
    for spec in header.elements:
        try:
            rows.append(cursor.read(spec))
        except CutShort as error:
            if cursor.misfit:
                raise Damaged(f"{cursor.misfit}, and {error}") from error
            if not _stands_alone(rows, cursor, replace(spec, count=error.whole)):
                raise
            notes = (*header.notes, *notes, f"{error}: it is taken as points, without faces")
            return Elements(header.first_elements(len(rows)), rows, b"", notes)
    tail = cursor.rest()
    return Elements(header, rows, tail, (*header.notes, *notes, *cursor.notes))


def _stands_alone(rows: list[Rows], cursor: TextCursor | BinaryCursor, whole: ElementSpec) -> bool:
    """Whether vertices can be trusted although the element behind them ends early: its whole rows make sense."""
    count = next((r.spec.count for r in rows if r.spec.name == "vertex"), None)
    if count is None:
        return False
    faces = _faces([cursor.read(whole)])
    return faces is None or bool(faces.min() >= 0 and faces.max() < count)


def _assemble(source: Source, options: ReadOptions, elements: Elements) -> PointCloud:
    rows = elements.rows
    at = next(i for i, r in enumerate(rows) if r.spec.name == "vertex")
    vertex, faces = rows[at], _faces(rows)
    origin = PlyOrigin(elements.header, _bytes_of(rows[:at]), vertex, _bytes_of(rows[at + 1 :]) + elements.tail)
    xyz = _matrix(vertex, ("x", "y", "z"), np.float64)
    colours = as_uint8(_group(vertex, COLOUR_NAMES))
    about: dict[str, Any] = {"unit": elements.header.unit, "path": source.path, "origin": origin}
    about["notes"] = elements.notes
    surface = None if faces is None else Surface(xyz, faces, vertex_colours=colours)
    if surface is None or _mostly_loose(source, surface):
        normals = _group(vertex, NORMAL_NAMES)
        return PointCloud(xyz, colours, None if normals is None else normals.astype(np.float32), **about)
    mesh, surface = Mesh(xyz, surface.faces), checked_surface(source, surface)
    sampled = sample_surface([surface], options.samples, np.random.default_rng(options.seed))
    sampled = with_loose(sampled, surface, loose_vertices(surface))
    return PointCloud(sampled.xyz, sampled.colours, sampled.normals, mesh=mesh, **about)


def _mostly_loose(source: Source, surface: Surface) -> bool:
    check_faces(source, surface)
    return 2 * loose_vertices(surface).sum() > len(surface.vertices)


def _bytes_of(rows: list[Rows]) -> bytes:
    return b"".join(r.block for r in rows)


def _matrix(rows: Rows, names: tuple[str, ...], dtype: npt.DTypeLike) -> np.ndarray:
    out: np.ndarray = np.empty((rows.spec.count, len(names)), dtype)
    for i, name in enumerate(names):
        out[:, i] = rows.columns[name]
    return out


def _group(rows: Rows, choices: tuple[tuple[str, ...], ...]) -> np.ndarray | None:
    """The first group of properties that is there in full, in a type that holds them all."""
    for names in choices:
        if all(isinstance(rows.columns.get(n), np.ndarray) and rows.columns[n].ndim == 1 for n in names):
            declared = [p.dtype for p in rows.spec.properties if p.name in names]
            return _matrix(rows, names, np.result_type(*declared))
    return None


def _faces(rows: list[Rows]) -> np.ndarray | None:
    """(F, 3) int64 triangles of the face element, polygons cut into fans; None without faces."""
    face = next((r for r in rows if r.spec.name == "face" and r.spec.count), None)
    polygons = next((face.columns[name] for name in FACE_LISTS if name in face.columns), None) if face else None
    if polygons is None:
        return None
    if isinstance(polygons, Lists):
        at = fan_corners(np.diff(polygons.offsets))
        return polygons.values[at].astype(np.int64) if len(at) else None
    if polygons.ndim != 2 or polygons.shape[1] < 3:
        return None
    fans = [polygons[:, [0, i, i + 1]] for i in range(1, polygons.shape[1] - 1)]
    return np.stack(fans, axis=1).reshape(-1, 3).astype(np.int64)
