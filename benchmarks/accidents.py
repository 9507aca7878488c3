"""What happens to files on their way: cut, bytes or words exchanged, pieces lost, doubled or moved, bits flipped."""

import re
import struct

import numpy as np

WORDS = (
    b"-1",
    b"0",
    b"3",
    b"99999999999",
    b"4294967295",
    b"nan",
    b"1.#QNAN",
    b"1,5",
    b"1e400",
    b"0.5",
    b"x",
    b"ascii",
    b"",
)
STAMPS = (b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x01\0\0\0", b"\n", b" ", b"\r", b"\xef\xbb\xbf")
SHAPES = (
    b"[]",
    b"null",
    b"17",
    b'"text"',
    b"{}",
    b'{"type": "scan"}',
    b'{"type": "plan", "arms": 3}',
    b"\x00\xff",
    b"",
)


def mutant(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes after one accident or two, a third of them near the beginning, where the header stands."""
    accidents = (_cut, _noise, _stamp, _lose, _double, _move, _exchange_word)
    for accident in rng.choice(len(accidents), 1 + (rng.random() < 0.3)):
        reach = min(len(data), 300) if rng.random() < 0.33 else len(data)
        at = int(rng.integers(reach)) if reach else 0
        data = accidents[accident](data, at, rng)
    return data


def _cut(data: bytes, at: int, rng: np.random.Generator) -> bytes:
    return data[: -int(rng.integers(1, 20))] if rng.random() < 0.7 else data[:at]


def _noise(data: bytes, at: int, rng: np.random.Generator) -> bytes:
    return data[:at] + rng.bytes(int(rng.integers(1, 4))) + data[at + 3 :]


def _stamp(data: bytes, at: int, rng: np.random.Generator) -> bytes:
    stamp = STAMPS[rng.integers(len(STAMPS))]
    return data[:at] + stamp + data[at + len(stamp) :]


def _lose(data: bytes, at: int, rng: np.random.Generator) -> bytes:
    return data[:at] + data[at + int(rng.integers(1, 40)) :]


def _double(data: bytes, at: int, rng: np.random.Generator) -> bytes:
    end = at + int(rng.integers(1, 40))
    return data[:end] + data[at:end] + data[end:]


def _move(data: bytes, at: int, rng: np.random.Generator) -> bytes:
    lines = data.split(b"\n")
    if len(lines) < 3:
        return data
    moved = lines.pop(int(rng.integers(min(len(lines), 15))))
    lines.insert(int(rng.integers(min(len(lines), 15))), moved)
    return b"\n".join(lines)


def _exchange_word(data: bytes, at: int, rng: np.random.Generator) -> bytes:
    found = re.compile(rb"[^\s,;]+").search(data, at)
    return data if not found else data[: found.start()] + WORDS[rng.integers(len(WORDS))] + data[found.end() :]


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes after an accident that files of tensors and lines of JSON are prone to, or one of those above."""
    if rng.random() < 0.4:
        return mutant(data, rng)
    accidents = (_flip_bit, _flip_digit, _swap_values, _reshape_line, _drop_line, _repeat_line, _edit_header)
    return accidents[rng.integers(len(accidents))](data, rng)


def _flip_bit(data: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(data)))
    return data[:at] + bytes([data[at] ^ 1 << int(rng.integers(8))]) + data[at + 1 :]


def _flip_digit(data: bytes, rng: np.random.Generator) -> bytes:
    places = [match.start() for match in re.finditer(rb"[0-9]", data)]
    at = places[rng.integers(len(places))] if places else 0
    return data[:at] + b"0123456789"[(digit := int(rng.integers(10))) : digit + 1] + data[at + 1 :]


def _swap_values(data: bytes, rng: np.random.Generator) -> bytes:
    """One JSON value in the place of another."""
    values = list(re.finditer(rb'"[^"\n]*"|-?[0-9.]+|true|false|null', data))
    if not values:
        return data
    here, there = (values[i] for i in rng.integers(len(values), size=2))
    return data[: here.start()] + there.group() + data[here.end() :]


def _reshape_line(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.split(b"\n")
    lines[rng.integers(len(lines))] = SHAPES[rng.integers(len(SHAPES))]
    return b"\n".join(lines)


def _drop_line(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.split(b"\n")
    del lines[rng.integers(len(lines))]
    return b"\n".join(lines)


def _repeat_line(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.split(b"\n")
    lines.insert(int(rng.integers(len(lines))), lines[rng.integers(len(lines))])
    return b"\n".join(lines)


def _edit_header(data: bytes, rng: np.random.Generator) -> bytes:
    """Of a safetensors file: other words or numbers in its header, which is whole again; of others a digit flipped."""
    length = struct.unpack("<Q", data[:8])[0] if len(data) > 8 else 0
    if not 0 < length <= len(data) - 8:
        return _flip_digit(data, rng)
    change = _swap_values if rng.random() < 0.5 else _flip_digit
    header = change(data[8 : 8 + length], rng)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]
