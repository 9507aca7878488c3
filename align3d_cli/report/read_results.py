"""Results that were written earlier, read back: of `--json`, of `--jsonl`, and of the record in an output folder."""

import json
from pathlib import Path
from typing import Any

from align3d_cli.errors import InputRejected
from align3d_cli.report.result_check import misfit

STEP = "name what align3d score --json or --jsonl wrote"


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results and failures of a file in its order; of an output that is told twice the later one.

    path: JSON, an object or an array of them, or an object a line
    Raises InputRejected for a file that cannot be read or holds anything else, naming the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputRejected(f"{path}: is no text; {STEP}") from error
    except OSError as error:
        raise InputRejected(f"{path}: cannot be read ({error.strerror}); {STEP}") from error
    results = [_checked(value, where) for value, where in _values(text, path)]
    if not results:
        raise InputRejected(f"{path}: holds no result; {STEP}")
    return _latest(results)


def _values(text: str, path: Path) -> list[tuple[dict[str, Any], str]]:
    """What the file states, each with the words that say where."""
    whole = _json(text)
    if whole is not None:
        values = whole if isinstance(whole, list) else [whole]
        return [found for row, value in enumerate(values, 1) for found in _result_in(value, f"{path}: result {row}")]
    lines = [(line, f"{path}: line {number}") for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return [found for line, where in lines for found in _result_in(_json(line), where)]


def _json(text: str) -> Any:
    """The JSON of a text; None where it is none. Raises nothing: what is no result is told by its line."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _result_in(value: Any, where: str) -> list[tuple[Any, str]]:
    """The result itself, or the one that a line of a record holds; a record's other lines hold none."""
    if isinstance(value, dict) and "outputs" in value:
        return [(value["result"], where)] if "result" in value else []
    return [(value, where)]


def _checked(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputRejected(f"{where}: is no result; {STEP}")
    wrong = misfit(value)
    if wrong is not None:
        raise InputRejected(f"{where}: {wrong} is not as this version states it; score the part again")
    return value


def _latest(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those whose heat map a later one has replaced."""
    last = {result["output"]: row for row, result in enumerate(results) if result.get("output")}
    return [result for row, result in enumerate(results) if last.get(result.get("output"), row) == row]
