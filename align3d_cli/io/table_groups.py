"""Whole numbers with thousands separators, which read as small fractions: 12.345 for 12345."""

import re
from itertools import islice, zip_longest

from align3d_cli.io.cells import is_number
from align3d_cli.io.source import Source
from align3d_cli.io.table_rows import Dialect
from align3d_cli.io.text import shown

STEP = "save it without thousands separators"
LOOKED_AT = 200  # rows; fractions of other lengths show within a few
ENOUGH = 50  # fractions of exactly three digits, none of which ends in 0: by chance one file in two hundred
DIFFERENT = 5  # values below a thousand; fewer can be marks of no measurement among fractions
WITH_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
BELOW_THOUSAND = re.compile(r"[+-]?\d{1,3}")


def check_groups(source: Source, rows: bytes, dialect: Dialect) -> None:
    """Raise InputRejected where a column has thousands separators as far as anyone can tell.

    Its cells have either one to three digits, or three more behind a separator, and of these some end in 0: who writes
    fractions leaves that out, or writes them in every cell.
    """
    mark = "," if dialect.decimal_comma else "."
    lines = islice((line for line in rows.split(b"\n", LOOKED_AT) if line.strip()), LOOKED_AT)
    cells = [line.decode("utf-8", errors="replace").split(dialect.separator or None) for line in lines]
    for column in zip_longest(*cells, fillvalue=""):
        numbers = [cell for cell in (cell.strip(' "\r') for cell in column) if is_number(cell)]
        fractions = [cell for cell in numbers if mark in cell]
        if _are_groups(fractions, {cell for cell in numbers if mark not in cell}):
            raise source.reject(f"'{shown(fractions[0])}' and the like are thousands or fractions", STEP)


def _are_groups(fractions: list[str], others: set[str]) -> bool:
    told = len(fractions) >= ENOUGH or any(cell.endswith("0") for cell in fractions)
    if not told or len(others) < DIFFERENT:
        return False
    return all(map(WITH_GROUP.fullmatch, fractions)) and all(map(BELOW_THOUSAND.fullmatch, others))
