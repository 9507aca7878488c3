"""The rows of a text table as numbers, at numpy's speed where every cell holds one."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from align3d_cli.io.cells import DECIMAL_COMMA, has_decimal_commas
from align3d_cli.io.text import numbers_or_none, words_per_line

SEPARATORS = bytes.maketrans(b",;\t", b"   ")
DECIMAL_COMMAS = bytes.maketrans(b",;\t", b".  ")
SEMICOLONS = bytes.maketrans(b";\t", b"  ")  # between these a comma is decimal or a mistake, as in 1.234,5
TELLING = 50  # lines with a comma that show what commas are; the first rows are often all whole numbers or zeros


@dataclass(frozen=True, slots=True)
class Dialect:
    """separator: between cells, "" for white space; decimal_comma: a comma stands for the decimal point."""

    separator: str
    decimal_comma: bool = False


def dialect_of(rows: bytes) -> Dialect:
    """What separates the cells and what commas are, from the first row and from the first ones with a comma."""
    first = next((line for line in _lines_with(b"\n", rows) if line.strip()), "")
    separator = next((s for s in ";\t," if first.count(s) >= 2), "")
    with_comma = list(islice(_lines_with(b",", rows), TELLING))
    if separator in (";", "\t"):
        return Dialect(separator, _are_decimal([cell for line in with_comma for cell in line.split(separator)]))
    if with_comma and all(has_decimal_commas(line) for line in with_comma):
        return Dialect("", decimal_comma=True)
    return Dialect("," if with_comma else "")


def _lines_with(mark: bytes, text: bytes) -> Iterator[str]:
    """The lines that hold the mark, stripped."""
    at = text.find(mark)
    while at >= 0:
        start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
        yield text[start : end if end >= 0 else len(text)].decode("utf-8", errors="replace").strip(" \r\n")
        at = text.find(mark, end + 1) if end >= 0 else -1
    if mark == b"\n" and not text.endswith(b"\n"):
        yield text[text.rfind(b"\n") + 1 :].decode("utf-8", errors="replace").strip(" \r\n")


def _are_decimal(cells: list[str]) -> bool:
    """Whether the commas in numbers stand for points; commas in words do not matter."""
    bare = [cell.strip(' "') for cell in cells if "," in cell]
    numeric = [cell for cell in bare if not cell.strip("+-.,eE0123456789")]
    return bool(numeric) and all(DECIMAL_COMMA.fullmatch(cell) for cell in numeric)


def plain_rows(rows: bytes, dialect: Dialect) -> np.ndarray | None:
    """(N, K) float64 of rows that are numbers throughout, equally many in each; None when any cell needs a look."""
    spaced = rows.translate(_translation(dialect))
    widths = words_per_line(spaced)
    widths = widths[widths > 0]
    if not len(widths) or (widths != widths[0]).any() or _hides_blanks(rows, dialect, len(widths), int(widths[0])):
        return None
    numbers = numbers_or_none(spaced)
    return None if numbers is None else numbers.reshape(len(widths), widths[0])


def _translation(dialect: Dialect) -> bytes:
    if dialect.decimal_comma:
        return DECIMAL_COMMAS
    return SEMICOLONS if dialect.separator == ";" else SEPARATORS


def _hides_blanks(rows: bytes, dialect: Dialect, count: int, width: int) -> bool:
    """Whether there are more separators than go between the numbers and at the end of every row: blank cells."""
    if not dialect.separator:
        return False
    separator = dialect.separator.encode()
    surplus = rows.count(separator) - count * (width - 1)
    at_end = rows.count(separator + b"\n") + rows.count(separator + b"\r\n") + rows.endswith(separator)
    return 2 * separator in rows or (surplus > 0 and not surplus == at_end == count)
