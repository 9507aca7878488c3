"""Heat maps as PLY: into the file the scan came from, or into a new one."""

import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.colours import full_scale
from align3d_cli.io.ply import PlyOrigin
from align3d_cli.io.ply_header import ElementSpec, PlyHeader
from align3d_cli.io.ply_rows import Rows

SCORE = "scalar_anomaly"  # CloudCompare takes up every property named scalar_*
DEVIATION = "scalar_deviation"
REGION = "scalar_region"  # as float, which CloudCompare makes of every scalar field
VARIES = "scalar_varies"
ADDED = {SCORE: "f4", DEVIATION: "f4", REGION: "f4", VARIES: "f4", "red": "u1", "green": "u1", "blue": "u1"}
PLY_NAMES = {"f4": "float", "u1": "uchar"}
CHUNK = 1_000_000  # rows written at once


def write_back(stream: BinaryIO, origin: PlyOrigin, values: dict[str, np.ndarray]) -> None:
    """Write the file as it was read, with `values` (arrays for some of ADDED, in vertex order) replaced or added."""
    spec = origin.vertex.spec
    present = [p.name for p in spec.properties if p.name in values and p.count_dtype is None]
    absent = [name for name in values if name not in present]
    values = {name: _in_scale_of(origin.vertex, name, column) for name, column in values.items()}
    stream.write(_header_with(origin.header, absent))
    stream.write(origin.before)
    rows = _text_rows if origin.header.ascii else _binary_rows
    for piece in rows(origin, values, present, absent):
        stream.write(piece)
    stream.write(origin.after)


def _in_scale_of(vertex: Rows, name: str, column: np.ndarray) -> np.ndarray:
    """Colours in the range of the property they replace: 0..255, 0..65535 or 0..1."""
    spec = next((p for p in vertex.spec.properties if p.name == name and p.count_dtype is None), None)
    if name in (SCORE, DEVIATION, REGION) or spec is None:
        return column
    there = np.asarray(vertex.columns[name]) if spec.dtype.kind == "f" else np.empty(0, spec.dtype)
    scaled = column * (full_scale(there) / 255.0)
    return scaled if spec.dtype.kind == "f" else np.rint(scaled)


def _header_with(header: PlyHeader, names: list[str]) -> bytes:
    """The header's own lines, with properties added at the end of the vertex element."""
    lines, element, at = list(header.lines), "", 0
    for number, line in enumerate(lines):
        words = line.lower().split()
        if words[:1] == ["element"] and at and element == "vertex":
            break  # a second element of that name keeps its rows
        element = words[1] if words[:1] == ["element"] else element
        if element == "vertex" and words[:1] in (["element"], ["property"]):
            at = number + 1
    lines[at:at] = [f"property {PLY_NAMES[ADDED[name]]} {name}" for name in names]
    return b"".join(line.encode("latin-1") + header.newline for line in lines)


def _binary_rows(
    origin: PlyOrigin, values: dict[str, np.ndarray], present: list[str], absent: list[str]
) -> Iterator[bytes]:
    vertex, order = origin.vertex, ">" if origin.header.encoding.endswith("big_endian") else "<"
    extra = np.zeros(vertex.spec.count, [(name, order + ADDED[name]) for name in absent])
    for name in absent:
        extra[name] = values[name]
    block = _patched(vertex, {name: values[name] for name in present})
    if not absent:
        yield block.tobytes()
    elif isinstance(vertex.starts, range):
        table = block.reshape(vertex.spec.count, -1)
        for at in range(0, len(table), CHUNK):
            tail = extra[at : at + CHUNK].view(np.uint8).reshape(-1, extra.itemsize)
            yield np.concatenate([table[at : at + CHUNK], tail], axis=1).tobytes()
    else:
        for i in range(vertex.spec.count):
            yield block[vertex.starts[i] : vertex.starts[i + 1]].tobytes() + extra[i].tobytes()


def _patched(vertex: Rows, values: dict[str, np.ndarray]) -> np.ndarray:
    """(bytes,) uint8 of the rows with some scalar properties replaced."""
    block = np.frombuffer(vertex.block, np.uint8)
    if not values:
        return block
    block = block.copy()
    types = {p.name: p.dtype for p in vertex.spec.properties}
    for name, column in values.items():
        new = np.ascontiguousarray(column.astype(types[name])).view(np.uint8).reshape(len(column), -1)
        places = np.asarray(vertex.places[name])
        for byte in range(new.shape[1]):
            block[places + byte] = new[:, byte]
    return block


def _text_rows(
    origin: PlyOrigin, values: dict[str, np.ndarray], present: list[str], absent: list[str]
) -> Iterator[bytes]:
    """The lines as they were; words of replaced properties exchanged, words of new ones at the end."""
    vertex = origin.vertex
    kinds = {p.name: p.dtype.kind for p in vertex.spec.properties}
    texts = {name: _texts(column, kinds.get(name, ADDED[name][-2])) for name, column in values.items()}
    for i in range(vertex.spec.count):
        line = vertex.block[vertex.starts[i] : vertex.starts[i + 1]]
        words = line.rstrip()
        end = line[len(words) :] or origin.header.newline
        if present:
            words = _exchange(words, vertex.spec, {name: texts[name][i] for name in present})
        yield b" ".join([words, *(texts[name][i] for name in absent)]) + end


def _texts(column: np.ndarray, kind: str) -> list[bytes]:
    """Decimal text of every value; floats so that float32 comes back exactly."""
    if kind == "f":
        return [b"%.9g" % value for value in column.tolist()]
    return [b"%d" % value for value in column.tolist()]


def _exchange(line: bytes, spec: ElementSpec, texts: dict[str, bytes]) -> bytes:
    """The row with the words of some properties exchanged, the blanks and line ends between them as they were."""
    words, at = re.split(rb"([\0- ]+)", line), 0
    for p in spec.properties:
        if p.name in texts:
            words[at] = texts[p.name]
        at += 2 if p.count_dtype is None else 2 + 2 * int(float(words[at]))
    return b"".join(words)


def write_new(stream: BinaryIO, cloud: PointCloud, values: dict[str, np.ndarray]) -> None:
    """Write points (or the vertices and faces of a mesh) with their values as binary little-endian PLY."""
    xyz = cloud.xyz if cloud.mesh is None else cloud.mesh.vertices
    coordinate = "f4" if _fits_float32(xyz) else "f8"
    fields = [(name, "<" + coordinate) for name in "xyz"]
    normals = cloud.normals if cloud.mesh is None else None
    if normals is not None:
        fields += [(name, "<f4") for name in ("nx", "ny", "nz")]
    table = np.zeros(len(xyz), fields + [(name, "<" + ADDED[name]) for name in values])
    for i, name in enumerate("xyz"):
        table[name] = xyz[:, i]
        if normals is not None:
            table["n" + name] = normals[:, i]
    for name, column in values.items():
        table[name] = column
    stream.write(_new_header(table, cloud))
    stream.write(table.tobytes())
    if cloud.mesh is not None:
        faces = np.zeros(len(cloud.mesh.faces), [("n", "u1"), ("v", "<i4", (3,))])
        faces["n"], faces["v"] = 3, cloud.mesh.faces
        stream.write(faces.tobytes())


def _fits_float32(xyz: np.ndarray) -> bool:
    """Whether float32 keeps the coordinates to a millionth of the extent (map coordinates do not fit)."""
    finite = xyz[np.isfinite(xyz).all(axis=1)]
    if not len(finite):
        return True
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and does not fit
        lost = np.abs(finite - finite.astype(np.float32)).max()
    return bool(lost <= 1e-6 * np.ptp(finite, axis=0).max())


def _new_header(table: np.ndarray, cloud: PointCloud) -> bytes:
    names = {"f4": "float", "f8": "double", "u1": "uchar"}
    lines = ["ply", "format binary_little_endian 1.0", "comment align3d anomaly map"]
    lines += [f"comment unit: {cloud.unit}"] if cloud.unit else []
    lines += [f"element vertex {len(table)}"]
    lines += [f"property {names[table.dtype[name].str[1:]]} {name}" for name in table.dtype.names or ()]
    if cloud.mesh is not None:
        lines += [f"element face {len(cloud.mesh.faces)}", "property list uchar int vertex_indices"]
    return "\n".join([*lines, "end_header", ""]).encode("ascii")
