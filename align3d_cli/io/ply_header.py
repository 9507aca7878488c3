"""The header of a PLY file: elements and properties in file order."""

import re
from dataclasses import dataclass

import numpy as np

from align3d_cli.io.source import Source, check_count

HEADER_LIMIT = 1 << 20  # bytes; real headers have a few hundred
TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2"},
    **{"int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8", "float32": "f4", "float64": "f8"},
}
ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
WORDS = "mm cm m um in inch inches millimet(?:er|re)s? centimet(?:er|re)s? met(?:er|re)s?".replace(" ", "|")
UNIT = re.compile(rf"\bunits?\b\s*(?:[:=]|in|are|is)?\s*({WORDS})\b", re.IGNORECASE)
SPELLED_OUT = {"mil": "mm", "cen": "cm", "met": "m", "inc": "in"}  # by the first three letters


@dataclass(frozen=True, slots=True)
class Property:
    """dtype: numpy type in file byte order; count_dtype: that of a list's length, None for a scalar."""

    name: str
    dtype: np.dtype
    count_dtype: np.dtype | None = None


@dataclass(frozen=True, slots=True)
class ElementSpec:
    name: str
    count: int
    properties: tuple[Property, ...]

    @property
    def has_lists(self) -> bool:
        return any(p.count_dtype for p in self.properties)

    def least_bytes(self, ascii_text: bool) -> int:
        """The fewest bytes one row can take: empty lists, one-digit numbers."""
        return sum(2 if ascii_text else (p.count_dtype or p.dtype).itemsize for p in self.properties)


@dataclass(frozen=True, slots=True)
class PlyHeader:
    """lines: the header's text lines without line ends; elements: in file order; order: "=", "<" or ">"."""

    lines: tuple[str, ...]
    newline: bytes
    encoding: str
    elements: tuple[ElementSpec, ...]
    unit: str | None

    @property
    def ascii(self) -> bool:
        return self.encoding == "ascii"

    def element(self, name: str) -> ElementSpec | None:
        return next((e for e in self.elements if e.name == name), None)


def unit_of_comment(text: str) -> str | None:
    """The unit a comment states ("units: mm"), or None."""
    found = UNIT.search(text)
    if not found:
        return None
    word = found[1].lower()
    return SPELLED_OUT.get(word[:3], word)


def read_header(source: Source) -> PlyHeader:
    """Read the header and leave the stream at the first byte of data. Raises InputRejected."""
    head = source.head(HEADER_LIMIT)
    if not head.startswith(b"ply"):
        raise source.reject("does not begin with 'ply'", "check that it is a PLY file")
    end = re.search(rb"(?:^|\n)end_header[ \t]*(\r?\n)", head)
    if not end:
        raise source.reject("the PLY header has no end_header line", "it is cut off, export it again")
    lines = tuple(line.rstrip("\r") for line in head[: end.end()].decode("latin-1").rstrip("\n").split("\n"))
    try:
        encoding, elements = _parse(lines)
    except (ValueError, IndexError, KeyError) as error:
        raise source.reject(f"the PLY header is damaged ({error})", "export it again") from error
    source.stream.seek(end.end())
    header = PlyHeader(lines, end[1], encoding, elements, _unit(lines))
    _check_budget(source, header)
    return header


def _unit(lines: tuple[str, ...]) -> str | None:
    units = [unit_of_comment(line) for line in lines if line.startswith(("comment", "obj_info"))]
    return next((unit for unit in units if unit), None)


def _parse(lines: tuple[str, ...]) -> tuple[str, tuple[ElementSpec, ...]]:
    encoding, elements = None, []
    for line in lines[1:-1]:
        words = line.split()
        if not words or words[0] in ("comment", "obj_info"):
            continue
        if words[0] == "format":
            encoding = words[1]
        elif words[0] == "element":
            elements.append((words[1], int(words[2]), []))
        elif words[0] == "property":
            elements[-1][2].append(_property(words[1:], ORDERS[encoding]))
        else:
            raise ValueError(f"unknown line '{line[:60]}'")
    if encoding not in ORDERS:
        raise ValueError(f"format '{encoding}' is none of {', '.join(ORDERS)}")
    return encoding, tuple(ElementSpec(name, count, tuple(props)) for name, count, props in elements)


def _property(words: list[str], order: str) -> Property:
    if words[0] == "list":
        return Property(words[3], _dtype(words[2], order), _dtype(words[1], order))
    return Property(words[1], _dtype(words[0], order))


def _dtype(name: str, order: str) -> np.dtype:
    if name not in TYPES:
        raise ValueError(f"unknown type '{name[:20]}'")
    return np.dtype(order + TYPES[name])


def _check_budget(source: Source, header: PlyHeader) -> None:
    least = 0
    for element in header.elements:
        names = [p.name for p in element.properties]
        if element.count and not names:
            raise source.reject(f"element {element.name} has no properties", "export it again")
        if len(set(names)) != len(names):
            raise source.reject(f"element {element.name} names a property twice", "export it again")
        check_count(source, element.count, element.least_bytes(header.ascii), what=f"{element.name} rows")
        least += element.count * element.least_bytes(header.ascii)
    if least > source.left + 1:  # the last line of a text file may lack its newline
        raise source.reject(f"header promises {least} bytes, {source.left} follow", "it is cut off, export it again")
