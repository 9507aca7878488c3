"""What stands above the rows of a text table: column names, units, comments, a count, a title."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from align3d_cli.io.cells import cells_of, is_number, value_of
from align3d_cli.io.column_names import POSITION, roles_of, unit_of_columns
from align3d_cli.io.source import Source
from align3d_cli.io.text import shown
from align3d_cli.io.units import unit_of_comment, unit_word

COMMENTS = ("#", "//", "%")
ROWS = "give plain rows of numbers, x y z first"
TALL = 100  # lines that may stand above the column names; reports of measuring programs have some thirty
COUNT = re.compile(r"\d+|sep=.")  # the number of points, as in .pts files; Excel's note of the separator
DIGIT = re.compile(r"\d")
SPACE_BRACKET = re.compile(r"\s+(?=[\[(])")  # "X (mm) Y (mm)" has two columns


@dataclass(frozen=True, slots=True)
class TableHeader:
    """names: of the columns, () without; unit: of length, or None; end: offset of the first row; lines: above it."""

    names: tuple[str, ...]
    unit: str | None
    end: int
    lines: int

    @property
    def roles(self) -> list[str] | None:
        """What each column is, None without names."""
        return roles_of(list(self.names)) or None


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    end: int

    @property
    def cells(self) -> list[str]:
        """The cells, of a comment those behind its mark."""
        return cells_of(SPACE_BRACKET.sub("", self.text.lstrip("#/% ")))

    @property
    def is_comment(self) -> bool:
        return is_comment(self.text)

    @property
    def says_nothing(self) -> bool:
        """Whether the line is empty, a comment or the number of points: above rows, but neither names nor a title."""
        return not self.text.strip() or self.is_comment or COUNT.fullmatch(self.text) is not None


def is_comment(text: str) -> bool:
    """Whether a line or its first cell begins a comment; "#N/A" does not."""
    return text.startswith(COMMENTS) and value_of(cells_of(text)[0]) is None


def read_table_header(source: Source, text: bytes, *, told: bool) -> TableHeader:
    """Find the first row and what the lines above it say.

    told: the caller names the columns, so that names which say nothing to us are passed over
    Raises InputRejected for column names without x, y and z, and for x, y and z in differing units.
    """
    lines = list(islice(_lines(text), TALL))
    at = next((i for i, line in enumerate(lines) if _names_points(line)), None)
    if at is None or any(_is_plain_row(line) for line in lines[:at]):
        return _without_names(source, lines, told)
    names = tuple(_without_blank_end(lines[at].cells))
    units = unit_of_columns(list(names))
    first = at + 1
    while first < len(lines) and _goes_before_rows(names, lines[first]):
        units = units or _units_row(names, lines[first].cells)
        first += 1
    if len(units) > 1:
        raise source.reject(f"its columns x, y, z are in {' and '.join(units)}", "save all three in one unit")
    return TableHeader(names, units[0] if units else _stated(lines[:first]), lines[first - 1].end, first)


def _lines(text: bytes) -> Iterator[_Line]:
    at = 0
    while at < len(text):
        end = text.find(b"\n", at) + 1 or len(text)
        yield _Line(text[at:end].decode("utf-8", errors="replace").strip(" \r\n"), end)
        at = end


def _names_points(line: _Line) -> bool:
    return set(POSITION) <= set(roles_of(line.cells))


def _is_row(cells: list[str]) -> bool:
    """Whether the cells are a point: three of them numbers or marks of no measurement, one at least a number."""
    values = sum(value_of(cell) is not None for cell in cells)
    return any(map(is_number, cells)) and (values >= 3 or values == len(cells) > 1)


def _is_plain_row(line: _Line) -> bool:
    """Whether the line is three or more numbers and nothing else: names below it are not of this table."""
    return not line.is_comment and len(line.cells) >= 3 and all(map(is_number, line.cells))


def _goes_before_rows(names: tuple[str, ...], line: _Line) -> bool:
    """Whether a line below the names is no row: empty, a comment, a count, or words under x, y, z, such as units."""
    if line.says_nothing:
        return True
    below = [cell for cell, role in zip(line.cells, roles_of(list(names)), strict=False) if role in POSITION]
    return len(below) == 3 and all(value_of(cell) is None and not DIGIT.search(cell) for cell in below)


def _units_row(names: tuple[str, ...], cells: list[str]) -> tuple[str, ...]:
    roles = roles_of(list(names))
    units = (unit_word(cell) for cell, role in zip(cells, roles, strict=False) if role in POSITION)
    return tuple(dict.fromkeys(unit for unit in units if unit))


def _stated(lines: list[_Line]) -> str | None:
    """The unit a comment states."""
    units = (unit_of_comment(line.text) for line in lines if line.is_comment)
    return next((unit for unit in units if unit), None)


def _without_blank_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


def _without_names(source: Source, lines: list[_Line], told: bool) -> TableHeader:
    """A table that begins with its rows, or with a title; columns of unknown names are refused unless the caller
    says what they are."""
    first = 0
    while first < len(lines) and not _begins(lines[first]):
        first += 1
    if first == len(lines):
        said = next((i for i, line in enumerate(lines) if not line.says_nothing), None)
        finding = "holds no rows" if said is None else f"line {said + 1} '{shown(lines[said].text)}' is no row"
        raise source.reject(f"{finding} of numbers", ROWS)
    titles = [line for line in lines[:first] if not line.says_nothing]
    unknown = next((line for line in titles if len(line.cells) == len(lines[first].cells)), None)
    if unknown and not told:
        finding = f"line {lines.index(unknown) + 1} names columns '{shown(unknown.text)}', not x, y and z"
        raise source.reject(finding, "say which they are with --columns, e.g. x,y,z or -,x,y,z")
    return TableHeader((), _stated(lines[:first]), lines[first - 1].end if first else 0, first)


def _begins(line: _Line) -> bool:
    if line.says_nothing:
        return False
    return _is_row(line.cells) or (len(line.cells) > 1 and not any(line.cells))  # an empty row is one all the same
