"""The header of a PLY file: elements and properties in file order."""

import re
from dataclasses import dataclass, replace

import numpy as np

from align3d_cli.io.source import Source, check_count
from align3d_cli.io.text import shown
from align3d_cli.io.units import unit_of_comment

HEADER_LIMIT = 1 << 20  # bytes; real headers have a few hundred
TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2"},
    **{"int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8", "float32": "f4", "float64": "f8"},
}
END = re.compile(rb"(?:^|[\r\n])[ \t]*end_header[ \t]*(\r\n|\n|\r)", re.IGNORECASE)
LINE_ENDS = re.compile(r"\r\n|\r|\n")
WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass(frozen=True, slots=True)
class Property:
    """dtype: numpy type in file byte order; count_dtype: that of a list's length, None for a scalar."""

    name: str
    dtype: np.dtype
    count_dtype: np.dtype | None = None


@dataclass(frozen=True, slots=True)
class ElementSpec:
    """One element as the header declares it: its name in lower case, how many rows, and the properties of each."""

    name: str
    count: int
    properties: tuple[Property, ...]

    @property
    def has_lists(self) -> bool:
        """Whether a row holds lists, whose lengths may differ."""
        return any(p.count_dtype for p in self.properties)

    def least_bytes(self, ascii_text: bool) -> int:
        """The fewest bytes one row can take: empty lists, one-digit numbers."""
        return sum(2 if ascii_text else (p.count_dtype or p.dtype).itemsize for p in self.properties)


@dataclass(frozen=True, slots=True)
class PlyHeader:
    """lines: the header's text lines without line ends; elements: in file order; order: "=", "<" or ">".

    Names of elements and properties are in lower case, those of the lines as the file has them; of two properties
    of one name in an element the second is called `name 2`, and `notes` says so.
    """

    lines: tuple[str, ...]
    newline: bytes
    encoding: str
    elements: tuple[ElementSpec, ...]
    unit: str | None
    notes: tuple[str, ...] = ()

    @property
    def ascii(self) -> bool:
        """Whether the rows are text."""
        return self.encoding == "ascii"

    def element(self, name: str) -> ElementSpec | None:
        """The element of a name, None where there is none."""
        return next((e for e in self.elements if e.name == name), None)

    def first_elements(self, count: int) -> "PlyHeader":
        """The header with only the first `count` elements."""
        lines, elements = [], 0
        for line in self.lines:
            keyword = line.lower().split()[:1]
            elements += keyword == ["element"]
            if elements <= count or keyword not in (["element"], ["property"]):
                lines.append(line)
        return replace(self, lines=tuple(lines), elements=self.elements[:count])


def read_header(source: Source) -> PlyHeader:
    """Read the header and leave the stream at the first byte of data. Raises InputRejected."""
    head = source.head(HEADER_LIMIT)
    if head[:3].lower() != b"ply" or head[3:4].strip():
        raise source.reject("does not begin with 'ply'", "check that it is a PLY file")
    end = END.search(head)
    if not end:
        raise source.reject("the PLY header has no end_header line", "it is cut off, export it again")
    lines = tuple(LINE_ENDS.split(head[: end.start(1)].decode("latin-1")))
    try:
        header = _parse(lines, end[1])
    except ValueError as error:
        raise source.reject(f"the PLY header is not understood: {error}", "mend it or export the scan again") from error
    source.stream.seek(end.end())
    _check_budget(source, header)
    return header


def _parse(lines: tuple[str, ...], newline: bytes) -> PlyHeader:
    """Raises ValueError in words for the user."""
    encoding = _encoding(lines)
    elements: list[tuple[str, int, list[Property]]] = []
    for number, line in enumerate(lines[1:-1], 2):
        keyword, *words = line.split() or ["comment"]
        if keyword.lower() in ("comment", "obj_info", "format"):
            continue
        try:
            _take(keyword.lower(), words, elements, ORDERS[encoding])
        except ValueError as error:
            raise ValueError(f"line {number}, '{shown(line)}', {error}") from error
    notes = tuple(note for element in elements for note in _tell_apart(*element))
    specs = tuple(ElementSpec(name, count, tuple(properties)) for name, count, properties in elements)
    return PlyHeader(lines, newline, encoding, specs, _unit(lines), notes)


def _encoding(lines: tuple[str, ...]) -> str:
    formats = [words[1] for words in (line.lower().split() for line in lines) if words[:1] == ["format"] and words[1:]]
    if not formats:
        raise ValueError("it has no format line")
    if formats[0] not in ORDERS:
        raise ValueError(f"format '{shown(formats[0])}' is none of {', '.join(ORDERS)}")
    return formats[0]


def _take(keyword: str, words: list[str], elements: list[tuple[str, int, list[Property]]], order: str) -> None:
    """Add what one header line says to the elements."""
    match keyword, words:
        case "element", [name, count, *_]:
            if not WHOLE.fullmatch(count):
                raise ValueError("gives no whole number of rows")
            elements.append((name.lower(), int(count), []))
        case "property", ["list", count_kind, kind, name, *_] if elements:
            elements[-1][2].append(Property(name.lower(), _dtype(kind, order), _dtype(count_kind, order)))
        case "property", [kind, name, *_] if elements:
            elements[-1][2].append(Property(name.lower(), _dtype(kind, order)))
        case _:
            raise ValueError("is no element, property or comment")


def _dtype(name: str, order: str) -> np.dtype:
    if name.lower() not in TYPES:
        raise ValueError(f"has the unknown type '{shown(name)}'")
    return np.dtype(order + TYPES[name.lower()])


def _tell_apart(element: str, _: int, properties: list[Property]) -> list[str]:
    """Rename, in place, every property whose name was there before; returns a note for each."""
    met: dict[str, int] = {}
    notes = []
    for i, p in enumerate(properties):
        met[p.name] = met.get(p.name, 0) + 1
        if met[p.name] > 1:
            properties[i] = replace(p, name=f"{p.name} {met[p.name]}")
            notes.append(f"{element} names property '{shown(p.name)}' more than once: its first column is read")
    return list(dict.fromkeys(notes))


def _unit(lines: tuple[str, ...]) -> str | None:
    units = [unit_of_comment(line) for line in lines if line.lower().startswith(("comment", "obj_info"))]
    return next((unit for unit in units if unit), None)


def _check_budget(source: Source, header: PlyHeader) -> None:
    """Counts within reason, and bytes enough for all rows up to the vertices; readers check the rows behind them."""
    least, needed = 0, True
    for element in header.elements:
        if element.count and not element.properties:
            raise source.reject(f"element {shown(element.name)} has no properties", "export it again")
        row_bytes = element.least_bytes(header.ascii) if needed else 0
        check_count(source, element.count, row_bytes, what=f"{shown(element.name)} rows")
        least += element.count * row_bytes
        needed = needed and element.name != "vertex"
    if least > source.left + 1:  # the last line of a text file may lack its newline
        finding = f"header promises {least} bytes of rows, the {source.left} bytes behind it cannot hold them"
        raise source.reject(finding, "it is cut off or damaged, export it again")
