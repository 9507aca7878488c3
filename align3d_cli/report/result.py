"""The JSON object of one scored part: same fields, same order, for `--json`, `--jsonl` and the HTML page.

`result.schema.json` beside this file is the same promise for other programs; a test holds the two together.
"""

import json
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from align3d_cli import __version__
from align3d_cli.helpers.stored import stored_score

SCHEMA_VERSION = 3
FIELDS = (
    "schema_version",
    "tool_version",
    "input",
    "input_sha256",
    "output",
    "n_points",
    "n_invalid",
    "n_unseen",
    "n_removed",
    "score",
    "threshold",
    "verdict",
    "decision",
    "doubts",
    "colours",
    "unit",
    "extent",
    "resolution",
    "regions",
    "references",
    "notes",
    "drift",
    "model",
    "model_sha256",
    "views",
    "device",
    "seed",
    "seconds",
)


def limit_text(threshold: float | None) -> str:
    """A threshold for people; "none" where there is none."""
    return "none" if threshold is None else f"{threshold:.3f}"


def extent_text(result: dict[str, Any]) -> str:
    """How large the scored points are, for people: "20 x 20 x 4.73 mm"."""
    return " x ".join(f"{side:.3g}" for side in result["extent"]) + (f" {result['unit']}" if result["unit"] else "")


def resolution_text(result: dict[str, Any]) -> str:
    """How small a defect the scan can show, for people: "0.6 mm across"."""
    return f"{result['resolution']['smallest']:.2g} {result['unit'] or ''}".strip() + " across"


def verdict_of(score: float, threshold: float | None, doubts: Sequence[str] = ()) -> str:
    """ "uncalibrated" without a threshold, "defective" when the score exceeds it, else "good".

    doubts: reasons why nothing found does not mean good; with any of them the verdict is "unsure" instead
    """
    if threshold is None:
        return "uncalibrated"
    if stored_score(score) > threshold:
        return "defective"
    return "unsure" if doubts else "good"


def verdict_by(judged: str | None, score: float, threshold: float | None, doubts: Sequence[str] = ()) -> str:
    """The verdict of rules, None where there are none and the threshold decides; no "good" with doubts either way."""
    if judged is None:
        return verdict_of(score, threshold, doubts)
    return "unsure" if judged == "good" and doubts else judged


def decision_text(decision: dict[str, Any]) -> list[str]:
    """Why rules decided as they did, for people, a line a rule: "deep: region 1: depth 0.31 (depth > 0.2)"."""
    lines = []
    for reason in decision["decided"]:
        where = [] if reason["region"] is None else [f"region {reason['region']}"]
        where += [] if reason["zone"] is None else [f"in {reason['zone']}"]
        values = ", ".join(f"{name} {_value_text(value)}" for name, value in reason["values"].items())
        name = [] if reason["rule"] == reason["reject"] else [reason["rule"]]
        lines.append(": ".join([*name, *([" ".join(where)] if where else []), f"{values} ({reason['reject']})"]))
    return lines


def _value_text(value: object) -> str:
    return "unknown" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def build_result(
    *,
    score: float,
    threshold: float | None,
    doubts: Sequence[str],
    seconds: dict[str, float],
    judged: str | None = None,
    **known: Any,
) -> dict[str, Any]:
    """The result of one part, fields in the order of FIELDS.

    score, threshold: in [0, 1], None for no threshold; doubts: see `verdict_of`; the verdict follows from them
    seconds:          step -> seconds, rounded to milliseconds here
    judged:           the verdict of rules, see `verdict_by`
    known:            the other fields by name, except the two versions, the verdict and `drift`, which is of a batch
    Raises ValueError for a score outside [0, 1] or for fields missing or unknown: both are bugs of the caller.
    """
    if not (math.isfinite(score) and 0.0 <= score <= 1.0):
        raise ValueError(f"an object score lies in [0, 1], got {score}")
    values = known | {
        "schema_version": SCHEMA_VERSION,
        "tool_version": __version__,
        "score": stored_score(score),
        "threshold": None if threshold is None else float(threshold),
        "verdict": verdict_by(judged, score, threshold, doubts),
        "doubts": list(doubts),
        "drift": known.get("drift"),
        "seconds": {step: round(float(value), 3) for step, value in seconds.items()},
    }
    if set(values) != set(FIELDS):
        raise ValueError(f"result fields that do not fit: {sorted(set(values) ^ set(FIELDS))}")
    return {name: values[name] for name in FIELDS}


def build_failure(*, input: str, kind: str, message: str, exit_code: int) -> dict[str, Any]:
    """What stands in a batch for a part that could not be scored.

    kind:      "input", "environment", "usage", or "internal" for a bug of ours
    exit_code: what the program would have ended with, had this been the only part
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "tool_version": __version__,
        "input": input,
        "error": {"kind": kind, "message": message, "exit_code": exit_code},
    }


def result_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what the two functions above return."""
    return json.loads(files(__package__).joinpath("result.schema.json").read_text(encoding="utf-8"))
