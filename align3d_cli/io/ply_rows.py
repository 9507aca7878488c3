"""The rows of one PLY element, from text or bytes to columns."""

import struct
from dataclasses import dataclass, field

import numpy as np

from align3d_cli.io.ply_header import ElementSpec, Property
from align3d_cli.io.text import parse_numbers, words_per_line

# numpy code -> struct code
STRUCT_CODES = dict(zip(("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"), "bBhHiIqQfd", strict=True))


class Damaged(Exception):
    """The data does not hold what the header promises; the reader adds the file's name."""


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


def read_text_rows(spec: ElementSpec, body: bytes, starts: np.ndarray, first_line: int) -> Rows:
    """Rows of an ascii element; `starts` are the offsets of all lines of the body. Raises Damaged."""
    last_line = first_line + spec.count
    if last_line >= len(starts):
        raise Damaged(f"{spec.count} {spec.name} rows promised, {len(starts) - 1 - first_line} lines are left")
    block = body[starts[first_line] : starts[last_line]]
    try:
        words = parse_numbers(block)
    except ValueError as error:
        raise Damaged(f"the {spec.name} rows hold {error}") from error
    if spec.has_lists:
        columns = _split_lists(spec, words)
    else:
        _check_widths(spec, block)
        columns = _split_scalars(spec, words)
    return Rows(spec, block, columns, starts[first_line : last_line + 1] - starts[first_line])


def _check_widths(spec: ElementSpec, block: bytes) -> None:
    wrong = np.flatnonzero(words_per_line(block) != len(spec.properties)) if spec.count else ()
    if len(wrong):
        raise Damaged(f"{spec.name} row {wrong[0] + 1} has not the {len(spec.properties)} numbers promised")


def _split_scalars(spec: ElementSpec, words: np.ndarray) -> dict:
    width = len(spec.properties)
    table = words.reshape(spec.count, width)
    return {p.name: table[:, i] for i, p in enumerate(spec.properties)}


def _split_lists(spec: ElementSpec, words: np.ndarray) -> dict:
    """Treat the words as a packed file of doubles: the same walk as for binary rows."""
    wide = np.dtype(np.float64)
    as_doubles = tuple(Property(p.name, wide, wide if p.count_dtype else None) for p in spec.properties)
    rows = read_binary_rows(ElementSpec(spec.name, spec.count, as_doubles), words.tobytes(), 0)
    if len(rows.block) != words.nbytes:
        raise Damaged(f"the {spec.name} rows hold more numbers than their lists promise")
    return rows.columns


def read_binary_rows(spec: ElementSpec, body: bytes, start: int) -> Rows:
    """Rows of a binary element beginning at `start`. Raises Damaged."""
    fixed = _fixed_dtype(spec, body, start)
    if fixed is not None:
        end = start + spec.count * fixed.itemsize
        table = np.frombuffer(body, fixed, spec.count, start)
        if _lengths_agree(spec, table):
            columns = {p.name: table[p.name] for p in spec.properties}
            step = max(fixed.itemsize, 1)
            places = {p.name: range(fixed.fields[p.name][1], end - start, step) for p in spec.properties}
            return Rows(spec, body[start:end], columns, range(0, end - start + 1, step), places)
    return _walk(spec, body, start)


def _fixed_dtype(spec: ElementSpec, body: bytes, start: int) -> np.dtype | None:
    """The row as a structured type, taking every list to be as long as in the first row."""
    fields, at = [], start
    for p in spec.properties:
        if p.count_dtype is None:
            fields.append((p.name, p.dtype))
            at += p.dtype.itemsize
            continue
        length = _count_at(p, body, at) if spec.count else 0
        if at + p.count_dtype.itemsize + length * p.dtype.itemsize > len(body):
            return None
        fields += [(f"{p.name} length", p.count_dtype), (p.name, p.dtype, (length,))]
        at += p.count_dtype.itemsize + length * p.dtype.itemsize
    return np.dtype(fields) if start + spec.count * (at - start) <= len(body) else None


def _lengths_agree(spec: ElementSpec, table: np.ndarray) -> bool:
    return all(
        (table[f"{p.name} length"] == table.dtype[p.name].shape[0]).all() for p in spec.properties if p.count_dtype
    )


def _count_at(p: Property, body: bytes, at: int) -> int:
    """The length of the list `p` whose count stands at `at`."""
    if at + p.count_dtype.itemsize > len(body):
        raise Damaged("the data ends within a row")
    order = ">" if p.count_dtype.str[0] == ">" else "<"
    (length,) = struct.unpack_from(order + STRUCT_CODES[p.count_dtype.str[1:]], body, at)
    if not (0 <= length <= len(body) and length == int(length)):
        raise Damaged(f"a list '{p.name}' of {length:g} items")
    return int(length)


def _walk(spec: ElementSpec, body: bytes, start: int) -> Rows:
    """Rows whose lists differ in length, one after the other."""
    at, row_at = start, np.empty(spec.count + 1, np.int64)
    places: dict[str, list[int]] = {p.name: [] for p in spec.properties}
    lengths: dict[str, list[int]] = {p.name: [] for p in spec.properties if p.count_dtype}
    for row in range(spec.count):
        row_at[row] = at
        for p in spec.properties:
            length = 1
            if p.count_dtype is not None:
                length = _count_at(p, body, at)
                at += p.count_dtype.itemsize
                lengths[p.name].append(length)
            places[p.name].append(at)
            at += p.dtype.itemsize * length
        if at > len(body):
            raise Damaged(f"the data ends within {spec.name} row {row + 1} of {spec.count}")
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
