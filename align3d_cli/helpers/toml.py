"""Settings as TOML, which Python reads (tomllib) and does not write."""

import json
from collections.abc import Mapping
from typing import Any


def toml_of(stated: Mapping[str, Any]) -> str:
    """TOML that tomllib reads back as it was, but for None, which it does not know: such entries are left out.

    stated: words, numbers, truths, lists of these, and mappings of these one level deep; lists come back for tuples
    """
    plain = {key: value for key, value in stated.items() if not isinstance(value, Mapping)}
    blocks = [_lines(plain)] if plain else []
    for key, section in stated.items():
        if isinstance(section, Mapping) and section:
            blocks.append(f"[{key}]\n{_lines(section)}")
    return "\n\n".join(blocks) + "\n"


def _lines(entries: Mapping[str, Any]) -> str:
    return "\n".join(f"{key} = {_value(value)}" for key, value in entries.items() if value is not None)


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):  # JSON's escapes are TOML's, but for DEL, which JSON leaves as it is
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return str(value).lower() if isinstance(value, bool) else repr(value)
