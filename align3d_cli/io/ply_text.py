"""The rows of an ascii PLY: a stream of words, as a rule one row a line.

The `strict` of the functions: rows must be lines; otherwise words fill rows wherever the lines end.
"""

from dataclasses import dataclass, replace

import numpy as np

from align3d_cli.io.ply_header import ElementSpec, PlyHeader, Property
from align3d_cli.io.ply_rows import FACE_LISTS, CutShort, Damaged, Lists, Rows, read_binary_rows
from align3d_cli.io.ply_words import Words, words_of
from align3d_cli.io.text import NotANumber, parse_numbers, shown

DOUBLE = np.dtype(np.float64)


@dataclass(frozen=True, slots=True)
class TextRows:
    """The rows of one element, the word behind them, what does not fit the lines of the file, and notes."""

    rows: Rows
    end: int
    misfit: str | None = None
    notes: tuple[str, ...] = ()


class TextCursor:
    """Elements of an ascii body, one behind the other.

    misfit: what does not fit the lines of the file, where words had to be taken as a stream
    notes:  what the user is to know about the rows read
    """

    def __init__(self, header: PlyHeader, body: bytes) -> None:
        self.words, self.at = words_of(body, len(header.lines)), 0
        # as many lines as rows: a line of another length is damage then, not a row broken in two
        self.strict = len(self.words.lines) - 1 == sum(element.count for element in header.elements)
        self.misfit: str | None = None
        self.notes: tuple[str, ...] = ()

    def read(self, spec: ElementSpec) -> Rows:
        """The rows of the next element. Raises Damaged."""
        found = (_read_lists if spec.has_lists else _read_scalars)(spec, self.words, self.at, self.strict)
        self.at = found.end
        self.misfit = self.misfit or found.misfit
        self.notes += found.notes
        return found.rows

    def rest(self) -> bytes:
        """What stands behind the elements read. Raises Damaged where words of a stream are left over."""
        if self.misfit and self.at < len(self.words.starts) - 1:
            raise Damaged(self.misfit)
        return self.words.body[self.words.starts[self.at] :]


def _widths(spec: ElementSpec, words: Words, at: int) -> np.ndarray:
    """(at most count,) words on each line from the one that begins with word `at`; none when no line does."""
    line = int(np.searchsorted(words.lines, at))
    lines = words.lines[line : line + spec.count + 1]
    return np.diff(lines) if len(lines) and lines[0] == at else np.empty(0, np.int64)


def _read_scalars(spec: ElementSpec, words: Words, at: int, strict: bool) -> TextRows:
    width, there = len(spec.properties), len(words.starts) - 1 - at
    end = at + spec.count * width
    misfit = _misfit(spec, _widths(spec, words, at), np.full(spec.count, width))
    if misfit and strict:
        raise Damaged(misfit)
    if spec.count * width > there:
        raise CutShort(_few(spec, there // width), there // width)
    table = _numbers(spec, words, at, end).reshape(spec.count, width)
    columns = {p.name: table[:, i] for i, p in enumerate(spec.properties)}
    starts = words.starts[at : end + 1 : width] if spec.count else words.starts[at : at + 1]
    return TextRows(Rows(spec, words.block(at, end), columns, starts - starts[0]), end, misfit)


def _misfit(spec: ElementSpec, widths: np.ndarray, promised: np.ndarray) -> str | None:
    """What to say of the first line that has not the words promised; None when all have."""
    both = min(len(widths), len(promised))
    wrong = np.flatnonzero(widths[:both] != promised[:both])
    if len(wrong):
        row = wrong[0]
        return f"{spec.name} row {row + 1} has {widths[row]} numbers, the header promises {promised[row]}"
    return None if len(widths) == spec.count else _few(spec, len(widths))


def _few(spec: ElementSpec, there: int) -> str:
    return f"{spec.count} {spec.name} rows are promised, {there} are there"


def _numbers(spec: ElementSpec, words: Words, first: int, last: int) -> np.ndarray:
    try:
        return parse_numbers(words.block(first, last))
    except NotANumber as error:
        line = words.above + words.body.count(b"\n", 0, int(words.starts[first])) + error.row + 1
        raise Damaged(f"line {line}, among the {spec.name} rows: '{error.word}' is not a number") from error


def _read_lists(spec: ElementSpec, words: Words, at: int, strict: bool) -> TextRows:
    widths = _widths(spec, words, at)
    misfit: str | None = _few(spec, len(widths))
    if len(widths) == spec.count:
        numbers = _numbers(spec, words, at, at + int(widths.sum()))
        starts = np.concatenate([[0], np.cumsum(widths)])
        row, misfit = _odd_line(spec, numbers, starts)
        if misfit is None:
            return _text_rows(spec, words, at, _walk(spec, numbers)[0], starts)
        if strict and row > 0:
            raise Damaged(misfit)
        if strict:
            return _by_lines(spec, words, at, numbers, starts, misfit)
    try:
        columns, starts = _walk(spec, _numbers(spec, words, at, len(words.starts) - 1))
    except CutShort as error:
        raise CutShort(_few(spec, error.whole), error.whole) from error
    return replace(_text_rows(spec, words, at, columns, starts), misfit=misfit)


def _odd_line(spec: ElementSpec, numbers: np.ndarray, starts: np.ndarray) -> tuple[int, str | None]:
    """The first line that is no row of the element, and what to say of it; None when all are."""
    values, ends = numbers.tolist(), starts.tolist()
    for row in range(spec.count):
        at = ends[row]
        for p in spec.properties:
            length = 0.0 if p.count_dtype is None or at >= ends[row + 1] else values[at]
            if not 0 <= length <= len(values) or length != int(length):
                return row, f"{spec.name} row {row + 1} has a list '{shown(p.name)}' of {length:g} items"
            at += 1 + int(length)
        if at != ends[row + 1]:
            there, promised = ends[row + 1] - ends[row], at - ends[row]
            return row, f"{spec.name} row {row + 1} has {there} numbers, the header promises {promised}"
    return spec.count, None


def _walk(spec: ElementSpec, numbers: np.ndarray) -> tuple[dict, np.ndarray]:
    """Columns, and the (count + 1,) place of every row among the numbers: the walk of binary rows, all in doubles."""
    doubles = tuple(Property(p.name, DOUBLE, DOUBLE if p.count_dtype else None) for p in spec.properties)
    rows = read_binary_rows(ElementSpec(spec.name, spec.count, doubles), numbers.tobytes(), 0)
    return rows.columns, np.asarray(rows.starts) // DOUBLE.itemsize


def _text_rows(spec: ElementSpec, words: Words, at: int, columns: dict, starts: np.ndarray) -> TextRows:
    offsets = words.starts[at + starts]
    end = at + int(starts[-1])
    return TextRows(Rows(spec, words.block(at, end), columns, offsets - offsets[0]), end)


def _by_lines(
    spec: ElementSpec, words: Words, at: int, numbers: np.ndarray, starts: np.ndarray, misfit: str
) -> TextRows:
    """Faces whose lines are longer or shorter than the header says: their corners, which come first, and no more.

    Only where the first line shows it and lines of as many corners are equally long; else one of them is damaged.
    """
    corners, widths = numbers[starts[:-1]], np.diff(starts)
    lengths = {n: set(widths[corners == n].tolist()) for n in np.unique(corners).tolist()}
    sound = all(len(found) == 1 and 0 < n < min(found) and n == int(n) for n, found in lengths.items())
    if spec.properties[0].name not in FACE_LISTS or not sound:
        raise Damaged(misfit)
    counts = corners.astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    place = np.arange(offsets[-1]) + np.repeat(starts[:-1] + 1 - offsets[:-1], counts)
    columns = {spec.properties[0].name: Lists(numbers[place], offsets)}
    note = f"{misfit}: only the corners of its faces are read"
    return replace(_text_rows(spec, words, at, columns, starts), notes=(note,))
