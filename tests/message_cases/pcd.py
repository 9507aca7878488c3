"""PCD files: headers, text, binary, compressed."""

import struct

from .case import Case, scan

TEXT, BYTES = b"0 0 0.5\n4 5 6\n", bytes(24)


def pcd(body: bytes = TEXT, without: str = "", **lines: str) -> Case:
    """Read a file of two points of three floats in which some lines of the header are others, or one is missing."""
    entries = {"FIELDS": "x y z", "SIZE": "4 4 4", "TYPE": "F F F", "COUNT": "1 1 1", "WIDTH": "2", "HEIGHT": "1"}
    entries |= {"POINTS": "2", "DATA": "ascii"} | lines
    text = "".join(f"{key} {said}\n" for key, said in entries.items() if key != without)
    return scan("a.pcd", text.encode() + body)


def sizes(stored: int, decoded: int) -> bytes:
    """What compressed data begins with."""
    return struct.pack("<II", stored, decoded)


CASES = {
    "no DATA": pcd(without="DATA"),
    "another file": scan("a.pcd", "hello\n"),
    "no FIELDS": pcd(without="FIELDS"),
    "no SIZE": pcd(without="SIZE"),
    "no TYPE": pcd(without="TYPE"),
    "no size at all": pcd(without="WIDTH", **{"POINTS": ""}),
    "fewer types": pcd(TYPE="F F"),
    "unknown type": pcd(TYPE="F F Q"),
    "no z": pcd(FIELDS="x y w"),
    "z several times": pcd(FIELDS="x y z", COUNT="1 1 2"),
    "huge count": pcd(COUNT="1 1 9999"),
    "width of words": pcd(WIDTH="two"),
    "unknown form": pcd(DATA="morse"),
    "promises too much": pcd(WIDTH="1000000000000", POINTS="1000000000000"),
    "promises more than the bytes": pcd(BYTES, WIDTH="900", POINTS="900", DATA="binary"),
    "counts contradict": pcd(WIDTH="3"),
    "counts and data contradict": pcd(WIDTH="4", POINTS="5"),
    "field twice": pcd(b"0 0 0.5 1\n4 5 6 1\n", FIELDS="x y z z", SIZE="4 4 4 4", TYPE="F F F F", COUNT="1 1 1 1"),
    "word": pcd(b"0 0 0.5\n4 5 six\n"),
    "row short": pcd(b"0 0\n4 5 6\n"),
    "last row short": pcd(b"0 0 0.5\n4 5\n"),
    "rows missing": pcd(b"0 0 0.25\n"),
    "rows too many": pcd(TEXT + b"7 8 9\n"),
    "decimal commas": pcd(TEXT.replace(b".", b",")),
    "thousands points": pcd(TEXT.replace(b"0.5", b"1.234,5")),
    "one byte short": pcd(BYTES[1:], DATA="binary"),
    "compressed without sizes": pcd(b"\0\0\0", DATA="binary_compressed"),
    "compressed to another size": pcd(sizes(9, 25) + BYTES, DATA="binary_compressed"),
    "compressed and cut": pcd(sizes(99, 24) + BYTES, DATA="binary_compressed"),
    "compressed and damaged": pcd(sizes(4, 24) + b"\xff\xff\xff\xff", DATA="binary_compressed"),
    "compressed and short": pcd(sizes(4, 24) + b"\2abc", DATA="binary_compressed"),
}
