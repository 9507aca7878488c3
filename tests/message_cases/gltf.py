"""Binary glTF: chunks, description, accessors, nodes."""

import json
import struct

import numpy as np

from .case import Case, scan

DATA = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes() + bytes([0, 1, 2, 0])


def packed(text: bytes, data: bytes, version: int = 2) -> bytes:
    """A file of these two chunks."""
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", version, 12 + len(body)) + body


def described(**change: object) -> bytes:
    """A triangle, some of whose description is another."""
    tree: dict[str, object] = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5121, "count": 3, "type": "SCALAR"},
        ],
        "bufferViews": [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 3}],
        "buffers": [{"byteLength": 40}],
    }
    return packed(json.dumps(tree | change).encode(), DATA)


def glb(**change: object) -> Case:
    """Read that triangle."""
    return scan("a.glb", described(**change))


def accessor(**change: object) -> list[dict[str, object]]:
    """The accessors, the first of which says something else."""
    first = {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}
    return [first | change, {"bufferView": 1, "componentType": 5121, "count": 3, "type": "SCALAR"}]


COPIES = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": 0}}}
CASES = {
    "another file": scan("a.glb", "hello\n"),
    "cut": scan("a.glb", described()[:-8]),
    "version 1": scan("a.glb", packed(b"{}", DATA, version=1)),
    "description damaged": scan("a.glb", packed(b'{"nodes": [', DATA)),
    "compressed": glb(extensionsRequired=["KHR_draco_mesh_compression"]),
    "mesh that is not there": glb(nodes=[{"mesh": 7}]),
    "node within itself": glb(nodes=[{"children": [0]}]),
    "buffer that is not there": glb(buffers=[{"uri": "far.bin", "byteLength": 40}]),
    "view past its buffer": glb(bufferViews=[{"buffer": 0, "byteLength": 400}, {"buffer": 0, "byteLength": 3}]),
    "accessor past its view": glb(accessors=accessor(count=5)),
    "promises too much": glb(accessors=accessor(count=10**12)),
    "a corner that is not there": glb(accessors=accessor(count=2)),
    "places too many vertices": glb(
        nodes=[{"mesh": 0} for _ in range(3)],
        scenes=[{"nodes": [0, 1, 2]}],
        accessors=accessor(count=30_000_000),
    ),
    "copies too many": glb(nodes=[{"mesh": 0, "extensions": COPIES}], accessors=accessor(count=200_000)),
    "shows nothing": glb(scenes=[{"nodes": []}]),
    "no surface": glb(
        accessors=accessor(count=3, bufferView=2),
        bufferViews=[
            {"buffer": 0, "byteLength": 36},
            {"buffer": 0, "byteOffset": 36, "byteLength": 3},
            {"buffer": 0, "byteLength": 36, "byteStride": 1},
        ],
    ),
}
