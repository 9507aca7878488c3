"""The header of a PCD file: its fields, its size, and how its data is stored."""

import re
from dataclasses import dataclass

import numpy as np

from align3d_cli.io.source import Source
from align3d_cli.io.text import shown
from align3d_cli.io.units import unit_of_comment

HEADER_LIMIT = 1 << 16  # bytes; real headers have about 200
KINDS = {"F": "f", "I": "i", "U": "u"}
SIZES = {"F": (4, 8), "I": (1, 2, 4, 8), "U": (1, 2, 4, 8)}
FORMS = ("ascii", "binary", "binary_compressed")
MOST_ITEMS = 4096  # of one field; the longest descriptor of the Point Cloud Library has 1980
PADDING = "_"  # name of fields that only fill up a row
DATA = re.compile(rb"(?:^|[\r\n])[ \t]*DATA[ \t]+([^\s,]+)[ \t,]*(?:\r\n|\n|\r)", re.IGNORECASE)
LINE_ENDS = re.compile(r"\r\n|\r|\n")
WHOLE = re.compile(r"\+?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Field:
    """name: in lower case, `name 2` where it was there before; dtype: little-endian; count: items in a point, 1 .."""

    name: str
    dtype: np.dtype
    count: int


@dataclass(frozen=True, slots=True)
class PcdHeader:
    """shape: (WIDTH, HEIGHT); points: POINTS, which may contradict it; data: one of FORMS; lines: of the header."""

    fields: tuple[Field, ...]
    shape: tuple[int, int]
    points: int
    data: str
    unit: str | None
    lines: int
    notes: tuple[str, ...]

    @property
    def row(self) -> np.dtype:
        """One point as a structured type."""
        return np.dtype([(f.name, f.dtype, () if f.count == 1 else (f.count,)) for f in self.fields])

    @property
    def items(self) -> int:
        """Numbers in a point."""
        return sum(field.count for field in self.fields)


def read_header(source: Source) -> PcdHeader:
    """Read the header and leave the stream at the first byte of data. Raises InputRejected."""
    head = source.head(HEADER_LIMIT)
    end = DATA.search(head)
    lines = LINE_ENDS.split(head[: end.end() if end else 0].decode("latin-1"))[:-1]
    if not end:
        step = "it is cut off, export it again" if b"FIELDS" in head.upper() else "check that it is a PCD file"
        raise source.reject("the PCD header has no DATA line", step)
    try:
        header = _parse(_entries(lines), lines, end[1].decode("latin-1").lower())
    except ValueError as error:
        raise source.reject(f"the PCD header is not understood: {error}", "mend it or export the scan again") from error
    source.stream.seek(end.end())
    return header


def _entries(lines: list[str]) -> dict[str, list[str]]:
    """The words of each line by its first word; commas separate words too."""
    split = [line.replace(",", " ").split() for line in lines if not line.lstrip().startswith("#")]
    return {words[0].upper(): words[1:] for words in split if words}


def _parse(entries: dict[str, list[str]], lines: list[str], data: str) -> PcdHeader:
    """Raises ValueError in words for the user."""
    fields, notes = _fields(entries)
    _check_position(fields)
    shape, points = _size(entries)
    if data not in FORMS:
        raise ValueError(f"DATA {shown(data)} is none of {', '.join(FORMS)}")
    units = (unit_of_comment(line) for line in lines if line.lstrip().startswith("#"))
    unit = next((unit for unit in units if unit), None)
    return PcdHeader(fields, shape, points, data, unit, len(lines), notes)


def _check_position(fields: tuple[Field, ...]) -> None:
    """x, y and z must be there, one number each."""
    counts = {field.name: field.count for field in fields}
    if not {"x", "y", "z"} <= set(counts):
        raise ValueError(f"FIELDS has no x, y and z, but {', '.join(map(shown, list(counts)[:8]))}")
    several = next((name for name in "xyz" if counts[name] > 1), None)
    if several:
        raise ValueError(f"COUNT is {counts[several]} for field '{several}', which has one number a point")


def _fields(entries: dict[str, list[str]]) -> tuple[tuple[Field, ...], tuple[str, ...]]:
    """The fields that have items, names told apart, and a note for each name that was there before."""
    names = [name.lower() for name in entries.get("FIELDS") or entries.get("COLUMNS") or ()]
    if not names:
        raise ValueError("it has no FIELDS line")
    _check_columns(entries, len(names))
    sizes, counts = ([_whole(key, word) for word in entries.get(key, ["1"] * len(names))] for key in ("SIZE", "COUNT"))
    notes, fields = [], []
    for i, (name, kind, size, count) in enumerate(zip(names, entries["TYPE"], sizes, counts, strict=True)):
        if count > MOST_ITEMS:
            raise ValueError(f"COUNT is {count} for field '{shown(name)}', more than {MOST_ITEMS}")
        repeated = name in names[:i]
        if repeated and name != PADDING:
            notes.append(f"FIELDS names '{shown(name)}' more than once: the first is read")
        if count:
            fields.append(Field(f"{name} {i}" if repeated else name, _dtype(name, kind.upper(), size), count))
    return tuple(fields), tuple(dict.fromkeys(notes))


def _check_columns(entries: dict[str, list[str]], count: int) -> None:
    """SIZE, TYPE and COUNT must say something of each field; COUNT may be missing."""
    missing = [key for key in ("SIZE", "TYPE") if key not in entries]
    if missing:
        raise ValueError(f"it has no {missing[0]} line")
    said = {key: len(entries[key]) for key in ("SIZE", "TYPE", "COUNT") if key in entries}
    wrong = [f"{key} has {n} values" for key, n in said.items() if n != count]
    if wrong:
        raise ValueError(f"FIELDS names {count} fields, {', '.join(wrong)}")


def _whole(key: str, word: str) -> int:
    if not WHOLE.fullmatch(word):
        raise ValueError(f"{key} '{shown(word)}' is no whole number of 0 or more")
    return int(word)


def _dtype(field: str, kind: str, size: int) -> np.dtype:
    if kind not in KINDS or size not in SIZES[kind]:
        raise ValueError(f"field '{shown(field)}' has the unknown type {shown(kind)} of {size} bytes")
    return np.dtype(f"<{KINDS[kind]}{size}")


def _size(entries: dict[str, list[str]]) -> tuple[tuple[int, int], int]:
    """((WIDTH, HEIGHT), POINTS), each from the other where one is missing."""
    said = {key: _whole(key, entries[key][0]) for key in ("WIDTH", "HEIGHT", "POINTS") if entries.get(key)}
    if not {"WIDTH", "POINTS"} & set(said):
        raise ValueError("it has neither a WIDTH nor a POINTS line")
    height = said.get("HEIGHT", 1)
    width = said.get("WIDTH", said.get("POINTS", 0) // max(height, 1))
    return (width, height), said.get("POINTS", width * height)
