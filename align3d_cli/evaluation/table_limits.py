"""Notes of a table on the limits of its figures: the thresholds of R10, and whose colour scale is not known."""

from collections.abc import Iterator
from typing import Any

from align3d_cli.evaluation.arms import METHODS
from align3d_cli.evaluation.limits import good_scores, levels_of
from align3d_cli.evaluation.runlog import RunRecord
from align3d_cli.metrics.recall import threshold_at


def limit_notes(record: RunRecord) -> list[str]:
    """Where R10 was read, and why false alarms are nan."""
    arms = {line["arm"]["name"]: line["arm"] for line in record.scans}
    asked = [(method, arm) for method in METHODS for arm in arms.values() if method in arm["methods"]]
    return [*_thresholds(record, asked), *_without_levels(record, asked)]


def _thresholds(record: RunRecord, asked: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    for method in dict.fromkeys(method for method, _ in asked):
        found = [_alarms(record, arm, method) for other, arm in asked if other == method]
        told = [f"{threshold:.4g} ({above} of {n} good scans)" for threshold, above, n in found if n]
        of = f", of {len(found)} models: the first" if len(found) > 1 else ""
        if told:
            yield f"R10 of {method} calls what scores above {told[0]}{of}"
        else:
            yield f"R10 of {method} is undefined: no good scan sets a threshold"


def _alarms(record: RunRecord, arm: dict[str, Any], method: str) -> tuple[float, int, int]:
    """The threshold, good scans above it, good scans."""
    good = good_scores(record, arm, method)
    threshold = threshold_at(good)
    return threshold, int((good > threshold).sum()), len(good)


def _without_levels(record: RunRecord, asked: list[tuple[str, dict[str, Any]]]) -> list[str]:
    lacking = dict.fromkeys(method for method, arm in asked if levels_of(record, arm, method) is None)
    if not lacking:
        return []
    why = "no colour scale of their point scores is in the log, which holds that of a calibrated model that was given"
    return [f"FA-R and FA-P of {', '.join(lacking)} are undefined: {why}, made for all of its branches together"]
