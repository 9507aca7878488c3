"""PLY files: headers, text, binary rows, faces."""

import struct

import numpy as np

from .case import scan

XYZ = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], "<f4")
ROWS = "0 0 0.5\n1 0 0\n0 1 0\n0 0 1\n"
FACES = "element face 2\nproperty list uchar int vertex_indices\n"
CORNERS = "3 0 1 2\n3 0 2 3\n"
BINARY = "binary_little_endian"


def head(encoding: str = "ascii", count: object = 4, more: str = "", properties: str = "x y z") -> str:
    """A header of float vertices, and whatever stands behind them."""
    lines = "".join(f"property float {name}\n" for name in properties.split())
    return f"ply\nformat {encoding} 1.0\nelement vertex {count}\n{lines}{more}end_header\n"


def binary(more: str, behind: bytes, count: object = 4) -> bytes:
    """A binary file of XYZ, then an element."""
    return head(BINARY, count, more).encode() + XYZ.tobytes() + behind


LISTS = FACES.replace("uchar", "int")
CASES = {
    "another file": scan("a.ply", "PLYX"),
    "no end_header": scan("a.ply", head().replace("end_header\n", "")),
    "unknown encoding": scan("a.ply", head("morse")),
    "no format": scan("a.ply", head().replace("format ascii 1.0\n", "")),
    "line without keyword": scan("a.ply", head().replace("element", "Created by Tool 2.4\nelement")),
    "count of words": scan("a.ply", head(count="many")),
    "unknown type": scan("a.ply", head().replace("float x", "real x")),
    "property above the first element": scan("a.ply", head().replace("element vertex 4\n", "")),
    "element without properties": scan("a.ply", head(properties="")),
    "negative count": scan("a.ply", head(count=-5) + ROWS),
    "promises too much": scan("a.ply", head(count=10**12) + ROWS),
    "promises more than the bytes": scan("a.ply", head(BINARY, 900).encode() + XYZ.tobytes()),
    "promises more than all bytes": scan(
        "a.ply", head(BINARY).replace("element", "element camera 2\nproperty double at\nelement").encode() + bytes(50)
    ),
    "no x": scan("a.ply", head(properties="u v", more="element camera 1\nproperty int id\n") + ROWS),
    "no element": scan("a.ply", "ply\nformat ascii 1.0\nend_header\n"),
    "packed splat": scan("a.ply", head(properties="packed_position packed_color") + ROWS),
    "word": scan("a.ply", head() + ROWS.replace("0.5", "O.5")),
    "word, broken rows": scan("a.ply", head() + ROWS.replace("\n1 0 0", "\n1\n0 x")),
    "row short": scan("a.ply", head() + ROWS.replace("1 0 0", "1 0")),
    "row long": scan("a.ply", head() + ROWS.replace("1 0 0", "1 0 0 0")),
    "last row short": scan("a.ply", head() + ROWS[:-3]),
    "rows missing": scan("a.ply", head() + ROWS[:-6]),
    "thousands points": scan("a.ply", head() + ROWS.replace("0.5", "1.234,5")),
    "decimal commas": scan("a.ply", head() + ROWS.replace(".", ",")),
    "commas between": scan("a.ply", head() + ROWS.replace(" ", ", ")),
    "rows broken, words missing": scan("a.ply", head() + "0.25 0.25\n0.25 0.25 0.25 0.25\n0.25 0.25 0.25 0.25 0.25\n"),
    "rows broken, words left over": scan("a.ply", head() + ROWS.replace("0 0.5", "0\n0.5") + "9\n"),
    "words left over": scan("a.ply", head() + ROWS + "7 8 9\n"),
    "bytes left over": scan("a.ply", binary("", b"more")),
    "property twice": scan("a.ply", head(properties="x y z q q") + "0 0 0 1 2\n" * 4),
    "list of no length": scan("a.ply", head(more=FACES) + ROWS + CORNERS.replace("3 0 1 2", "-3 0 1 2")),
    "list of half": scan("a.ply", head(more=FACES) + ROWS + CORNERS.replace("3 0 1 2", "0.5 0 1 2")),
    "face row long": scan("a.ply", head(more=FACES) + ROWS + CORNERS.replace("3 0 2 3", "3 0 2 3 3")),
    "all face rows long": scan("a.ply", head(more=FACES) + ROWS + CORNERS.replace("\n", " 9 9\n")),
    "face rows missing": scan("a.ply", head(more=FACES) + ROWS + CORNERS[:8]),
    "face rows missing, rows broken": scan("a.ply", head(more=FACES) + ROWS.replace(" ", "\n") + CORNERS[:-4]),
    "face row short, rows broken": scan("a.ply", head(more=FACES) + ROWS.replace("0.5\n", "0.5 ") + CORNERS + "1 1\n"),
    "binary list too long": scan("a.ply", binary(LISTS, struct.pack("<i", 2_000_000_000))),
    "binary list negative": scan("a.ply", binary(LISTS, struct.pack("<i", -4))),
    "binary faces cut": scan("a.ply", binary(FACES, struct.pack("<B3iB", 3, 0, 1, 2, 3))),
    "binary faces cut, no sense": scan("a.ply", binary(FACES, struct.pack("<B3iB", 3, 0, 1, 99, 3))),
    "binary lists cut above the points": scan(
        "a.ply",
        head(BINARY).replace("element", "element q 3\nproperty list uchar double at\nelement").encode()
        + b"\1"
        + bytes(8)
        + b"\xf0"
        + bytes(45),
    ),
    "face of no vertex": scan("a.ply", binary(FACES, struct.pack("<B3iB3i", 3, 0, 1, 2, 3, 0, 2, 4))),
    "face of a negative vertex": scan("a.ply", binary(FACES, struct.pack("<B3iB3i", 3, 0, 1, 2, 3, 0, 2, -4))),
    "no surface": scan("a.ply", binary(FACES, struct.pack("<B3iB3i", 3, 0, 0, 0, 3, 1, 1, 1))),
}
