"""Colours of glTF primitives: a base colour texture, or colours of the vertices."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from align3d_cli.io.gltf_data import GltfFile, linked, row_of
from align3d_cli.io.pictures import decode_picture

# what a description of another shape than glTF's, or figures beyond all bounds, make the reading stumble over
DAMAGED = (KeyError, TypeError, IndexError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Texture:
    """picture: (H, W, 3) uint8; uv_set: which TEXCOORD_n; picture_from_uv: (2, 3) float64, v running down."""

    picture: np.ndarray
    uv_set: int
    picture_from_uv: np.ndarray


class Materials:
    """The textures of a file's materials, each decoded once, when it is first asked for."""

    def __init__(self, file: GltfFile) -> None:
        self._file = file
        self._known: dict[int, Texture | None] = {}

    def texture(self, primitive: dict[str, Any]) -> Texture | None:
        """The base colour texture, tinted by the base colour; None without one, or where it is damaged."""
        number = int(primitive.get("material", -1))
        if number not in self._known:
            try:
                self._known[number] = _texture(self._file, row_of(self._file.listed("materials"), number))
            except DAMAGED:  # costs the colours, not the scan
                self._known[number] = None
        return self._known[number]


def _texture(file: GltfFile, material: dict[str, Any]) -> Texture | None:
    look = material.get("pbrMetallicRoughness", {})
    older = material.get("extensions", {}).get("KHR_materials_pbrSpecularGlossiness", {})
    used = look.get("baseColorTexture") or older.get("diffuseTexture")
    picture = _picture(file, used) if used else None
    if picture is None:
        return None
    factor = look.get("baseColorFactor") or older.get("diffuseFactor") or (1, 1, 1)
    tint = np.clip(np.array(factor[:3], np.float64), 0, 1)
    picture = picture if (tint == 1).all() else np.rint(picture * tint).astype(np.uint8)
    moved = used.get("extensions", {}).get("KHR_texture_transform", {})
    return Texture(picture, int(moved.get("texCoord", used.get("texCoord", 0))), _picture_from_uv(moved))


def _picture(file: GltfFile, used: dict[str, Any]) -> np.ndarray | None:
    texture = row_of(file.tree["textures"], used["index"])
    webp = texture.get("extensions", {}).get("EXT_texture_webp", {})
    image = row_of(file.tree["images"], texture.get("source", webp.get("source")))
    data = file.bytes_of(image["bufferView"]) if "bufferView" in image else linked(file.source, image["uri"])
    return None if data is None else decode_picture(io.BytesIO(data))


def _picture_from_uv(moved: dict[str, Any]) -> np.ndarray:
    """(2, 3) float64 of KHR_texture_transform: scale, then a turn against the clock, then an offset."""
    turn = float(moved.get("rotation", 0))
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    scaled = rotation * np.array(moved.get("scale", (1, 1)), np.float64)
    return np.column_stack([scaled, np.array(moved.get("offset", (0, 0)), np.float64)])
