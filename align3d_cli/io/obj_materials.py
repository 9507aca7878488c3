"""Textures of OBJ files: `usemtl` names a material, `mtllib` the file that gives its picture."""

import io

import numpy as np

from align3d_cli.io.beside import beside
from align3d_cli.io.obj_lines import ObjLines
from align3d_cli.io.pictures import decode_picture
from align3d_cli.io.source import Source
from align3d_cli.io.text import plain_text


def read_textures(source: Source, lines: ObjLines) -> tuple[list[np.ndarray], np.ndarray]:
    """The pictures that materials of the file have, and which one holds at every line of the text.

    Returns (H, W, 3) uint8 pictures and (L,) int, -1 where the material in force has none.
    A library or picture that is not to be found or damaged costs the colours, not the scan.
    """
    used = lines.named("usemtl")
    named = _materials(source, lines) if used else {}
    pictures: list[np.ndarray] = []
    number_of: dict[str, int] = {"": -1}  # what stands behind `map_Kd` -> picture, which materials may share
    for words in dict.fromkeys(named.get(name, "") for _, name in used):
        picture = _picture(source, words)
        number_of[words] = -1 if picture is None else len(pictures)
        pictures += [] if picture is None else [picture]
    numbers = np.array([-1, *(number_of[named.get(name, "")] for _, name in used)])
    return pictures, numbers[np.searchsorted([line for line, _ in used], np.arange(len(lines.starts)), side="right")]


def _materials(source: Source, lines: ObjLines) -> dict[str, str]:
    """Material name -> what stands behind its `map_Kd`."""
    found: dict[str, str] = {}
    for _, words in lines.named("mtllib"):
        data = beside(source, words)
        libraries = [data] if data is not None else [beside(source, word) for word in words.split()]
        for library in libraries:
            found |= _textured(library) if library is not None else {}
    return found


def _textured(library: bytes) -> dict[str, str]:
    """Material name -> what stands behind its `map_Kd`, in one library."""
    found, name = {}, ""
    for line in plain_text(library).decode(errors="replace").splitlines():
        keyword, _, rest = line.strip().replace("\t", " ").partition(" ")
        if keyword.lower() == "newmtl":
            name = rest.strip()
        elif keyword.lower() == "map_kd":
            found[name] = rest.strip()
    return found


def _picture(source: Source, rest: str) -> np.ndarray | None:
    """The picture of a `map_Kd` line: the name may have blanks in it, and options like `-s 1 1 1` before it."""
    words = rest.split(" ")
    for first in range(len(words) if rest.startswith("-") else 1):
        data = beside(source, " ".join(words[first:]))
        if data is not None:
            return decode_picture(io.BytesIO(data))
    return None
