"""Meshes in text and in STL's binary form."""

import struct

from .case import scan

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"
OFF = "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0.5\n3 0 1 2\n"
LOOP = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0.5\nendloop\nendfacet\n"
STL = f"solid a\n{LOOP}{LOOP.replace('0 0 0', '0 0 2')}endsolid a\n"


def binary(count: int, faces: int, value: float = 1.0) -> bytes:
    """A binary STL that counts and holds so many faces."""
    face = struct.pack("<12fH", 0, 0, 1, 0, 0, 0, value, 0, 0, 0, value, 0, 0)
    return b"stl".ljust(80) + struct.pack("<I", count) + face * faces


OBJ_CASES = {
    "binary": scan("a.obj", "v 0 0\0"),
    "nothing in it": scan("a.obj", "o nothing\n"),
    "vertex short": scan("a.obj", "v 0 0 0\nv 1 0\nv 0 1 0\n"),
    "last vertex short": scan("a.obj", "v 0 0 0\nv 1 0"),
    "decimal comma": scan("a.obj", TRIANGLE + "v 0,5 1 0\n"),
    "word": scan("a.obj", TRIANGLE + "v O.5 1 0\n"),
    "corner of words": scan("a.obj", TRIANGLE + "f 1/1 2/x 3/3\n"),
    "corner beyond all bounds": scan("a.obj", TRIANGLE + "f 1 2 99999999999999999999\n"),
    "corner of no vertex": scan("a.obj", TRIANGLE + "f 1 2 9\n"),
    "corner 0": scan("a.obj", TRIANGLE + "f 0 1 2\n"),
    "corner above the first": scan("a.obj", TRIANGLE + "f -4 -2 -1\n"),
    "no surface": scan("a.obj", TRIANGLE + "f 1 1 2\nf 1 2 2\nf 2 3 3\n"),
}
OFF_CASES = {
    "another file": scan("a.off", "hello\n"),
    "no counts": scan("a.off", "OFF\n"),
    "binary": scan("a.off", "OFF BINARY\n\0\0\0\5"),
    "of other dimensions": scan("a.off", "nOFF\n4\n5 5 0\n"),
    "promises too much": scan("a.off", OFF.replace("3 1 0", "1000000000000 1 0")),
    "promises more than the bytes": scan("a.off", OFF.replace("3 1 0", "900 900 0")),
    "rows missing": scan("a.off", OFF.replace("3 0 1 2\n", "")),
    "vertex short": scan("a.off", OFF.replace("1 0 0", "1 0", 1)),
    "decimal comma": scan("a.off", OFF.replace("0.5", "0,5")),
    "face of no vertex": scan("a.off", OFF.replace("3 0 1 2", "3 0 1 3")),
    "face of fewer corners": scan("a.off", OFF.replace("3 0 1 2", "4 0 1 2")),
}
STL_CASES = {
    "too few bytes": scan("a.stl", b"STL\0\1\2"),
    "cut": scan("a.stl", binary(3, 3)[:-20]),
    "promises too much": scan("a.stl", binary(4_000_000_000, 1)),
    "no faces": scan("a.stl", binary(0, 0)),
    "no faces in text": scan("a.stl", "solid empty\nendsolid empty\n"),
    "text of another kind": scan("a.stl", "<html><body>404</body></html>\n"),
    "no count": scan("a.stl", binary(0, 3)),
    "count too low": scan("a.stl", binary(2, 3)),
    "face short": scan("a.stl", STL.replace("vertex 1 0 0\n", "", 1)),
    "text cut": scan("a.stl", STL[:-60]),
    "text without end": scan("a.stl", STL.replace("endsolid a\n", "")),
    "decimal comma": scan("a.stl", STL.replace("0.5", "0,5")),
    "word": scan("a.stl", STL.replace("0.5", "O.5")),
    "no surface": scan("a.stl", binary(3, 3, 0.0)),
}
