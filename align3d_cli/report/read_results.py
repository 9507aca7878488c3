"""Results that were written earlier, read back: of `--json`, of `--jsonl`, and of the record in an output folder."""

import json
import os
from pathlib import Path
from typing import Any

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.sealed_lines import unsealed
from align3d_cli.report.result_check import misfit

RECORD = "align3d-results.jsonl"  # in an --out-dir; not results.jsonl, which is where people send --jsonl
STEP = "name what `align3d score` printed with --json or --jsonl, or its --out-dir"


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results and failures of a file in its order; of a record the last result of every heat map.

    path: JSON, an object or an array of them, or an object a line; a record, or the folder that holds one
    Raises InputRejected for a file that cannot be read or holds anything else, naming the line.
    """
    file = _file(path)
    text = _text(file)
    recorded = _recorded(text)
    values = _stated(text, file) if recorded is None else [(one, str(file)) for one in recorded]
    results = [_checked(value, where) for value, where in values]
    if not results:
        raise InputRejected(f"{file}: holds no result; {STEP}")
    return results if recorded is None else latest(results)


def latest(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those whose heat map a later one has replaced."""
    last = {result["output"]: row for row, result in enumerate(results) if result.get("output")}
    return [result for row, result in enumerate(results) if last.get(result.get("output"), row) == row]


def is_failure(result: dict[str, Any]) -> bool:
    """Whether the part could not be scored."""
    return "error" in result


def _file(path: Path) -> Path:
    if not os.path.isdir(path):  # unlike is_dir, says no to names that are too long
        return path
    if not (path / RECORD).exists():
        raise InputRejected(f"{path}: holds no record of results ({RECORD}); {STEP}")
    return path / RECORD


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputRejected(f"{file}: is no text; {STEP}") from error
    except OSError as error:
        raise InputRejected(f"{file}: cannot be read ({error.strerror}); {STEP}") from error


def _recorded(text: str) -> list[Any] | None:
    """The results in a record; None for a text that is none. Half a line, as a killed call leaves one, holds none."""
    lines = [line for line in map(_unsealed, text.splitlines()) if line is not None and "outputs" in line]
    return [line["result"] for line in lines if "result" in line] if lines else None


def _unsealed(line: str) -> dict[str, Any] | None:
    try:
        return unsealed(line.encode())
    except ValueError:
        return None


def _stated(text: str, file: Path) -> list[tuple[Any, str]]:
    """What a text states as one JSON or line by line, each with the words that say where."""
    whole = _json(text)
    if whole is not None:
        values = whole if isinstance(whole, list) else [whole]
        return [(value, f"{file}: result {row}") for row, value in enumerate(values, 1)]
    lines = enumerate(text.splitlines(), 1)
    return [(_json(line), f"{file}: line {number}") for number, line in lines if line.strip()]


def _json(text: str) -> Any:
    """The JSON of a text; None where it is none. Raises nothing: what is no result is told by its line."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _checked(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or "input" not in value:
        raise InputRejected(f"{where}: is no result; {STEP}")
    wrong = misfit(value)
    if wrong is not None:
        raise InputRejected(f"{where}: {wrong} is not as this version states it; score the part again")
    return value
