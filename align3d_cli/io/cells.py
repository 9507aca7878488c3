"""One cell of a text table: a number in some spelling, a mark of no measurement, or a word."""

import re
from math import inf, nan

NO_VALUE = re.compile(  # spreadsheets, statistics programs and profilometers, for "nothing was measured here"
    r"[-*?._]*|#?n/?a!?|#(?:value|ref|num|div/0)!|-?nan(?:\(\w+\))?|null|none|nil|void|missing|invalid|bad|error|"
    r"no[ _]?data|over(?:flow|range)?|under(?:flow|range)?|out[ _]of[ _]range|blank|empty",
    re.IGNORECASE,
)
MICROSOFT = re.compile(r"([+-]?)\d[.,]#(INF\d*|J)?\w*")  # "-1.#IND", "1.#INF"
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d+)?", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[ed][+-]?\d+)?|[+-]?inf(?:inity)?", re.IGNORECASE)


def value_of(cell: str) -> float | None:
    """The number in a cell, with a decimal point or comma; NaN where nothing was measured; None for other words."""
    if NUMBER.fullmatch(cell):
        return float(cell.lower().replace(",", ".").replace("d", "e"))  # Fortran writes 1.5D+03
    if NO_VALUE.fullmatch(cell):
        return nan
    if found := MICROSOFT.fullmatch(cell):
        return float(f"{found[1]}{inf}") if found[2] else nan
    return None


def is_number(cell: str) -> bool:
    """Whether the cell holds a number, not a mark of no measurement."""
    return NUMBER.fullmatch(cell) is not None


def has_decimal_commas(line: str) -> bool:
    """Whether the commas of a line are decimal ones in a row of cells that white space separates."""
    words = [word.strip('"') for word in line.split()]
    if any("," in word and (word[0] == "," or not DECIMAL_COMMA.fullmatch(word)) for word in words):
        return False
    return "," in line and sum(value_of(word) is not None for word in words) >= 3


def cells_of(line: str) -> list[str]:
    """The cells of a line that is looked at alone: split at semicolons, else tabs, else commas, else white space."""
    separator = next((s for s in ";\t," if s in line.strip()), None)
    if separator is None or (separator == "," and has_decimal_commas(line)):
        return [cell.strip('"') for cell in line.split()]
    return [cell.strip(' "') for cell in line.split(separator)]
