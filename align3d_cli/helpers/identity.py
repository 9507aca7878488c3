"""What a stored thing depends on, as JSON: compared before it is used again."""

import json
from collections.abc import Mapping
from typing import Any

SHOWN = 24  # letters of a value that a message shows


def plain(value: Any) -> Any:
    """A value as it comes back out of JSON: tuples are lists, what JSON has no word for is its text."""
    return json.loads(json.dumps(value, sort_keys=True, default=str))


def differences(found: object, asked: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of the entries in which two identities differ, with short values."""
    if not isinstance(found, dict):
        return [f"{prefix or 'identity'}: unreadable there"]
    names: list[str] = []
    for key in sorted(found.keys() | asked.keys()):
        old, new = found.get(key), asked.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            names.extend(differences(old, new, f"{prefix}{key}."))
        elif old != new:
            names.append(f"{prefix}{key}: {str(old)[:SHOWN]} there, {str(new)[:SHOWN]} asked")
    return names
