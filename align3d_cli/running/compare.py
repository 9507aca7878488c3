"""Results against a baseline: control charts of their scores in order, and whether the parts as a whole have moved."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from align3d_cli import __version__
from align3d_cli.errors import InputRejected
from align3d_cli.metrics.control_chart import (
    RULES,
    WEIGHT,
    WIDTH,
    Average,
    Signal,
    as_score,
    average_of,
    clipped,
    moving_ranges,
    of_scores,
    signals_of,
)
from align3d_cli.model.traits import traits_of_result
from align3d_cli.report.read_results import is_failure
from align3d_cli.running.baseline import Baseline, one_identity
from align3d_cli.running.drift import drift_of

FORMAT = 1
SAID = 12  # digits of a hash in a message
AVERAGE = "average"  # the rule of the moving average


def compare(results: Sequence[dict[str, Any]], name: str, baseline: Baseline) -> dict[str, Any]:
    """What `align3d baseline compare --json` prints, see `report/baseline.schema.json`.

    results: in their order, failed ones too; name: what messages call them
    Raises InputRejected where none was scored, and where another model scored them than the baseline's.
    """
    scored = [result for result in results if not is_failure(result)]
    if not scored:
        raise InputRejected(f"{name}: none of its {len(results)} parts was scored; score them again")
    _check_same(scored, name, baseline)
    values, limits = of_scores(np.array([result["score"] for result in scored])), baseline.limits
    average = average_of(clipped(values, limits), limits)
    signals = runs_of(signals_of(values, limits), average, [result["input"] for result in scored])
    defective = sum(result["verdict"] == "defective" for result in scored)
    drift = drift_of(baseline.known, [traits_of_result(result) for result in scored], defective)
    out_now = bool(average.beyond[-1]) and not baseline.rough
    return {
        "format": FORMAT,
        "tool_version": __version__,
        "results": name,
        "baseline": baseline.name,
        **baseline.identity,
        "failed": len(results) - len(scored),
        "rough": baseline.rough,
        "threshold": scored[0]["threshold"],
        "limits": _limits(baseline),
        "average": {"weight": WEIGHT, "width": WIDTH, "out_now": out_now},
        "good_parts": _good_parts(baseline),
        "parts": _parts(scored, values, average),
        "signals": signals,
        "drift": drift,
        "drifted": out_now or bool(drift and drift["moved"]),
    }


def _check_same(scored: Sequence[dict[str, Any]], name: str, baseline: Baseline) -> None:
    """Raise InputRejected for scores that are not of the baseline's kind."""
    found, wanted = one_identity(scored, name), baseline.identity
    step = "score them alike, or save a new baseline"
    if found["model_sha256"] != wanted["model_sha256"]:
        models = [f"{one['model']} ({str(one['model_sha256'])[:SAID]})" for one in (found, wanted)]
        raise InputRejected(f"{name}: scored by {models[0]}, the baseline {baseline.name} by {models[1]}; {step}")
    if found["beside"] != wanted["beside"]:
        raise InputRejected(f"{name}: judged beside other references than the baseline {baseline.name}; {step}")
    if others := sorted({result["views"] for result in scored} - set(baseline.views)):
        said = f"drawn as {others[0]}, the baseline {baseline.name} as {baseline.views[0]}"
        raise InputRejected(f"{name}: {said}; {step}")


def runs_of(signals: Sequence[Signal], average: Average, inputs: Sequence[str]) -> list[dict[str, Any]]:
    """Signals as JSON, by the row at which they begin; those of one rule and side that follow each other are one."""
    found = []
    for high, side in ((True, "higher"), (False, "lower")):
        beyond = average.values > average.high if high else average.values < average.low
        rows: dict[int | str, list[int]] = {AVERAGE: np.flatnonzero(beyond).tolist()}
        for rule in RULES:
            rows[rule] = [signal.row for signal in signals if (signal.rule, signal.high) == (rule, high)]
        found += [_run(rule, side, run, inputs) for rule, told in rows.items() for run in _runs(told)]
    return sorted(found, key=lambda one: (one["first_row"], str(one["rule"])))


def _run(rule: int | str, side: str, rows: Sequence[int], inputs: Sequence[str]) -> dict[str, Any]:
    first, last = rows[0], rows[-1]
    places = {"first_row": first, "last_row": last, "first": inputs[first], "last": inputs[last]}
    return {"rule": rule, "side": side} | places


def _runs(rows: Sequence[int]) -> list[list[int]]:
    """Rising rows cut where they are not next to each other."""
    return [[row for _, row in run] for _, run in groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0])]


def _limits(baseline: Baseline) -> dict[str, Any]:
    """Of the charts, on their own scale, and those of scores as scores too."""
    limits = baseline.limits
    on_scale = {"mean": limits.mean, "low": limits.low, "high": limits.high, "sigma": limits.sigma}
    as_scores = {f"{name}_score": as_score(on_scale[name]) for name in ("mean", "low", "high")}
    ranges = {"mean_range": limits.mean_range, "highest_range": limits.highest_range}
    return {"scale": "logit"} | on_scale | as_scores | ranges


def _good_parts(baseline: Baseline) -> list[dict[str, Any]]:
    scores = baseline.scores
    values = of_scores(scores)
    rows = zip(baseline.inputs, scores.tolist(), values.tolist(), _ranges(values), strict=True)
    return [{"input": name, "score": score, "value": value, "range": span} for name, score, value, span in rows]


def _parts(scored: Sequence[dict[str, Any]], values: np.ndarray, average: Average) -> list[dict[str, Any]]:
    ranges = _ranges(values)
    return [
        {
            "input": result["input"],
            "score": result["score"],
            "verdict": result["verdict"],
            "value": float(values[row]),
            "range": ranges[row],
            "average": float(average.values[row]),
            "average_low": float(average.low[row]),
            "average_high": float(average.high[row]),
        }
        for row, result in enumerate(scored)
    ]


def _ranges(values: np.ndarray) -> list[float | None]:
    """How far each value lies from the one before; None for the first."""
    return [None, *moving_ranges(values).tolist()]
