"""The lines of a run log: JSON objects, each with a checksum of itself, so that no damage passes for a result."""

import json
from pathlib import Path
from typing import Any

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.digest import digest_of_settings

SEAL = "sha256"  # key of the checksum in a line
SEAL_DIGITS = 16  # 64 bits: damage that goes unnoticed is out of the question, and lines stay readable


def sealed(line: dict[str, Any]) -> bytes:
    """A line as it is written, with its checksum and line break. NaN is a ValueError: JSON has no word for it."""
    plain = json.loads(json.dumps(line, allow_nan=False))  # as it will be read: tuples are lists, keys are strings
    return json.dumps(plain | {SEAL: _seal_of(plain)}).encode() + b"\n"


def unsealed(text: bytes) -> dict[str, Any]:
    """The line that `sealed` wrote, without its checksum. Raises ValueError, in words, for anything else."""
    try:
        line = json.loads(text)
        seal = line.pop(SEAL, None) if isinstance(line, dict) else None
        seal_now = _seal_of(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("is no JSON") from error
    if seal is None:
        raise ValueError("carries no checksum")
    if seal != seal_now:
        raise ValueError("does not fit its checksum")
    return line


def _seal_of(line: object) -> str:
    return digest_of_settings(line)[:SEAL_DIGITS]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last one that was cut short is passed over. Raises InputRejected for damage elsewhere."""
    try:
        lines = path.read_bytes().split(b"\n") if path.exists() else []
    except OSError as error:
        raise InputRejected(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    found = []
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line break is empty or torn
        try:
            found.append(unsealed(line))
        except ValueError as error:
            damage = f"{path}: line {number} is damaged, it {error}; delete it and run again to score it anew"
            raise InputRejected(damage) from error
    return found
