"""The fields of a protobuf message as they lie in its bytes: what an ONNX file is told apart by, without parsing it.

The encoding is that of protobuf's own description: a key, which is `number << 3 | wire type`, and a value after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

VARINT, EIGHT, COUNTED, FOUR = 0, 1, 2, 5  # wire types; 3 and 4, groups, are in no ONNX file
FIXED = {EIGHT: 8, FOUR: 4}  # bytes of a value
LONGEST = 10  # bytes of a whole number, which has 64 bits at most


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its number, where its key starts, and its value, a whole number or the bytes that it holds."""

    number: int
    start: int
    value: int | memoryview = field(repr=False)


def fields(data: memoryview) -> Iterator[Field]:
    """The fields of a message in the order of its bytes; nothing is copied.

    Raises ValueError where the bytes end too early or are no message.
    """
    at = 0
    while at < len(data):
        start = at
        key, at = _number(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _number(data, at)
            yield Field(number, start, value)
            continue
        if wire not in (COUNTED, *FIXED):
            raise ValueError(f"wire type {wire}")
        size, at = _number(data, at) if wire == COUNTED else (FIXED[wire], at)
        if size > len(data) - at:
            raise ValueError("cut off")
        yield Field(number, start, data[at : at + size])
        at += size


def counted(number: int, value: bytes) -> bytes:
    """A field that holds bytes, a word or a message, as `fields` reads it."""
    return _varint(number << 3 | COUNTED) + _varint(len(value)) + value


def _number(data: memoryview, at: int) -> tuple[int, int]:
    """The whole number that starts there, and where the next byte is."""
    value = 0
    for place, byte in enumerate(data[at : at + LONGEST]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("cut off")


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
