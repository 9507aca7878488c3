"""The body of an ascii PLY as words and lines."""

import re
from dataclasses import dataclass

import numpy as np

from align3d_cli.io.text import BLANK, first_bytes

LINE_END = {True: 10, False: 13}  # newline; carriage return where a file has no newline at all
NO_DECIMAL_COMMA = re.compile(rb"\.|(?<![0-9]),|,(?![0-9#])|,[0-9]+,")  # 1,#QNAN is not a number in such a file


@dataclass(frozen=True, slots=True)
class Words:
    """A text as words and lines.

    body:   the bytes behind the header, which has `above` lines
    starts: (K + 1,) int64 offset of every word; the last is the end of the body
    lines:  (L + 1,) int64 word that begins each line, lines without a word left out; the last is K
    """

    body: bytes
    above: int
    starts: np.ndarray
    lines: np.ndarray

    def block(self, first: int, last: int) -> bytes:
        """The bytes of words first .. last - 1 with the blanks behind each."""
        return self.body[self.starts[first] : self.starts[last]]


def words_of(body: bytes, above: int) -> Words:
    """Where words and lines begin; bytes up to the blank separate words."""
    byte = np.frombuffer(body, np.uint8)
    starts = np.append(first_bytes(byte > BLANK), len(body))
    ends = np.flatnonzero(byte == LINE_END[b"\n" in body])
    lines = np.concatenate([[0], np.searchsorted(starts[:-1], ends), [len(starts) - 1]])
    return Words(body, above, starts, lines[np.append(np.diff(lines) > 0, True)])


def without_commas(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The body with decimal commas turned to points, or commas between numbers to blanks, and a note of it."""
    if b"," not in body:
        return body, ()
    if NO_DECIMAL_COMMA.search(body):
        return body.replace(b",", b" "), ("commas stand between its numbers: they are read as blanks",)
    return body.replace(b",", b"."), ("its numbers have decimal commas: they are read, and written, as points",)
