"""PLY files: ascii and binary, any property order, everything in them kept for writing back."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.clouds.cloud import Mesh, PointCloud
from align3d_cli.io.colours import as_uint8
from align3d_cli.io.ply_header import PlyHeader, read_header
from align3d_cli.io.ply_rows import Damaged, Lists, Rows, read_binary_rows, read_text_rows
from align3d_cli.io.source import ReadOptions, Source
from align3d_cli.io.surface import Surface, check_faces, checked_surface, loose_vertices, sample_surface, with_loose
from align3d_cli.io.text import line_starts

COLOUR_NAMES = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
NORMAL_NAMES = (("nx", "ny", "nz"), ("normal_x", "normal_y", "normal_z"))
FACE_LISTS = ("vertex_indices", "vertex_index")


@dataclass(frozen=True, slots=True)
class PlyOrigin:
    """What writing back needs: the bytes before and after the vertex rows, and those rows."""

    header: PlyHeader
    before: bytes
    vertex: Rows
    after: bytes


def read_ply(source: Source, options: ReadOptions) -> PointCloud:
    """Read a PLY file; one with faces becomes a sampled mesh. Raises InputRejected.

    Every point of the file is looked at: vertices that no face touches stand behind the samples as points of their own,
    and where they are the majority the file is taken as points, with a few faces that are kept.
    """
    header = read_header(source)
    spec = header.element("vertex")
    if spec is None or not {"x", "y", "z"} <= {p.name for p in spec.properties}:
        raise source.reject("has no vertex element with x, y and z", "export the points as 'element vertex'")
    body = source.read()
    try:
        rows, tail = _read_elements(header, body)
        faces = _faces(rows)
    except Damaged as error:
        raise source.reject(f"cut off or damaged: {error}", "export it again") from error
    return _assemble(source, options, header, rows, tail, faces)


def _read_elements(header: PlyHeader, body: bytes) -> tuple[list[Rows], bytes]:
    """Every element in file order, and the bytes behind the last."""
    rows: list[Rows] = []
    if header.ascii:
        body = _without_blank_lines(body)
        starts, line = line_starts(body), 0
        for spec in header.elements:
            rows.append(read_text_rows(spec, body, starts, line))
            line += spec.count
        return rows, body[starts[line] :]
    at = 0
    for spec in header.elements:
        rows.append(read_binary_rows(spec, body, at))
        at += len(rows[-1].block)
    return rows, body[at:]


def _without_blank_lines(body: bytes) -> bytes:
    if not (body[:1].isspace() or b"\n\n" in body or b"\n\r" in body):
        return body
    return b"".join(line for line in body.splitlines(keepends=True) if line.strip())


def _assemble(
    source: Source, options: ReadOptions, header: PlyHeader, rows: list[Rows], tail: bytes, faces: np.ndarray | None
) -> PointCloud:
    at = next(i for i, r in enumerate(rows) if r.spec.name == "vertex")
    vertex = rows[at]
    origin = PlyOrigin(header, _bytes_of(rows[:at]), vertex, _bytes_of(rows[at + 1 :]) + tail)
    xyz = _matrix(vertex, ("x", "y", "z"), np.float64)
    colours = as_uint8(_group(vertex, COLOUR_NAMES))
    about = {"unit": header.unit, "path": source.path, "origin": origin}
    surface = None if faces is None else Surface(xyz, faces, vertex_colours=colours)
    if surface is None or _mostly_loose(source, surface):
        normals = _group(vertex, NORMAL_NAMES)
        return PointCloud(xyz, colours, None if normals is None else normals.astype(np.float32), **about)
    surface = checked_surface(source, surface)
    sampled = sample_surface([surface], options.samples, np.random.default_rng(options.seed))
    sampled = with_loose(sampled, surface, loose_vertices(surface))
    return PointCloud(sampled.xyz, sampled.colours, sampled.normals, mesh=Mesh(xyz, faces), **about)


def _mostly_loose(source: Source, surface: Surface) -> bool:
    check_faces(source, surface)
    return 2 * loose_vertices(surface).sum() > len(surface.vertices)


def _bytes_of(rows: list[Rows]) -> bytes:
    return b"".join(r.block for r in rows)


def _matrix(rows: Rows, names: tuple[str, ...], dtype: type) -> np.ndarray:
    out = np.empty((rows.spec.count, len(names)), dtype)
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
        return fan_triangles(polygons)
    if polygons.ndim != 2 or polygons.shape[1] < 3:
        return None
    fans = [polygons[:, [0, i, i + 1]] for i in range(1, polygons.shape[1] - 1)]
    return np.stack(fans, axis=1).reshape(-1, 3).astype(np.int64)


def fan_triangles(polygons: Lists) -> np.ndarray | None:
    """(F, 3) int64: a polygon of n corners gives n - 2 triangles, all from its first corner."""
    corners = np.diff(polygons.offsets)
    fans = np.maximum(corners - 2, 0)
    first = np.repeat(polygons.offsets[:-1], fans)
    step = np.arange(fans.sum()) - np.repeat(np.cumsum(fans) - fans, fans)
    at = np.stack([first, first + step + 1, first + step + 2], axis=1)
    return polygons.values[at].astype(np.int64) if len(at) else None
