"""Rows of a text table whose cells are not all numbers: blanks, words for missing values, texts, quotes.

The standard library splits the rows; numpy.loadtxt and readers of its kind stop at the first blank or decimal comma.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from math import isnan, nan

import numpy as np

from align3d_cli.io.cells import is_number, shown, value_of
from align3d_cli.io.columns import ASK
from align3d_cli.io.source import Source
from align3d_cli.io.table_header import ROWS, is_comment
from align3d_cli.io.table_rows import Dialect

CELLS = "correct it, or leave the cell blank where nothing was measured"


@dataclass(frozen=True, slots=True)
class Rows:
    """cells: of every row, all of one width; lines: number of each row's line in the file, from 1."""

    cells: list[list[str]]
    lines: list[int]

    @property
    def width(self) -> int:
        return len(self.cells[0])

    def without_first_column(self) -> "Rows":
        """The rows without a column that only numbers them."""
        return Rows([row[1:] for row in self.cells], self.lines)


def split_rows(source: Source, text: bytes, dialect: Dialect, lines_before: int, named: int) -> Rows:
    """The cells of every row, rows of separators alone among them; lines that are empty or comments are no rows.

    named: columns that have a name, 0 if none has
    Raises InputRejected for rows with fewer or more cells than the first; blank ones at the end do not count.
    """
    cells, lines = _split(source, text.decode("utf-8", errors="replace"), dialect, lines_before)
    if not cells:
        raise source.reject("holds no rows of numbers", ROWS)
    width = _width(cells[0], named)
    for i, row in enumerate(cells):
        if len(row) < width or any(row[width:]):
            raise source.reject(f"line {lines[i]} has {len(row)} values, the first row has {width}", ROWS)
    return _without_blank_columns(Rows([row[:width] for row in cells], lines), named)


def _split(source: Source, text: str, dialect: Dialect, lines_before: int) -> tuple[list[list[str]], list[int]]:
    cells: list[list[str]] = []
    lines: list[int] = []
    if dialect.separator:
        reader = csv.reader(text.splitlines(), delimiter=dialect.separator, skipinitialspace=True)
        try:
            for row in reader:
                if row and not (len(row) == 1 and not row[0].strip()) and not is_comment(row[0]):
                    cells.append([cell.strip() for cell in row])
                    lines.append(reader.line_num + lines_before)
        except csv.Error as error:
            raise source.reject(f"line {reader.line_num + lines_before} is no row of a table", ROWS) from error
        return cells, lines
    for number, line in enumerate(text.splitlines(), lines_before + 1):
        row = [word.strip('"') for word in line.split()]
        if row and not is_comment(row[0]):
            cells.append(row)
            lines.append(number)
    return cells, lines


def _width(first: list[str], named: int) -> int:
    """Cells of the first row, without blank ones behind the last named column."""
    width = len(first)
    while named and width > named and not first[width - 1]:
        width -= 1
    return width


def _without_blank_columns(rows: Rows, named: int) -> Rows:
    """The rows without columns that are blank throughout, unless these have names; tabs that align leave such."""
    filled = [any(column) for column in zip(*rows.cells, strict=True)]
    if all(filled) or (named and sum(filled) != named):
        return rows
    keep = [i for i, full in enumerate(filled) if full]
    return Rows([[row[i] for i in keep] for row in rows.cells], rows.lines)


def cells_to_numbers(source: Source, rows: Rows, roles: list[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The (N, K) float64 table of the cells, NaN where nothing was measured, and what is doubtful about it.

    roles: of the columns; those without are not looked at and become NaN. None: columns without any number are left
    out, the others are all looked at.
    Raises InputRejected for a word that is neither a number nor a mark of no measurement. A word without digits
    that stands in several rows is such a mark, whatever it says.
    """
    columns: list[np.ndarray] = []
    marks: Counter[str] = Counter()
    for at, cells in enumerate(zip(*rows.cells, strict=True)):
        if roles is not None and not (at < len(roles) and roles[at]):
            columns.append(np.full(len(cells), nan))
        elif any(map(is_number, cells)):
            columns.append(_column(source, cells, rows.lines, marks))
        elif roles is not None and any(value is None or not isnan(value) for value in map(value_of, cells)):
            raise source.reject(f"column {at + 1} ('{shown(cells[0])}' ..) holds no numbers", ASK)
        elif roles is not None:
            columns.append(np.full(len(cells), nan))
    if not columns:
        raise source.reject("holds no rows of numbers", ROWS)
    return np.stack(columns, axis=1), _notes(marks)


def _column(source: Source, cells: tuple[str, ...], lines: list[int], marks: Counter[str]) -> np.ndarray:
    """(N,) float64; words taken as marks of no measurement are counted in `marks`."""
    values = [value_of(cell) for cell in cells]
    unknown = [i for i, value in enumerate(values) if value is None]
    found = Counter(cells[i] for i in unknown)
    for i in unknown:
        word = cells[i]
        if found[word] < 2 or any(letter.isdigit() for letter in word):
            raise source.reject(f"line {lines[i]}: '{shown(word)}' is not a number", CELLS)
    marks.update(found)
    return np.array([nan if value is None else value for value in values])


def _notes(marks: Counter[str]) -> tuple[str, ...]:
    if not marks:
        return ()
    words = ", ".join(f"'{shown(word)}'" for word in list(marks)[:3])
    return (f"{marks.total()} cells hold {words} where numbers should be: taken as not measured",)
