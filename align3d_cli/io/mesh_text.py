"""Numbers in the text of a mesh; what is no number is named by its line and word."""

import re
import warnings
from collections.abc import Callable

import numpy as np

from align3d_cli.io.source import Source
from align3d_cli.io.text import BLANK, NotANumber, first_bytes, parse_numbers

CUT = "it is cut off or damaged, export it again"
MEND = "mend it or export the mesh again"
POINTS = "write decimal points, not decimal commas"
COMMENT = re.compile(rb"(?<!\d\.)#[^\n]*")  # but not the end of Microsoft's "1.#QNAN"


def lost_vertex(named: float, first: int, n: int) -> str:
    """What a face says that names a vertex which is not there, of n counted from `first`."""
    there = f"{first} to {n + first - 1}" if n else "none"
    return f"a face names vertex {named:.10g}, the file has {there}"


def all_numbers(source: Source, text: bytes, line_of: Callable[[int], int]) -> np.ndarray:
    """(K,) float64, every word of the text as a number.

    line_of: the number in the file, from 1, of the text's i-th line, from 0
    Raises InputRejected with line and word where one is no number.
    """
    try:
        numbers = parse_numbers(text)
    except NotANumber as error:
        finding = f"line {line_of(error.row)}: '{error.word}' is not a number"
        raise source.reject(finding, POINTS if "," in error.word else MEND) from error
    if len(numbers) != len(first_bytes(np.frombuffer(text, np.uint8) > BLANK)):
        raise source.reject("some of its numbers run into each other", MEND)
    return numbers


def whole_numbers(text: bytes) -> np.ndarray:
    """(K,) int64 from whole numbers separated by white space, eight times as fast as reading them as floats.

    Stops at a word that is none: fewer numbers than words come back.
    """
    if not text.strip():
        return np.empty(0, np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # older numpy warns of unread text, newer refuses it
        try:
            return np.fromstring(text, dtype=np.int64, sep=" ")
        except ValueError:
            return np.empty(0, np.int64)
