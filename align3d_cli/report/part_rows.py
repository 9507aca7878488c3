"""Results as rows of CSV: what of a result fits into a cell."""

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any

from align3d_cli.report.drift_text import moved_text
from align3d_cli.report.result import decision_text

Cell = str | int | float | None
BETWEEN = " | "  # sentences of one cell; they hold commas and semicolons themselves
ALIKE = (
    "input", "verdict", "score", "threshold", "unit", "n_points", "n_invalid", "n_unseen", "n_removed",
    "output", "input_sha256", "model", "model_sha256", "views", "device", "seed", "tool_version", "schema_version",
)  # fmt: skip
MADE: dict[str, Callable[[dict[str, Any]], Cell]] = {
    "decided_by": lambda result: BETWEEN.join(decision_text(result["decision"])) if result["decision"] else None,
    "rules": lambda result: result["decision"]["rules"] if result["decision"] else None,
    "doubts": lambda result: BETWEEN.join(result["doubts"]),
    "notes": lambda result: BETWEEN.join(result["notes"]),
    "drift": lambda result: _drift(result),
    "extent_x": lambda result: result["extent"][0],
    "extent_y": lambda result: result["extent"][1],
    "extent_z": lambda result: result["extent"][2],
    "smallest_defect": lambda result: result["resolution"]["smallest"],
    "regions": lambda result: len(result["regions"]),
    "beside": lambda result: result["references"]["kind"] if result["references"] else None,
    "seconds": lambda result: result["seconds"]["total"],
}
FAILED = ("error_kind", "error", "exit_code")  # of a part that could not be scored
COLUMNS = (*ALIKE, *MADE, *FAILED)


def part_csv(results: Iterable[dict[str, Any]]) -> str:
    """One line a part in the parts' order, under a line of names; empty cells for what is unknown.

    results: of `build_result` or `build_failure`; a part that could not be scored has "failed" for a verdict, and why.
    Numbers are those of the JSON.
    """
    stream = io.StringIO()
    lines = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    lines.writeheader()
    for result in results:
        lines.writerow({name: "" if value is None else value for name, value in _row(result).items()})
    return stream.getvalue()


def _row(result: dict[str, Any]) -> dict[str, Cell]:
    row: dict[str, Cell] = {name: result[name] for name in ALIKE if name in result}
    if "error" not in result:
        return row | {name: made(result) for name, made in MADE.items()}
    error = result["error"]
    why = {"error_kind": error["kind"], "error": error["message"], "exit_code": error["exit_code"]}
    return row | {"verdict": "failed", "drift": _drift(result)} | why


def _drift(result: dict[str, Any]) -> str | None:
    """What has moved among the parts of the batch that ends with this one; None where nothing did."""
    drift = result.get("drift")
    return BETWEEN.join(map(moved_text, drift["moved"])) if drift is not None and drift["moved"] else None
