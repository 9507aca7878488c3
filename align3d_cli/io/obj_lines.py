"""The lines of an OBJ file by their first word."""

import re
from dataclasses import dataclass

import numpy as np

from align3d_cli.io.mesh_text import COMMENT
from align3d_cli.io.text import BLANK, line_starts

JOINED = b"\v"  # stands where a line was continued: white space to every reader, and it keeps the line count
NUMERIC = ("v", "vt", "f")


@dataclass(frozen=True, slots=True)
class ObjLines:
    """text: continued lines joined, indentation gone, keywords of NUMERIC lines blanked; starts: (L + 1,) offsets.

    rows: keyword -> (K,) int, the lines that begin with it, in file order
    """

    text: bytes
    starts: np.ndarray
    rows: dict[str, np.ndarray]

    def text_of(self, keyword: str) -> bytes:
        """The lines of a keyword, each without the keyword and its comment, one after the other."""
        rows = self.rows[keyword]
        if not len(rows):
            return b""
        breaks = np.flatnonzero(np.diff(rows) != 1)
        first = rows[np.concatenate([[0], breaks + 1])]
        last = rows[np.concatenate([breaks, [len(rows) - 1]])]
        text, ends = self.text, self.starts[last + 1].tolist()
        text = b"".join([text[a:b] for a, b in zip(self.starts[first].tolist(), ends, strict=True)])
        return COMMENT.sub(b"", text) if b"#" in text else text

    def number_of(self, keyword: str, row: int) -> int:
        """The number in the file, from 1, of the row-th line of a keyword."""
        line = int(self.rows[keyword][row])
        return line + 1 + self.text.count(JOINED, 0, int(self.starts[line]))

    def named(self, keyword: str) -> list[tuple[int, str]]:
        """Line and the words behind the keyword, of every line that begins with it."""
        texts = [(int(i), self.text[self.starts[i] : self.starts[i + 1]]) for i in self.rows[keyword]]
        return [(i, text.decode(errors="replace").strip()[len(keyword) :].strip()) for i, text in texts]


def split_lines(text: bytes) -> ObjLines:
    """The lines of UTF-8 text with line ends of any system."""
    text = text if b"\n" in text else text.replace(b"\r", b"\n")
    if b"\\" in text:  # a backslash at the end continues a line, but not a comment with a path in it
        text = re.sub(rb"#[^\n]*|\\[ \t\r]*\n", lambda found: found[0] if found[0][:1] == b"#" else JOINED, text)
    if re.match(rb"[ \t]", text) or b"\n " in text or b"\n\t" in text:
        text = re.sub(rb"(?m)^[ \t]+", b"", text)
    text = text if text.endswith(b"\n") else text + b"\n"
    starts = line_starts(text)
    byte = np.frombuffer(bytearray(text + b"\n\n"), np.uint8)  # two more, so that every line has a third letter
    rows = {keyword: _lines_with(byte, starts[:-1], keyword) for keyword in NUMERIC}
    for keyword in NUMERIC:
        for letter in range(len(keyword)):
            byte[starts[rows[keyword]] + letter] = BLANK
    rows |= {keyword: _lines_with(byte, starts[:-1], keyword) for keyword in ("usemtl", "mtllib")}
    return ObjLines(byte[:-2].tobytes(), starts, rows)


def _lines_with(byte: np.ndarray, starts: np.ndarray, keyword: str) -> np.ndarray:
    """(K,) int, lines whose first word is the keyword."""
    rows = np.arange(len(starts))
    for place, letter in enumerate(keyword.encode()):
        rows = rows[byte[starts[rows] + place] == letter]
    return rows[byte[starts[rows] + len(keyword)] <= BLANK]
