"""Lines of JSON, each with a checksum of itself, so that no damage passes for a result: of run logs and of records."""

import json
from typing import Any

from align3d_cli.helpers.digest import digest_of_settings

SEAL = "sha256"  # key of the checksum in a line
SEAL_DIGITS = 16  # 64 bits: damage that goes unnoticed is out of the question, and lines stay readable


def sealed(line: dict[str, Any]) -> bytes:
    """A line as it is written, with its checksum and line break.

    Raises ValueError for NaN, which JSON has no word for, and for a line that has an entry of the checksum's name.
    """
    plain = json.loads(json.dumps(line, allow_nan=False))  # as it will be read: tuples are lists, keys are strings
    if SEAL in plain:
        raise ValueError(f"a line's own entry may not be called {SEAL}")
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
