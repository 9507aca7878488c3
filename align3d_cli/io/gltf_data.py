"""The chunks of a binary glTF 2.0 file and the arrays its accessors describe."""

import base64
import json
import struct
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import numpy as np

from align3d_cli.io.beside import beside
from align3d_cli.io.source import Source, check_count

COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")
HEAD = 20  # bytes of the file's header and of the first chunk's
# glTF 2.0, 3.6.2.2: component type -> numbers as they are stored; integers stand for n / top where normalised
COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


@dataclass(frozen=True, slots=True)
class GltfFile:
    """source: where it came from; tree: the JSON description; binary: the chunk behind it, maybe empty."""

    source: Source
    tree: dict[str, Any]
    binary: bytes

    def listed(self, name: str) -> list[Any]:
        """A list of the description, empty where it has none of that name."""
        return self.tree.get(name, [])

    def count(self, accessor: int) -> int:
        """How many rows an accessor has."""
        return int(row_of(self.tree["accessors"], accessor)["count"])

    def array(self, accessor: int) -> np.ndarray:
        """(count, width) of an accessor: integers as they are stored, or float64 where they are normalised.

        Raises InputRejected when the accessor reaches past its bytes.
        """
        described = row_of(self.tree["accessors"], accessor)
        kind, width = np.dtype(COMPONENTS[described["componentType"]]), WIDTHS[described["type"]]
        if "bufferView" in described:
            values = self._rows(described, kind, width).copy()
        else:
            values = np.zeros((described["count"], width), kind)
        if "sparse" in described:
            self._exchange(values, described["sparse"])
        if not described.get("normalized") or kind.kind == "f":
            return values
        return np.maximum(values / float(np.iinfo(kind).max), -1.0)

    def bytes_of(self, view: int) -> memoryview:
        """The bytes of a buffer view, not copied: many accessors may share one.

        Raises InputRejected when it reaches past its buffer.
        """
        described = row_of(self.tree["bufferViews"], view)
        buffer = self._buffer(described["buffer"])
        first, size = int(described.get("byteOffset", 0)), int(described["byteLength"])
        if first < 0 or size < 0 or first + size > len(buffer):
            finding = f"buffer view {view} ends at byte {first + size} of {len(buffer)}"
            raise self.source.reject(finding, "it is cut off or damaged, export it again")
        return memoryview(buffer)[first : first + size]

    def _rows(self, described: dict[str, Any], kind: np.dtype, width: int) -> np.ndarray:
        """(count, width) view of the stored numbers, which may be interleaved with others."""
        data, count = self.bytes_of(described["bufferView"]), int(described["count"])
        first = int(described.get("byteOffset", 0))
        view = row_of(self.tree["bufferViews"], described["bufferView"]) if "bufferView" in described else {}
        stride = int(view.get("byteStride", 0)) or kind.itemsize * width
        needed = first + stride * (count - 1) + kind.itemsize * width if count else 0
        if first < 0 or stride < 1 or count < 0 or needed > len(data):
            finding = f"an accessor of {count} items needs {needed} bytes, its buffer view has {len(data)}"
            raise self.source.reject(finding, "it is cut off or damaged, export it again")
        return np.ndarray((count, width), kind, data, first, (stride, kind.itemsize))

    def _exchange(self, values: np.ndarray, sparse: dict[str, Any]) -> None:
        """Put the rows that a sparse accessor lists in their places."""
        count = {"count": sparse["count"]}
        rows = self._rows(sparse["indices"] | count, np.dtype(COMPONENTS[sparse["indices"]["componentType"]]), 1)
        values[rows[:, 0]] = self._rows(sparse["values"] | count, values.dtype, values.shape[1])

    def _buffer(self, number: int) -> bytes:
        uri = row_of(self.tree["buffers"], number).get("uri")
        if uri is None:
            return self.binary
        data = linked(self.source, uri)
        if data is None:
            raise self.source.reject(
                f"its data lie in '{str(uri)[:60]}', which is not beside it", "export one .glb file"
            )
        return data


def row_of(rows: list[Any], number: int) -> Any:
    """rows[number], without Python's reading of numbers below 0. Raises IndexError."""
    if number < 0:
        raise IndexError(number)
    return rows[number]


def linked(source: Source, uri: str) -> bytes | None:
    """What a URI holds: data written into it, or a file beside the scan; None where there is none."""
    if not uri.startswith("data:"):
        return beside(source, unquote(uri))
    about, _, text = uri.partition(",")
    return base64.b64decode(text) if about.endswith(";base64") else unquote(text).encode()


def open_gltf(source: Source) -> GltfFile:
    """Header, description and binary chunk. Raises InputRejected when they do not fit the file or each other."""
    data = source.read()
    if len(data) < HEAD or data[:4] != b"glTF":
        raise source.reject("does not begin with a glTF header", "check that it is a binary glTF (.glb)")
    version, total, json_bytes = struct.unpack_from("<III", data, 4)
    if total > len(data) or json_bytes > len(data) - HEAD:
        raise source.reject(
            f"header promises {total} bytes, the file has {len(data)}", "it is cut off, export it again"
        )
    if version != 2:
        raise source.reject(f"is glTF {version}", "export it as glTF 2.0")
    try:
        tree = json.loads(data[HEAD : HEAD + json_bytes].decode(errors="replace"))  # names may be in any encoding
        counts = [int(accessor["count"]) for accessor in tree.get("accessors", [])]
        needs = [name for name in tree.get("extensionsRequired", []) if name in COMPRESSED]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:  # JSON of any other shape
        raise source.reject("the glTF description is damaged", "export it again") from error
    if needs:
        raise source.reject(f"is compressed with {needs[0]}", "export it without mesh compression")
    for count in counts:
        check_count(source, count, 0, what="items in one accessor")
    return GltfFile(source, tree, _binary_chunk(data, HEAD + json_bytes))


def _binary_chunk(data: bytes, at: int) -> bytes:
    if at + 8 > len(data):
        return b""
    (size,) = struct.unpack_from("<I", data, at)
    return data[at + 8 : at + 8 + size]
