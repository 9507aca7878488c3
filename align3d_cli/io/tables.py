"""Text tables of points: .xyz, .txt and .csv, separated by space, comma, semicolon or tab."""

import re

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.columns import cloud_from_table, parse_columns, roles_of
from align3d_cli.io.ply_header import unit_of_comment
from align3d_cli.io.source import ReadOptions, Source, check_count
from align3d_cli.io.text import parse_numbers, words_per_line

COMMENTS = (b"#", b"//", b"%")
FIRST_ROW = re.compile(rb"^.*\d.*$", re.MULTILINE)
EMPTY_ROW = re.compile(rb"^[ \t]*[,;][,; \t]*(?=\r?$)", re.MULTILINE)  # separators and nothing between them
DECIMAL_COMMA = re.compile(rb"nan|[+-]?\d+(,\d+)?(e[+-]?\d+)?", re.IGNORECASE)  # at most one, between digits
SEPARATORS = bytes.maketrans(b",;\t", b"   ")
DECIMAL_COMMAS = bytes.maketrans(b",;\t", b".  ")
STEP = "give plain rows of numbers, x y z first"


def read_table(source: Source, options: ReadOptions) -> PointCloud:
    """Read rows of numbers, with or without a header line of column names. Raises InputRejected."""
    if b"\0" in source.head(4096):
        raise source.reject("holds binary data, not text", "check the file's format, or name it with --input-format")
    text = source.read().removeprefix(b"\xef\xbb\xbf")
    roles, unit, text, skipped = _split_header(text)
    text = _spaced(text)
    if options.columns:
        roles = parse_columns(options.columns)
    table = _numbers(source, text, skipped)
    return cloud_from_table(source, table, roles, unit=unit)


def _split_header(text: bytes) -> tuple[list[str] | None, str | None, bytes, int]:
    """Roles the leading lines name (or None), the unit they state, the rows, and how many lines went before them."""
    roles, unit, at, lines = None, None, 0, 0
    while at < len(text):
        end = text.find(b"\n", at) + 1 or len(text)
        line = text[at:end].strip()
        named = roles_of(_words(line.lstrip(b"#/% ").decode("latin-1")))
        if {"x", "y", "z"} <= set(named):
            roles = named
        elif line.startswith(COMMENTS):
            unit = unit or unit_of_comment(line.decode("latin-1"))
        elif line and not (lines == 0 and line.isdigit()):  # a .pts file begins with the number of points
            break
        at, lines = end, lines + 1
    return roles, unit, text[at:], lines


def _words(line: str) -> list[str]:
    for separator in ";,\t":
        if separator in line:
            return [word.strip(' "') for word in line.split(separator)]
    return line.split()


def _spaced(text: bytes) -> bytes:
    """The rows separated by spaces, NaN in empty ones; where something else separates, a comma is decimal."""
    found = FIRST_ROW.search(text)
    first = found[0] if found else b""
    words = first.replace(b";", b" ").split()
    decimal = b"," in first and len(words) >= 3 and all(DECIMAL_COMMA.fullmatch(word) for word in words)
    table = DECIMAL_COMMAS if decimal else SEPARATORS
    if found and (b",," in text or b";;" in text):
        width = len(first.translate(table).split())
        text = EMPTY_ROW.sub(b" ".join([b"nan"] * width), text)
    return text.translate(table)


def _numbers(source: Source, text: bytes, skipped: int) -> np.ndarray:
    """(N, K) float64, after checking that every row has as many numbers as the first."""
    widths = words_per_line(text)
    rows = np.flatnonzero(widths)
    if not len(rows):
        raise source.reject("holds no rows of numbers", STEP)
    source.stream.seek(0)
    check_count(source, len(rows), 0, what="rows")
    width = widths[rows[0]]
    wrong = rows[widths[rows] != width]
    if len(wrong):
        at = wrong[0]
        raise source.reject(f"line {at + skipped + 1} has {widths[at]} values, the first row has {width}", STEP)
    try:
        return parse_numbers(text).reshape(len(rows), width)
    except ValueError as error:
        raise source.reject(f"line {_first_bad_line(text) + skipped + 1} is not all numbers", STEP) from error


def _first_bad_line(text: bytes) -> int:
    for number, line in enumerate(text.splitlines()):
        try:
            parse_numbers(line)
        except ValueError:
            return number
    return 0
