"""Text tables that are a grid: every row holds x, y, z of one point after the other, as LMI's sensors export them."""

import re

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.cells import cells_of, value_of
from align3d_cli.io.organised import organised_cloud
from align3d_cli.io.source import Source, check_count
from align3d_cli.io.text import shown

ATTRIBUTES = re.compile(rb"^[^\n]*\bRow Count\b[^\n]*\bColumn Count\b[^\n]*$", re.MULTILINE)
SIZE = ("Row Count", "Column Count")
DAMAGED = "it is damaged, export it again"
CUT = "it is cut off or damaged, export it again"


def is_grid(text: bytes) -> bool:
    """Whether the table says how many rows and columns of points it has. Quick: most tables lack the words."""
    return b"Row Count" in text and ATTRIBUTES.search(text) is not None


def read_grid(source: Source, text: bytes) -> PointCloud:
    """Read LMI's section SurfacePointCloud: attributes, a line that numbers the columns, rows of x, y, z in mm.

    GoPxL manual, Replay Converter, CSV file format: offset and resolution are in the values already.
    Raises InputRejected.
    """
    found = ATTRIBUTES.search(text)
    if found is None:
        raise ValueError("not a grid; ask is_grid first")
    lines = text[found.start() :].decode("utf-8", errors="replace").splitlines()
    size = dict(zip(cells_of(lines[0]), cells_of(lines[1]) if len(lines) > 1 else (), strict=False))
    if not all(size.get(name, "").isascii() and size.get(name, "").isdigit() for name in SIZE):
        raise source.reject("states no count of rows and columns under 'Row Count' and 'Column Count'", DAMAGED)
    height, width = (int(size[name]) for name in SIZE)
    source.stream.seek(0)
    check_count(source, height * width, 2)
    return organised_cloud(source, _image(source, lines[2:], height, width), unit="mm")


def _image(source: Source, lines: list[str], height: int, width: int) -> np.ndarray:
    """(H, W, 3) float64, NaN where a cell is blank. The line above the rows may be missing."""
    end = next((i for i, line in enumerate(lines) if line.strip(" ,;\t") == "End"), len(lines))
    rows = [cells_of(line) for line in lines[:end] if line.strip()]
    numbered = bool(rows) and rows[0][: 3 * width] == [str(i) for i in range(3 * width)]
    rows = rows[1:] if numbered or len(rows) == height + 1 else rows
    wrong = [row for row in rows if len(row) < 3 * width or any(row[3 * width :])]
    if len(rows) != height or wrong:
        finding = f"promises {height} rows of {width} points x, y, z, has {len(rows) - len(wrong)} such rows"
        raise source.reject(finding, CUT)
    values = [value_of(cell) for row in rows for cell in row[: 3 * width]]
    if None in values:
        at = values.index(None)
        word = rows[at // (3 * width)][at % (3 * width)]
        raise source.reject(f"row {at // (3 * width) + 1} of points: '{shown(word)}' is not a number", DAMAGED)
    return np.array(values, np.float64).reshape(height, width, 3)
