"""The charts of a comparison with a baseline as places in a drawing: what a template needs to write SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from align3d_cli.report.baseline_text import rule_name
from align3d_cli.report.chart_frame import Frame, Level, framed, levels_of, plain_ticks, score_ticks, x_ticks

LABEL = (10.0, 12.0)  # width and height of a rule's number
MANY = 250  # parts, from which on points are drawn smaller


@dataclass(frozen=True, slots=True)
class Dot:
    """One part. kind: "then", "now" or "signal"; title: told where a pointer rests; label: rule that holds, or empty"""

    x: float
    y: float
    kind: str
    title: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing. lines: of kind and points "x,y x,y"; ticks: (place, words) of the axes; divide: x between both"""

    title: str
    hint: str
    height: float
    dots: Sequence[Dot]
    lines: Sequence[tuple[str, str]]
    levels: Sequence[Level]
    y_ticks: Sequence[tuple[float, str]]
    x_ticks: Sequence[tuple[float, str]]
    divide: float
    radius: float


def individuals(found: dict[str, Any]) -> Chart:
    """Single scores with their limits. found: of `running.compare`"""
    then, now, limits = found["good_parts"], found["parts"], found["limits"]
    values = [one["value"] for one in (*then, *now)]
    frame = framed([*values, limits["low"], limits["high"]], len(then), len(now), 330.0)
    told = _rules_of(found)
    dots = [Dot(frame.x(n), frame.y(one["value"]), "then", _title(one, "baseline")) for n, one in enumerate(then)]
    for row, one in enumerate(now):
        rules = told.get(row, [])
        title = _title(one, one["verdict"], *map(rule_name, rules))
        kind, label = ("signal", str(rules[0])) if rules else ("now", "")
        dots.append(Dot(frame.x(len(then) + row), frame.y(one["value"]), kind, title, label))
    dots = _legible(dots)
    wanted = [(limits["mean"], f"mean {limits['mean_score']:.3f}", "mean")]
    wanted += [(limits[name], f"{limits[name + '_score']:.3f}", "limit") for name in ("low", "high")]
    wanted += _threshold(found["threshold"], frame)
    hint = "Scores on a scale of logits; limits at three sigmas of the baseline, sigma from its mean moving range. "
    hint += "Rings are signals, with the rule that holds (the first of them; the table has all)."
    return _chart("Single scores", hint, frame, dots, _path(dots, len(then)), wanted)


def ranges(found: dict[str, Any]) -> Chart:
    """How far each score lies from the one before, in logits."""
    then, now, limits = found["good_parts"], found["parts"], found["limits"]
    spans = [one["range"] for one in (*then, *now)]
    frame = framed(
        [0.0, limits["highest_range"], *(span for span in spans if span is not None)], len(then), len(now), 190.0, 0.0
    )
    dots = [
        Dot(frame.x(n), frame.y(span), "then" if n < len(then) else "now", _title(one, f"range {span:.2f}"))
        for n, (one, span) in enumerate(zip((*then, *now), spans, strict=True))
        if span is not None
    ]
    wanted = [(limits["mean_range"], f"mean {limits['mean_range']:.2f}", "mean")]
    wanted.append((limits["highest_range"], f"{limits['highest_range']:.2f}", "limit"))
    hint = "How far each score lies from the one before, in logits: a wide one is a jump, or a part of another kind."
    return _chart("Moving ranges", hint, frame, dots, _path(dots, len(then) - 1), wanted, logits=False)


def average(found: dict[str, Any]) -> Chart:
    """The moving average of the parts compared, with its limits."""
    then, now, mean = found["good_parts"], found["parts"], found["limits"]["mean"]
    values = [one[name] for one in now for name in ("average", "average_low", "average_high")]
    frame = framed([*values, mean], len(then), len(now), 230.0)
    dots, first = [], len(then)
    for row, one in enumerate(now):
        out = not one["average_low"] <= one["average"] <= one["average_high"]
        title = _title(one, "moving average beyond its limits" if out else "moving average within its limits")
        dots.append(Dot(frame.x(first + row), frame.y(one["average"]), "signal" if out else "now", title))
    lines = _path(dots, 0)
    for name in ("average_low", "average_high"):
        places = [(frame.x(first + row), frame.y(one[name])) for row, one in enumerate(now)]
        lines.append(("bound", _joined(places)))
    wanted = [(mean, f"mean {found['limits']['mean_score']:.3f}", "mean")]
    weight, width = found["average"]["weight"], found["average"]["width"]
    hint = (
        f"Shows slow drifts: a weight of {weight:g} for the newest value, limits at {width:g} sigmas of the average. "
    )
    hint += (
        "A value beyond the limits of single scores counts as the limit, so that one defective part moves it little."
    )
    return _chart("Moving average (EWMA)", hint, frame, dots, lines, wanted)


def _chart(
    title: str,
    hint: str,
    frame: Frame,
    dots: Sequence[Dot],
    lines: list[tuple[str, str]],
    wanted: Sequence[tuple[float, str, str]],
    *,
    logits: bool = True,
) -> Chart:
    """wanted: value, name and kind of each level"""
    radius = 2.0 if frame.n_then + frame.n_now > MANY else 3.4
    levels, y_ticks = levels_of(frame, wanted), score_ticks(frame) if logits else plain_ticks(frame)
    return Chart(title, hint, frame.height, dots, lines, levels, y_ticks, x_ticks(frame), frame.divide, radius)


def _rules_of(found: dict[str, Any]) -> dict[int, list[int]]:
    """Rules that hold at each row, without the average, which has a chart of its own."""
    told: dict[int, list[int]] = {}
    for signal in found["signals"]:
        if signal["rule"] != "average":
            for row in range(signal["first_row"], signal["last_row"] + 1):
                told.setdefault(row, []).append(signal["rule"])
    return {row: sorted(set(rules)) for row, rules in told.items()}


def _legible(dots: Sequence[Dot]) -> list[Dot]:
    """The dots without the labels that would lie on the one before."""
    found: list[Dot] = []
    last: Dot | None = None
    for dot in dots:
        if dot.label and last is not None and dot.x - last.x < LABEL[0] and abs(dot.y - last.y) < LABEL[1]:
            dot = replace(dot, label="")
        last = dot if dot.label else last
        found.append(dot)
    return found


def _title(one: dict[str, Any], *said: str) -> str:
    return "\n".join([one["input"], f"score {one['score']:.3f}", *said])


def _path(dots: Sequence[Dot], n_then: int) -> list[tuple[str, str]]:
    """The lines through both kinds of dots, apart."""
    groups = (("then", dots[: max(n_then, 0)]), ("now", dots[max(n_then, 0) :]))
    return [(kind, _joined([(dot.x, dot.y) for dot in group])) for kind, group in groups if len(group) > 1]


def _joined(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)


def _threshold(threshold: float | None, frame: Frame) -> list[tuple[float, str, str]]:
    """The limit of verdicts, where it lies in the frame."""
    if threshold is None or not 0 < threshold < 1:
        return []
    value = math.log(threshold / (1 - threshold))
    return [(value, f"verdict {threshold:.3f}", "threshold")] if frame.low <= value <= frame.high else []
