"""The rows of an ascii PLY: a stream of words, as a rule one row a line.

The `strict` of the functions: rows must be lines; otherwise words fill rows wherever the lines end.
"""

from dataclasses import dataclass, replace

import numpy as np

from align3d_cli.io.ply_header import ElementSpec, PlyHeader, Property
from align3d_cli.io.ply_rows import FACE_LISTS, CutShort, Damaged, Lists, Rows, read_binary_rows
from align3d_cli.io.ply_words import Words, words_of
from align3d_cli.io.text import NotANumber, counted, parse_numbers, shown

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
        left = len(self.words.starts) - 1 - self.at
        if left and self.misfit:
            raise Damaged(self.misfit)
        self.notes += (f"{counted(left, 'word')} behind the rows that the header promises: not read",) if left else ()
        return self.words.body[self.words.starts[self.at] :]


def _widths(spec: ElementSpec, words: Words, at: int) -> np.ndarray:
    """(at most count,) words on each line from the one that begins with word `at`; none when no line does."""
    line = int(np.searchsorted(words.lines, at))
    lines = words.lines[line : line + spec.count + 1]
    return np.diff(lines) if len(lines) and lines[0] == at else np.empty(0, np.int64)


def _read_scalars(spec: ElementSpec, words: Words, at: int, strict: bool) -> TextRows:
    width, there = len(spec.properties), len(words.starts) - 1 - at
    end = at + spec.count * width
    misfit = _misfit(spec, words, at)
    if misfit and strict:
        raise misfit
    if spec.count * width > there:
        raise CutShort(_few(spec, there // width), there // width)
    table = _numbers(spec, words, at, end).reshape(spec.count, width)
    columns = {p.name: table[:, i] for i, p in enumerate(spec.properties)}
    starts = words.starts[at : end + 1 : width] if spec.count else words.starts[at : at + 1]
    return TextRows(Rows(spec, words.block(at, end), columns, starts - starts[0]), end, str(misfit) if misfit else None)


def _misfit(spec: ElementSpec, words: Words, at: int) -> Damaged | None:
    """What is wrong with the first line that has not as many words as the element has properties."""
    widths, promised = _widths(spec, words, at), len(spec.properties)
    wrong = np.flatnonzero(widths != promised)
    if not len(wrong):
        return None if len(widths) == spec.count else Damaged(_few(spec, len(widths)))
    row = int(wrong[0])
    last = at + int(widths[: row + 1].sum()) == len(words.starts) - 1
    return _odd_row(spec, row, int(widths[row]), promised, last)


def _odd_row(spec: ElementSpec, row: int, there: int, promised: int, last: bool) -> Damaged:
    """A row of another length than promised; the last line of a file, when too short, is where it was cut."""
    finding = f"{spec.name} row {row + 1} has {counted(there, 'number')}, the header promises {promised}"
    return CutShort(finding, row) if last and there < promised else Damaged(finding)


def _few(spec: ElementSpec, there: int) -> str:
    return f"header promises {counted(spec.count, f'{spec.name} row')}, has {there}"


def _numbers(spec: ElementSpec, words: Words, first: int, last: int) -> np.ndarray:
    try:
        return parse_numbers(words.block(first, last))
    except NotANumber as error:
        line = words.above + words.body.count(b"\n", 0, int(words.starts[first])) + error.row + 1
        raise Damaged(f"line {line}: '{error.word}' is not a number") from error


def _read_lists(spec: ElementSpec, words: Words, at: int, strict: bool) -> TextRows:
    widths = _widths(spec, words, at)
    misfit = _few(spec, len(widths))
    if len(widths) == spec.count:
        numbers = _numbers(spec, words, at, at + int(widths.sum()))
        starts = np.concatenate([[0], np.cumsum(widths)])
        columns = _fitting(spec, numbers, starts)
        if columns is not None:
            return _text_rows(spec, words, at, columns, starts)
        row, error = _odd_line(spec, numbers, starts, at + starts[-1] == len(words.starts) - 1)
        if strict and row == 0:
            return _by_lines(spec, words, at, numbers, starts, error)
        if strict:
            raise error
        misfit = str(error)
    try:
        columns, starts = _walk(spec, _numbers(spec, words, at, len(words.starts) - 1))
    except CutShort as error:
        raise CutShort(_few(spec, error.whole), error.whole) from error
    return replace(_text_rows(spec, words, at, columns, starts), misfit=misfit)


def _fitting(spec: ElementSpec, numbers: np.ndarray, starts: np.ndarray) -> dict | None:
    """The columns where every line is a row, else None."""
    try:
        columns, found = _walk(spec, numbers)
    except Damaged:  # told in words of lines by _odd_line
        return None
    return columns if np.array_equal(found, starts) else None


def _odd_line(spec: ElementSpec, numbers: np.ndarray, starts: np.ndarray, last: bool) -> tuple[int, Damaged]:
    """The first line that is no row of the element, and what is wrong with it; last: the file ends with the rows."""
    values, ends = numbers.tolist(), starts.tolist()
    for row in range(spec.count):
        at = ends[row]
        for p in spec.properties:
            length = 0.0 if p.count_dtype is None or at >= ends[row + 1] else values[at]
            if not 0 <= length <= len(values) or length != int(length):
                finding = f"{spec.name} row {row + 1} has a list '{shown(p.name)}' of {length:g} items"
                return row, Damaged(finding)
            at += 1 + int(length)
        if at != ends[row + 1]:
            there, promised = ends[row + 1] - ends[row], at - ends[row]
            return row, _odd_row(spec, row, there, promised, last and row == spec.count - 1)
    raise AssertionError("all lines are rows: _fitting says otherwise")


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
    spec: ElementSpec, words: Words, at: int, numbers: np.ndarray, starts: np.ndarray, misfit: Damaged
) -> TextRows:
    """Faces whose lines are longer or shorter than the header says: their corners, which come first, and no more.

    Only where the first line shows it and lines of as many corners are equally long; else one of them is damaged.
    """
    corners, widths = numbers[starts[:-1]], np.diff(starts)
    held = (corners >= 1) & (corners < widths) & (corners == np.floor(corners))
    if spec.properties[0].name not in FACE_LISTS or not held.all():
        raise misfit
    if any(len(np.unique(widths[corners == n])) > 1 for n in np.unique(corners)):
        raise misfit
    counts = corners.astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    place = np.arange(offsets[-1]) + np.repeat(starts[:-1] + 1 - offsets[:-1], counts)
    columns = {spec.properties[0].name: Lists(numbers[place], offsets)}
    note = f"{misfit}: only the corners of its faces are read"
    return replace(_text_rows(spec, words, at, columns, starts), notes=(note,))
