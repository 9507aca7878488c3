"""Text tables of points: .xyz, .txt and .csv, separated by space, comma, semicolon or tab.

Tables of plain numbers go through numpy in one call; others are looked at cell by cell, see `table_cells`.
"""

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.column_names import parse_columns
from align3d_cli.io.columns import cloud_from_table
from align3d_cli.io.source import ReadOptions, Source, check_count
from align3d_cli.io.table_cells import cells_to_numbers
from align3d_cli.io.table_doubts import check_doubts
from align3d_cli.io.table_grid import is_grid, read_grid
from align3d_cli.io.table_header import read_table_header
from align3d_cli.io.table_rows import dialect_of, plain_rows
from align3d_cli.io.table_split import split_cells
from align3d_cli.io.text import plain_text

PADDING = b"\0\x1a"  # behind the text: a buffer written whole, the end of file of DOS
NO_BREAK_SPACE, MINUS = "\N{NO-BREAK SPACE}".encode(), "\N{MINUS SIGN}".encode()


def read_table(source: Source, options: ReadOptions) -> PointCloud:
    """Read rows of numbers, with or without column names above them. Raises InputRejected.

    Rows whose cells are blank or say that nothing was measured are kept, with NaN.
    """
    text = _text(source)
    if is_grid(text):
        return read_grid(source, text)
    told = parse_columns(options.columns) if options.columns else None
    header = read_table_header(source, text, told=told is not None)
    roles, rows = told or header.roles, text[header.end :]
    notes: tuple[str, ...] = ()
    source.stream.seek(0)
    check_count(source, rows.count(b"\n"), 0, what="rows")
    dialect = dialect_of(rows)
    check_doubts(source, rows, dialect, len(header.names))
    table = plain_rows(rows, dialect)
    if table is None:
        cells = split_cells(source, rows, dialect, header.lines, len(roles or ()))
        if told is None and _are_row_numbers(cells.row_numbers(), len(cells.columns), roles):
            cells = cells.without_first_column()
        table, notes = cells_to_numbers(source, cells, roles)
    elif told is None and _are_row_numbers(table[:, 0], table.shape[1], roles):
        table = table[:, 1:]
    return cloud_from_table(source, table, roles, unit=header.unit, notes=notes)


def _text(source: Source) -> bytes:
    """The file as UTF-8 with line feeds. Raises InputRejected for what is no text."""
    text = plain_text(source.read())
    if text.endswith((b"\0", b"\x1a")):
        text = text.rstrip(PADDING)
    if b"\0" in text[:4096]:
        raise source.reject("holds binary data, not text", "check the file's format, or name it with --input-format")
    if not text.isascii():
        text = text.replace(NO_BREAK_SPACE, b" ").replace(MINUS, b"-")
    return text if b"\n" in text else text.replace(b"\r", b"\n")


def _are_row_numbers(first: np.ndarray, width: int, roles: list[str] | None) -> bool:
    """Whether a column without name stands before the named ones, or before x y z, and counts the rows.

    first: (N,) values of the first column; width: of the table; roles: of the named columns
    """
    if len(first) < 3 or first[0] not in (0, 1) or (width < 4 if roles is None else width != len(roles) + 1):
        return False
    begin = int(first[0])
    return np.array_equal(first, np.arange(begin, begin + len(first)))
