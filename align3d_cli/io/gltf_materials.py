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
    """The textures of a file's materials, each picture decoded once, when it is first asked for."""

    def __init__(self, file: GltfFile) -> None:
        self._file = file
        self._textures: dict[int, Texture | None] = {}
        self._pictures: dict[int, np.ndarray | None] = {}

    def texture(self, primitive: dict[str, Any]) -> Texture | None:
        """The base colour texture, tinted by the base colour; None without one, or where it is damaged."""
        number = int(primitive.get("material", -1))
        if number not in self._textures:
            try:
                self._textures[number] = self._texture(row_of(self._file.listed("materials"), number))
            except DAMAGED:  # costs the colours, not the scan
                self._textures[number] = None
        return self._textures[number]

    def _texture(self, material: dict[str, Any]) -> Texture | None:
        look = material.get("pbrMetallicRoughness", {})
        older = material.get("extensions", {}).get("KHR_materials_pbrSpecularGlossiness", {})
        used = look.get("baseColorTexture") or older.get("diffuseTexture")
        picture = self._picture(used) if used else None
        if picture is None:
            return None
        factor = look.get("baseColorFactor") or older.get("diffuseFactor") or (1, 1, 1)
        tint = np.clip(np.array(factor[:3], np.float64), 0, 1)
        picture = picture if (tint == 1).all() else np.rint(picture * tint).astype(np.uint8)
        moved = used.get("extensions", {}).get("KHR_texture_transform", {})
        return Texture(picture, int(moved.get("texCoord", used.get("texCoord", 0))), _picture_from_uv(moved))

    def _picture(self, used: dict[str, Any]) -> np.ndarray | None:
        file = self._file
        texture = row_of(file.tree["textures"], used["index"])
        webp = texture.get("extensions", {}).get("EXT_texture_webp", {})
        number = texture.get("source", webp.get("source"))
        if number not in self._pictures:
            image = row_of(file.tree["images"], number)
            data = file.bytes_of(image["bufferView"]) if "bufferView" in image else linked(file.source, image["uri"])
            self._pictures[number] = None if data is None else decode_picture(io.BytesIO(data))
        return self._pictures[number]


def _picture_from_uv(moved: dict[str, Any]) -> np.ndarray:
    """(2, 3) float64 of KHR_texture_transform: scale, then a turn against the clock, then an offset."""
    turn = float(moved.get("rotation", 0))
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    scaled = rotation * np.array(moved.get("scale", (1, 1)), np.float64)
    return np.column_stack([scaled, np.array(moved.get("offset", (0, 0)), np.float64)])
