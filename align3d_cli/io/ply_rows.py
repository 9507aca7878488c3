"""The rows of one PLY element, from bytes to columns."""

import struct
from dataclasses import dataclass, field

import numpy as np

from align3d_cli.io.ply_header import ElementSpec, Property
from align3d_cli.io.text import shown

# numpy code -> struct code
STRUCT_CODES = dict(zip(("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"), "bBhHiIqQfd", strict=True))
FACE_LISTS = ("vertex_indices", "vertex_index")


class Damaged(Exception):
    """The data does not hold what the header promises; the reader adds the file's name."""


class CutShort(Damaged):
    """The data ends before the rows do; `whole` of them are there."""

    def __init__(self, finding: str, whole: int) -> None:
        super().__init__(finding)
        self.whole = whole


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of differing lengths: row i is values[offsets[i]:offsets[i + 1]]."""

    values: np.ndarray
    offsets: np.ndarray


@dataclass(frozen=True, slots=True)
class Rows:
    """One element as read.

    block:   the element's bytes, exactly as in the file
    columns: property name -> (count,) scalars, (count, L) lists of one length, or Lists
    starts:  (count + 1,) offset of every row within block
    places:  binary rows: property name -> offset of its items within block, an (count,) array or a range
    """

    spec: ElementSpec
    block: bytes
    columns: dict = field(repr=False)
    starts: np.ndarray | range = field(repr=False)
    places: dict = field(repr=False, default_factory=dict)


class BinaryCursor:
    """Elements of a binary body, one behind the other."""

    misfit: str | None = None  # as of a TextCursor; binary rows have no lines to fit

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0
        self.notes: tuple[str, ...] = ()

    def read(self, spec: ElementSpec) -> Rows:
        """The rows of the next element. Raises Damaged."""
        rows = read_binary_rows(spec, self.body, self.at)
        self.at += len(rows.block)
        return rows

    def rest(self) -> bytes:
        """What stands behind the elements read."""
        left = len(self.body) - self.at
        self.notes += (f"{left} bytes behind the rows that the header promises: not read",) if left > 1 else ()
        return self.body[self.at :]


def read_binary_rows(spec: ElementSpec, body: bytes, start: int) -> Rows:
    """Rows of a binary element beginning at `start`. Raises Damaged."""
    fixed = _fixed_dtype(spec, body, start)
    if fixed is not None:
        end = start + spec.count * fixed.itemsize
        table = np.frombuffer(body, fixed, spec.count, start)
        if _lengths_agree(spec, table):
            columns = {p.name: table[p.name] for p in spec.properties}
            step = max(fixed.itemsize, 1)
            places = {p.name: range(_offset(fixed, p.name), end - start, step) for p in spec.properties}
            return Rows(spec, body[start:end], columns, range(0, end - start + 1, step), places)
    return _walk(spec, body, start)


def _offset(row: np.dtype, name: str) -> int:
    assert row.fields is not None
    return row.fields[name][1]


def _fixed_dtype(spec: ElementSpec, body: bytes, start: int) -> np.dtype | None:
    """The row as a structured type, taking every list to be as long as in the first row."""
    fields: list[tuple] = []
    at = start
    for p in spec.properties:
        if p.count_dtype is None:
            fields.append((p.name, p.dtype))
            at += p.dtype.itemsize
            continue
        length = _length_at(spec, 0, p, body, at) if spec.count else 0
        if at + p.count_dtype.itemsize + length * p.dtype.itemsize > len(body):
            return None
        fields += [(f"{p.name} length", p.count_dtype), (p.name, p.dtype, (length,))]
        at += p.count_dtype.itemsize + length * p.dtype.itemsize
    return np.dtype(fields) if start + spec.count * (at - start) <= len(body) else None


def _lengths_agree(spec: ElementSpec, table: np.ndarray) -> bool:
    return all(
        (table[f"{p.name} length"] == table.dtype[p.name].shape[0]).all() for p in spec.properties if p.count_dtype
    )


def _length_at(spec: ElementSpec, row: int, p: Property, body: bytes, at: int) -> int:
    """The length of the list `p` whose count stands at `at`."""
    assert p.count_dtype is not None
    if at + p.count_dtype.itemsize > len(body):
        raise _cut(spec, row)
    order = ">" if p.count_dtype.str[0] == ">" else "<"
    (length,) = struct.unpack_from(order + STRUCT_CODES[p.count_dtype.str[1:]], body, at)
    if not (0 <= length <= len(body) and length == int(length)):
        raise Damaged(f"{spec.name} row {row + 1} has a list '{shown(p.name)}' of {length:g} items")
    return int(length)


def _cut(spec: ElementSpec, row: int) -> CutShort:
    return CutShort(f"the data ends within {spec.name} row {row + 1} of {spec.count}", row)


def _walk(spec: ElementSpec, body: bytes, start: int) -> Rows:
    """Rows whose lists differ in length, one after the other."""
    most = (len(body) - start) // max(spec.least_bytes(False), 1)  # rows the data can hold: more are not made room for
    at, row_at = start, np.empty(min(spec.count, most + 1) + 1, np.int64)
    places: dict[str, list[int]] = {p.name: [] for p in spec.properties}
    lengths: dict[str, list[int]] = {p.name: [] for p in spec.properties if p.count_dtype}
    for row in range(spec.count):
        row_at[row] = at
        for p in spec.properties:
            length = 1
            if p.count_dtype is not None:
                length = _length_at(spec, row, p, body, at)
                at += p.count_dtype.itemsize
                lengths[p.name].append(length)
            places[p.name].append(at)
            at += p.dtype.itemsize * length
        if at > len(body):
            raise _cut(spec, row)
    row_at[spec.count] = at
    found = {name: np.array(at, np.int64) for name, at in places.items()}
    columns = {p.name: _gather(p, body, found[p.name], lengths.get(p.name)) for p in spec.properties}
    return Rows(spec, body[start:at], columns, row_at - start, {name: at - start for name, at in found.items()})


def _gather(p: Property, body: bytes, places: np.ndarray, lengths: list[int] | None) -> np.ndarray | Lists:
    """Collect the items that begin at `places`, `lengths[i]` in a row (one for a scalar)."""
    counts = np.ones(len(places), np.int64) if lengths is None else np.array(lengths, np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    at = np.repeat(places, counts) + within * p.dtype.itemsize
    byte = np.frombuffer(body, np.uint8)[at[:, None] + np.arange(p.dtype.itemsize)]
    values = np.ascontiguousarray(byte).view(p.dtype).ravel()
    return values if lengths is None else Lists(values, offsets)
