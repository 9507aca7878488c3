"""Points and commas that may mean two things: thousands or fractions, the next cell or the rest of this one."""

import re
from itertools import islice, zip_longest

from align3d_cli.io.cells import is_number
from align3d_cli.io.source import Source
from align3d_cli.io.table_rows import Dialect
from align3d_cli.io.text import shown

UNGROUP = "save it without thousands separators"
LOOKED_AT = 200  # rows; fractions of other lengths show within a few
ENOUGH = 50  # fractions of exactly three digits, none of which ends in 0: by chance one file in two hundred
DIFFERENT = 5  # values below a thousand; fewer can be marks of no measurement among fractions
WITH_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
BELOW_THOUSAND = re.compile(r"[+-]?\d{1,3}")


def check_doubts(source: Source, rows: bytes, dialect: Dialect, named: int) -> None:
    """Raise InputRejected where the first rows show that numbers would be read as other ones.

    named: columns that have a name, 0 if none has
    """
    lines = islice((line for line in rows.split(b"\n", LOOKED_AT) if line.strip()), LOOKED_AT)
    cells = [line.decode("utf-8", errors="replace").split(dialect.separator or None) for line in lines]
    columns = [[cell.strip(' "\r') for cell in column] for column in zip_longest(*cells, fillvalue="")]
    if dialect.separator == "," and _are_halves(columns, named):
        finding = "commas stand between its numbers and within them"
        raise source.reject(finding, "save it with decimal points, or with semicolons between the numbers")
    for column in columns:
        _check_groups(source, column, "," if dialect.decimal_comma else ".")


def _are_halves(columns: list[list[str]], named: int) -> bool:
    """Whether every other column holds fractions: digits alone, equally many in each cell, 0 the first of some."""
    if len(columns) % 2 or len(columns) < 6 or (named and len(columns) != 2 * named):
        return False
    return all(
        all(cell.isdecimal() for cell in column)
        and len(set(map(len, column))) == 1
        and any(len(cell) > 1 and cell[0] == "0" for cell in column)
        for column in columns[1::2]
    )


def _check_groups(source: Source, column: list[str], mark: str) -> None:
    """Raise InputRejected where a column has thousands separators as far as anyone can tell.

    Its cells have either one to three digits, or three more behind a separator, and of these some end in 0: who writes
    fractions leaves that out, or writes them in every cell.
    """
    numbers = [cell for cell in column if is_number(cell)]
    grouped = [cell for cell in numbers if mark in cell]
    others = {cell for cell in numbers if mark not in cell}
    told = len(grouped) >= ENOUGH or any(cell.endswith("0") for cell in grouped)
    if not told or len(others) < DIFFERENT:
        return
    if all(map(WITH_GROUP.fullmatch, grouped)) and all(map(BELOW_THOUSAND.fullmatch, others)):
        raise source.reject(f"'{shown(grouped[0])}' and the like are thousands or fractions", UNGROUP)
