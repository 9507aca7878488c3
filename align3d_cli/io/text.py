"""Text in whatever encoding it was saved, and the numbers in it, read as fast as numpy can."""

import codecs
import re
import warnings

import numpy as np

SHOWN = 40  # letters of a file's own text in a message
NEWLINE = 10
BLANK = 32  # this byte and every lower one separates numbers
MARKS = (  # of byte order, the longer ones first: UTF-32's begins as UTF-16's does
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MICROSOFT = re.compile(rb"([+-]?)\d\.#(INF\d*|J)?\w*")  # "-1.#IND", "1.#QNAN0", "1.#INF", rounded "1.#R" and "1.#J"
FORTRAN = re.compile(rb"(?<=[\d.])[dD](?=[+-]?\d)")  # 1.5D+03
TELLING = 1024  # bytes that show whether every other one is zero, as in UTF-16 without a mark
TYPED = np.isin(np.arange(256), [9, 10, 13, *range(32, 127), *range(160, 256)])  # letters of Latin-1 and line ends


def plain_text(data: bytes) -> bytes:
    """The text of a file as UTF-8 without a byte order mark, whatever encoding it was saved in.

    UTF-8, UTF-16 and UTF-32 are known by their marks, UTF-16 also by its zero bytes; bytes that are no UTF-8 are
    taken as Latin-1. Pure ASCII comes back as it is, at no cost; so does a binary file, unless chance has it
    look like one of these: ask first whether the file is text.
    """
    mark, encoding = next(((m, name) for m, name in MARKS if data.startswith(m)), (b"", _unmarked(data)))
    data = data[len(mark) :]
    return data if encoding == "utf-8" else data.decode(encoding, errors="replace").encode()


def _unmarked(data: bytes) -> str:
    """The encoding of text without a byte order mark."""
    head = np.frombuffer(data[: min(TELLING, len(data) // 2 * 2)], np.uint8)
    for name, low, high in (("utf-16-le", head[::2], head[1::2]), ("utf-16-be", head[1::2], head[::2])):
        if 2 * (high == 0).sum() > len(high) and TYPED[low[high == 0]].all():
            return name
    if data.isascii() or b"\0" in data:
        return "utf-8"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


class NotANumber(ValueError):
    """A word where a number should stand; the reader adds the file's name.

    row: the word's line in the text that was parsed, counted from 0; word: as it stands there, 40 letters at most
    """

    def __init__(self, row: int, word: str) -> None:
        super().__init__(f"line {row + 1}: '{word}' is not a number")
        self.row, self.word = row, word


def parse_numbers(text: bytes) -> np.ndarray:
    """(K,) float64 from numbers separated by white space, "nan" and "inf" among them.

    Microsoft's "1.#QNAN" and Fortran's "1.5D+03" count as numbers.

    Raises NotANumber at the first word that is none.
    """
    numbers = numbers_or_none(text)
    if numbers is None:
        raise _first_bad_word(_usual(text))
    return numbers


def numbers_or_none(text: bytes) -> np.ndarray | None:
    """What `parse_numbers` gives, or None when a word is no number: at once, without looking for the word."""
    numbers = _read(text)
    if numbers is None and (b".#" in text or FORTRAN.search(text)):
        return _read(_usual(text))
    return numbers


def _read(text: bytes) -> np.ndarray | None:
    """The numbers, or None when a word is no number."""
    if not text.strip():
        return np.empty(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # older numpy only warns of unread text
        try:
            return np.fromstring(text, dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None


def _usual(text: bytes) -> bytes:
    """The text with Microsoft's and Fortran's numbers in the usual spelling."""
    return FORTRAN.sub(b"e", MICROSOFT.sub(_special, text))


def _special(found: re.Match[bytes]) -> bytes:
    return found[1] + b"inf" if found[2] else b"nan"


def _first_bad_word(text: bytes) -> NotANumber:
    """The error for the first word that is no number, its line found by halving."""
    lines = text.split(b"\n")
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        if _read(b"\n".join(lines[low:middle])) is None:
            high = middle
        else:
            low = middle
    word = next((word for word in lines[low].split() if _read(word) is None), lines[low])
    return NotANumber(low, shown(word))


def shown(text: bytes | str) -> str:
    """The beginning of a file's own text, as a message of one line can quote it."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="replace")
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:SHOWN])


def counted(n: int, noun: str) -> str:
    """A number and what it counts: "1 row", "3 rows"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def words_per_line(text: bytes) -> np.ndarray:
    """(L,) int, words on each line; a last line without a newline counts, an empty one does not."""
    byte = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(byte == NEWLINE)
    if len(byte) and byte[-1] != NEWLINE:
        ends = np.append(ends, len(byte))
    return np.diff(np.searchsorted(first_bytes(byte > BLANK), ends), prepend=0)


def first_bytes(run: np.ndarray) -> np.ndarray:
    """(R,) int, where each run of True in (N,) bool begins."""
    first = run.copy()
    first[1:] &= ~run[:-1]
    return np.flatnonzero(first)


def line_starts(text: bytes) -> np.ndarray:
    """(L + 1,) int64 offset at which every line begins; the last is the end of the text."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == NEWLINE) + 1
    if len(ends) == 0 or ends[-1] != len(text):
        ends = np.append(ends, len(text))
    return np.concatenate([[0], ends])
