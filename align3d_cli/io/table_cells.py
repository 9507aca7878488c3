"""Cells of a text table as numbers: blanks and words for missing values are NaN, texts are passed over."""

import re
from collections import Counter
from math import isnan, nan

import numpy as np

from align3d_cli.io.cells import is_number, value_of
from align3d_cli.io.columns import ASK
from align3d_cli.io.source import Source
from align3d_cli.io.table_doubts import UNGROUP
from align3d_cli.io.table_header import ROWS
from align3d_cli.io.table_split import Cells
from align3d_cli.io.text import counted, numbers_or_none, shown

STEP = "mend it, or leave the cell blank where nothing was measured"

GROUPED = re.compile(r"[+-]?\d{1,3}(?:([.,' ])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")


def cells_to_numbers(source: Source, table: Cells, roles: list[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The (N, K) float64 of the cells, NaN where nothing was measured, and what is doubtful about it.

    roles: of the columns; those without are not looked at and become NaN. None: columns without any number are left
    out, the others are all looked at.
    Raises InputRejected for a word that is neither a number nor a mark of no measurement. A word without digits
    that stands in several rows is such a mark, whatever it says.
    """
    columns: list[np.ndarray] = []
    marks: Counter[str] = Counter()
    for at, cells in enumerate(table.columns):
        if roles is not None and not (at < len(roles) and roles[at]):
            columns.append(np.full(len(cells), nan))
        elif any(map(is_number, cells)):
            columns.append(_column(source, cells, table.lines, marks))
        elif roles is not None and any(value is None or not isnan(value) for value in map(value_of, cells)):
            step = UNGROUP if GROUPED.fullmatch(cells[0]) else ASK
            raise source.reject(f"column {at + 1} ('{shown(cells[0])}' ..) holds no numbers", step)
        elif roles is not None:
            columns.append(np.full(len(cells), nan))
    if not columns:
        raise source.reject("holds no rows of numbers", ROWS)
    return np.stack(columns, axis=1), _notes(marks, table.short)


def _column(source: Source, cells: list[str], lines: list[int], marks: Counter[str]) -> np.ndarray:
    """(N,) float64; words taken as marks of no measurement are counted in `marks`."""
    numbers = numbers_or_none("\n".join([cell or "nan" for cell in cells]).encode())  # ten times as fast as one by one
    if numbers is not None and len(numbers) == len(cells):  # else a cell has a space within
        return numbers
    values = [value_of(cell) for cell in cells]
    unknown = [i for i, value in enumerate(values) if value is None]
    found = Counter(cells[i] for i in unknown)
    for i in unknown:
        word = cells[i]
        if found[word] < 2 or any(letter.isdigit() for letter in word):
            step = UNGROUP if GROUPED.fullmatch(word) else STEP
            raise source.reject(f"line {lines[i]}: '{shown(word)}' is not a number", step)
    marks.update(found)
    return np.array([nan if value is None else value for value in values])


def _notes(marks: Counter[str], short: int) -> tuple[str, ...]:
    notes = []
    if marks:
        words = ", ".join(f"'{shown(word)}'" for word in list(marks)[:3])
        notes.append(f"{marks.total()} cells hold {words} where numbers should be: taken as not measured")
    if short:
        verb = "is" if short == 1 else "are"
        finding = f"{counted(short, 'row')} {verb} shorter than the others"
        notes.append(f"{finding}: the missing cells are taken as not measured")
    return tuple(notes)
