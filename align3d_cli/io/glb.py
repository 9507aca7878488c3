"""Heat maps as binary glTF 2.0: coloured points, or the mesh they were sampled from."""

import json
import struct
from typing import Any, BinaryIO

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.units import MILLIMETRES

FLOAT, USHORT, UINT = 5126, 5123, 5125  # component types, glTF 2.0 section 3.6.2.2
POINTS, TRIANGLES = 0, 4


def write_glb(stream: BinaryIO, cloud: PointCloud, values: dict[str, np.ndarray]) -> None:
    """Write the finite points or the mesh, unlit, with colours and the score as attribute _ANOMALY.

    Positions are stored about their centre, which the node puts back: map coordinates do not fit float32.
    """
    xyz = cloud.xyz if cloud.mesh is None else cloud.mesh.vertices
    finite = np.isfinite(xyz).all(axis=1)
    kept = finite if cloud.mesh is None else np.ones(len(xyz), bool)
    centre = xyz[finite].mean(axis=0)
    position = np.nan_to_num(xyz[kept] - centre, posinf=0, neginf=0).astype("<f4")
    rgb = np.stack([values[name][kept] for name in ("red", "green", "blue")], axis=1)
    score = np.nan_to_num(values["scalar_anomaly"][kept]).astype("<f4")
    arrays = [(position, FLOAT, "VEC3"), (_linear(rgb), USHORT, "VEC4"), (score, FLOAT, "SCALAR")]
    if cloud.mesh is not None:
        faces = cloud.mesh.faces[finite[cloud.mesh.faces].all(axis=1)]
        arrays.append((faces.astype("<u4").ravel(), UINT, "SCALAR"))
    metre = MILLIMETRES.get(cloud.unit or "m", 1000.0) / 1000.0  # glTF is in metres
    _write_chunks(stream, _tree(arrays, centre, metre), b"".join(a.tobytes() for a, _, _ in arrays))


def _linear(rgb: np.ndarray) -> np.ndarray:
    """(N, 4) uint16 linear RGBA of (N, 3) uint8 sRGB: glTF's vertex colours are linear (IEC 61966-2-1)."""
    byte = np.arange(256) / 255.0
    table = np.where(byte <= 0.04045, byte / 12.92, ((byte + 0.055) / 1.055) ** 2.4)
    out = np.full((len(rgb), 4), 65535, "<u2")
    out[:, :3] = np.rint(table * 65535).astype(np.uint16)[rgb]
    return out


def _tree(arrays: list[tuple[np.ndarray, int, str]], centre: np.ndarray, metre: float) -> dict[str, Any]:
    accessors: list[dict[str, Any]] = []
    views: list[dict[str, int]] = []
    at = 0
    for array, component, kind in arrays:
        view = {"buffer": 0, "byteOffset": at, "byteLength": array.nbytes}
        accessor = {"bufferView": len(views), "componentType": component, "count": len(array), "type": kind}
        accessors.append(accessor | ({"normalized": True} if component == USHORT else {}))
        views.append(view | {"target": 34963 if component == UINT else 34962})
        at += array.nbytes
    position = arrays[0][0]
    accessors[0] |= {"min": position.min(axis=0).tolist(), "max": position.max(axis=0).tolist()}
    primitive = {"attributes": {"POSITION": 0, "COLOR_0": 1, "_ANOMALY": 2}, "material": 0}
    primitive |= {"mode": TRIANGLES, "indices": 3} if len(arrays) == 4 else {"mode": POINTS}
    node = {"mesh": 0, "translation": (centre * metre).tolist(), "scale": [metre] * 3}
    material = {"name": "anomaly", "doubleSided": True, "extensions": {"KHR_materials_unlit": {}}}
    return {
        "asset": {"version": "2.0", "generator": "align3d"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [node],
        "meshes": [{"primitives": [primitive]}],
        "materials": [material],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": at}],
    }


def _write_chunks(stream: BinaryIO, tree: dict, data: bytes) -> None:
    """Header, JSON chunk padded with spaces, binary chunk padded with zeros."""
    text = json.dumps(tree, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    stream.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(data)))
    stream.write(struct.pack("<I4s", len(text), b"JSON") + text)
    stream.write(struct.pack("<I4s", len(data), b"BIN\0") + data)
