"""Numbers written as text, read as fast as numpy can."""

import warnings

import numpy as np

NEWLINE = 10
BLANK = 32  # this byte and every lower one separates numbers


def parse_numbers(text: bytes) -> np.ndarray:
    """(K,) float64 from numbers separated by white space; "nan" and "inf" count as numbers.

    Raises ValueError when a word is not a number.
    """
    if not text.strip():
        return np.empty(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # older numpy only warns of unread text
        try:
            return np.fromstring(text, dtype=np.float64, sep=" ")
        except DeprecationWarning as error:
            raise ValueError("a word that is not a number") from error


def words_per_line(text: bytes) -> np.ndarray:
    """(L,) int, words on each line; a last line without a newline counts, an empty one does not."""
    if not text.endswith(b"\n"):
        text = text + b"\n"
    byte = np.frombuffer(text, np.uint8)
    solid = byte > BLANK
    starts = solid.copy()
    starts[1:] &= ~solid[:-1]
    ends = np.flatnonzero(byte == NEWLINE)
    return np.diff(np.cumsum(starts)[ends], prepend=0)


def line_starts(text: bytes) -> np.ndarray:
    """(L + 1,) int64 offset at which every line begins; the last is the end of the text."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == NEWLINE) + 1
    if len(ends) == 0 or ends[-1] != len(text):
        ends = np.append(ends, len(text))
    return np.concatenate([[0], ends])
