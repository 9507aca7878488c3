"""Notes of a table on its methods that know something beside the scan: their verdicts, and where they fell silent."""

from collections.abc import Sequence
from typing import Any

from align3d_cli.evaluation.ladder import AMONG, FALSE_ALARM_RATE, LADDER, spoke_of
from align3d_cli.evaluation.runlog import RunRecord

WAYS_TOLD = 2  # of why the model alone spoke: the commonest


def ladder_notes(record: RunRecord) -> list[str]:
    """What the limits of good parts make of the scans, and how many scans were judged by the model alone."""
    notes = []
    for method in LADDER:
        lines = [line for line in record.scans if spoke_of(line, method)]
        notes += [*_verdicts(method, lines), *_alone(method, lines)]
    return notes


def _verdicts(method: str, lines: Sequence[dict[str, Any]]) -> list[str]:
    """How many scans of either state are above their limit, over all seeds."""
    called = [(line["anomalous"], spoke["called"]) for line in lines if (spoke := spoke_of(line, method))]
    known = [(anomalous, above) for anomalous, above in called if above is not None]
    if not known:
        return []
    good, defective = ([above for anomalous, above in known if anomalous == state] for state in (False, True))
    whose = "the limit that the scans set each other" if method == AMONG else "the limit that the good parts alone set"
    seeds = len({line["arm"]["seed"] for line in lines})
    over = f", over {seeds} seeds" if seeds > 1 else ""
    rate = f"{100 * FALSE_ALARM_RATE:.0f} % false alarms aimed at"
    said = f"{sum(good)} of {len(good)} good and {sum(defective)} of {len(defective)} defective scans defective"
    return [f"at {whose} ({rate}) {method} calls {said}{over}"]


def _alone(method: str, lines: Sequence[dict[str, Any]]) -> list[str]:
    """How many results the model alone gave, and why."""
    whys: dict[str, int] = {}
    for line in lines:
        spoke = spoke_of(line, method)
        if spoke is not None and spoke["alone"]:
            whys[spoke["alone"]] = whys.get(spoke["alone"], 0) + 1
    if not whys:
        return []
    commonest = sorted(whys, key=lambda why: (-whys[why], why))
    told = "; ".join(commonest[:WAYS_TOLD]) + ("; .." if len(whys) > WAYS_TOLD else "")
    what = "found nothing" if method == "deviation" else "left it to the model alone"
    return [f"{method} {what} on {sum(whys.values())} of {len(lines)} scans: {told}"]
