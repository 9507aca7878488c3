"""The cells of a text table, column by column, where not all of them are numbers.

The standard library splits the rows; numpy.loadtxt and readers of its kind stop at the first blank or decimal comma.
"""

import csv
from dataclasses import dataclass, replace
from itertools import islice
from math import nan

import numpy as np

from align3d_cli.io.source import Source
from align3d_cli.io.table_header import COMMENTS, ROWS, is_comment
from align3d_cli.io.table_rows import Dialect
from align3d_cli.io.text import counted


@dataclass(frozen=True, slots=True)
class Cells:
    """columns: K lists of N cells without the blanks around them; lines: number of each row's line, from 1;
    short: rows that end before the last column, their missing cells blank."""

    columns: list[list[str]]
    lines: list[int]
    short: int = 0

    def row_numbers(self) -> np.ndarray:
        """(N,) float64 of the first column where it holds whole numbers without sign, else NaN."""
        first = self.columns[0] if self.columns else []
        return np.array([float(cell) if cell.isdecimal() else nan for cell in first])

    def without_first_column(self) -> "Cells":
        """The cells without a column that only numbers the rows."""
        return replace(self, columns=self.columns[1:])


def split_cells(source: Source, text: bytes, dialect: Dialect, lines_before: int, named: int) -> Cells:
    """The cells of every row, rows of separators alone among them; lines that are empty or comments are no rows.

    named: columns that have a name, 0 if none has
    Blank cells may be missing at the end of a row, as spreadsheets leave them out, where something but white space
    separates. Raises InputRejected for other rows with fewer or more cells than the first, and for a last line cut off.
    """
    lines = text.replace(b"\r\n", b"\n").decode("utf-8", errors="replace").split("\n")
    numbers = [i for i, line in enumerate(lines, lines_before + 1) if line.strip(" \r")]
    short = 0
    columns = _alike(text, [line for line in lines if line.strip(" \r")], dialect)
    if columns is None:
        rows, numbers = _one_by_one(source, lines, dialect, lines_before)
        width = _width(rows, named)
        whole = rows if text.endswith(b"\n") else rows[:-1]  # a last row without line end may be cut off
        short = _fill(whole, width) if dialect.separator else 0
        columns = _columns(source, rows, numbers, width)
    return Cells(_without_blank_columns(columns, named), numbers, short)


def _alike(text: bytes, rows: list[str], dialect: Dialect) -> list[list[str]] | None:
    """The columns of rows with equally many separators and nothing special in them, all split in one go, or None."""
    separator = dialect.separator
    if not separator or not rows or any(mark in text for mark in (b'"', *map(str.encode, COMMENTS))):
        return None
    count = rows[0].count(separator)
    if any(row.count(separator) != count for row in rows):
        return None
    cells = separator.join(rows).split(separator)
    if b" " in text:
        cells = [cell.strip() for cell in cells]
    return [cells[at :: count + 1] for at in range(count + 1)]


def _one_by_one(
    source: Source, lines: list[str], dialect: Dialect, lines_before: int
) -> tuple[list[list[str]], list[int]]:
    """The cells of each row, and the number of its line."""
    rows: list[list[str]] = []
    numbers: list[int] = []
    reader = csv.reader(lines, delimiter=dialect.separator or " ", skipinitialspace=True)
    split = reader if dialect.separator else ([word.strip('"') for word in line.split()] for line in lines)
    try:
        for at, row in enumerate(split, 1):
            if len(row) == 1 and dialect.separator:  # quotes about the whole row
                row = row[0].split(dialect.separator)
            if not is_comment(row[0]) if any(row) else len(row) >= 3:
                rows.append([cell.strip() for cell in row])
                numbers.append(lines_before + (reader.line_num if dialect.separator else at))
    except csv.Error as error:
        raise source.reject(f"line {lines_before + reader.line_num} is no row of a table", ROWS) from error
    return rows, numbers


def _width(rows: list[list[str]], named: int) -> int:
    """Cells of the first row, or of the names above it; blank ones behind the last name do not count."""
    width = len(rows[0]) if rows else 0
    while named and width > named and not rows[0][width - 1]:
        width -= 1
    return max(width, min(named, max(map(len, rows), default=0)))


def _fill(rows: list[list[str]], width: int) -> int:
    """Add blank cells to the rows of two cells and more that lack some at the end; how many these are."""
    short = [row for row in rows if 2 <= len(row) < width]
    for row in short:
        row += [""] * (width - len(row))
    return len(short)


def _columns(source: Source, rows: list[list[str]], numbers: list[int], width: int) -> list[list[str]]:
    if not rows:
        raise source.reject("holds no rows of numbers", ROWS)
    for number, row in zip(numbers, rows, strict=True):
        if len(row) < width or any(islice(row, width, None)):
            raise source.reject(f"line {number} has {counted(len(row), 'value')}, {width} are expected", ROWS)
    return [[row[at] for row in rows] for at in range(width)]


def _without_blank_columns(columns: list[list[str]], named: int) -> list[list[str]]:
    """The columns without those that are blank throughout, unless these have names; tabs that align leave such."""
    filled = [column for column in columns if any(column)]
    return columns if named and len(filled) != named else filled
