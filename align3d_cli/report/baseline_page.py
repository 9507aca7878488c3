"""A comparison with a baseline as one HTML page: charts as SVG in it, no script, nothing asked of the network."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from align3d_cli.report.baseline_chart import average, individuals, ranges
from align3d_cli.report.baseline_text import RULES, doubts, drift_line, rule_name, verdict_text
from align3d_cli.report.chart_frame import LEFT, RIGHT, WIDTH
from align3d_cli.report.drift_text import WORDS, number_text, p_text


def baseline_page(title: str, found: dict[str, Any]) -> str:
    """The page. found: of `running.compare`. Every value goes through the template's escaping."""
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string(_asset("baseline_page.html")).render(
        title=title,
        style=Markup(_asset("baseline_page.css")),  # our own file, nothing of the user's is in it
        found=found,
        verdict=verdict_text(found),
        step=drift_line(found),
        doubts=doubts(found),
        charts=[individuals(found), average(found), ranges(found)],
        width=WIDTH,
        left=LEFT,
        right=WIDTH - RIGHT,
        signals=[_signal(signal, found["parts"]) for signal in found["signals"]],
        moved=[_moved(one) for one in (found["drift"] or {"moved": []})["moved"]],
        good=Path(found["baseline"]).name,
    )


def _asset(name: str) -> str:
    return files("align3d_cli.report").joinpath(name).read_text(encoding="utf-8")


def _signal(signal: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, str]:
    """One row of the table of signals, in words."""
    first, last = signal["first_row"], signal["last_row"]
    numbers = f"{first + 1}" if first == last else f"{first + 1} to {last + 1}"
    scores = [f"{parts[row]['score']:.3f}" for row in sorted({first, last})]
    names = [signal["first"]] if first == last else [signal["first"], signal["last"]]
    rule = f"{rule_name(signal['rule'])}: {RULES[signal['rule']]}"
    return {"numbers": numbers, "names": " to ".join(names), "scores": " to ".join(scores), "rule": rule} | {
        "side": signal["side"]
    }


def _moved(one: dict[str, Any]) -> dict[str, str]:
    """One row of the table of what moved."""
    return {
        "quantity": WORDS[one["quantity"]],
        "then": number_text(one["quantity"], one["then"]),
        "now": number_text(one["quantity"], one["now"]),
        "p": p_text(one["p"]),
    }


def baseline_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what the page shows, which `align3d baseline compare --json` prints."""
    return json.loads(_asset("baseline.schema.json"))
