"""Results of `align3d score` read again: what --json or --jsonl printed, and the record of an output folder."""

import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.sealed_lines import unsealed
from align3d_cli.running.record import RECORD

NEEDED = (
    "input", "score", "verdict", "threshold", "n_points", "n_invalid", "n_removed", "extent", "resolution",
    "references", "model", "model_sha256", "views",
)  # fmt: skip
STEP = "give what `align3d score --jsonl` printed"


def read_results(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The results in files and in the records of folders, one after the other, failed parts too.

    Raises InputRejected, with file and line, for what is no result, and for a file without any.
    """
    found = [result for path in paths for result in _read(path)]
    if not found:
        raise InputRejected(f"{paths[0]}: holds no result; {STEP}")
    return found


def is_failure(result: dict[str, Any]) -> bool:
    """Whether the part could not be scored."""
    return "error" in result


def _read(path: Path) -> list[dict[str, Any]]:
    if os.path.isdir(path):
        return _recorded(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputRejected(f"{path}: is no text; {STEP}") from error
    except OSError as error:
        raise InputRejected(f"{path}: cannot be read ({error.strerror}); {STEP}") from error
    return [_checked(result, where) for where, result in _told(text, path)]


def _told(text: str, path: Path) -> Iterator[tuple[str, Any]]:
    """What the text holds, each with its place: one object or an array, or an object a line."""
    try:
        whole = json.loads(text)
        yield from (
            (f"{path}, result {n}", one) for n, one in enumerate(whole if isinstance(whole, list) else [whole], 1)
        )
        return
    except (ValueError, RecursionError):  # several lines are no JSON together
        pass
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield f"{path}, line {number}", json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputRejected(f"{path}, line {number}: is no JSON; {STEP}") from error


def _recorded(folder: Path) -> list[dict[str, Any]]:
    """What is on record in an output folder, of each heat map the last result. Half a line, as a killed call leaves
    one, counts for nothing."""
    try:
        lines = (folder / RECORD).read_bytes().splitlines()
    except OSError as error:
        finding = f"holds no record of results ({RECORD})"
        raise InputRejected(
            f"{folder}: {finding}; name the --out-dir of `align3d score`, or a file of results"
        ) from error
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            told = unsealed(line)
        except ValueError:
            continue
        if "result" in told:
            result = _checked(told["result"], str(folder / RECORD))
            found.pop(result["output"], None)  # scored again, it is the newest
            found[result["output"]] = result
    return list(found.values())


def _checked(result: Any, where: str) -> dict[str, Any]:
    """Raise InputRejected for what is neither a result nor a failure."""
    if not isinstance(result, dict) or "input" not in result:
        raise InputRejected(f"{where}: is no result; {STEP}")
    if is_failure(result):
        return result
    if missing := [name for name in NEEDED if name not in result]:
        raise InputRejected(f"{where}: has no {missing[0]}, another version wrote it; score the scans again")
    score = result["score"]
    if not (isinstance(score, int | float) and math.isfinite(score) and 0 <= score <= 1):
        raise InputRejected(f"{where}: its score is no number from 0 to 1; {STEP}")
    return result
