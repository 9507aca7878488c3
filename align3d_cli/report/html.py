"""One HTML page for a part or a batch: scores, verdicts, view sheets and turnable heat maps, all in the one file.

The page asks nothing of the network: pictures and points are inside it, and its content policy forbids requests.
"""

import json
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from align3d_cli.report.colours import COLOUR_TABLE, STEPS, UNSEEN_RGB
from align3d_cli.report.points_payload import base64_text
from align3d_cli.report.reference_text import beside_facts
from align3d_cli.report.region_rows import region_table
from align3d_cli.report.result import decision_text, extent_text, limit_text, resolution_text

FACTS = {
    "n_points": "points",
    "n_invalid": "without measurement",
    "n_unseen": "seen by no view",
    "n_removed": "taken for background or strays",
    "unit": "unit",
    "views": "views",
    "model": "model",
    "device": "device",
    "seed": "seed",
    "output": "heat map",
    "input_sha256": "SHA-256 of the input",
    "model_sha256": "SHA-256 of the model",
}


@dataclass(frozen=True, slots=True)
class PartPage:
    """One scored part as the page shows it.

    result:    what `build_result` gave
    sheet:     the view sheet, encoded; None where there is none
    mime:      of the sheet, e.g. "image/jpeg"
    points:    what `points_payload` gave; None where there are none to show
    low, high: the colour limits
    missing:   why there is no sheet or there are no points, a sentence
    """

    result: dict[str, Any]
    sheet: bytes | None
    mime: str
    points: dict[str, Any] | None
    low: float
    high: float
    missing: str = ""


def html_page(title: str, parts: list[PartPage], failures: list[dict[str, Any]] | None = None) -> str:
    """The page: worst part first, failures (of `build_failure`) above them all. Returns HTML text.

    Every value goes through the template's escaping: names of files cannot become markup.
    """
    failures = failures or []
    ordered = sorted(parts, key=lambda part: -part.result["score"])
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string(_asset("page.html")).render(
        title=title,
        summary=_summary(ordered, failures),
        style=Markup(_asset("page.css")),  # our own files, nothing of the user's is in them
        script=Markup(_asset("viewer.js")),
        palette=_palette(),
        ramp=_ramp(),
        single=len(parts) + len(failures) == 1,
        failures=failures,
        parts=[_shown_part(part) for part in ordered],
    )


def _asset(name: str) -> str:
    return files("align3d_cli.report").joinpath(name).read_text(encoding="utf-8")


def _palette() -> str:
    """256 RGB triples, base64; the last is the unseen grey, as in `points_payload`."""
    table = COLOUR_TABLE[np.rint(np.linspace(0, STEPS - 1, 255)).astype(int)]
    return base64_text(np.vstack([table, np.array([UNSEEN_RGB], np.uint8)]).tobytes())


def _ramp() -> str:
    """The colour map as stops of a CSS gradient."""
    stops = COLOUR_TABLE[np.linspace(0, STEPS - 1, 17).astype(int)]
    return ",".join(f"rgb({red},{green},{blue})" for red, green, blue in stops)


def _summary(parts: list[PartPage], failures: list[dict[str, Any]]) -> str:
    verdicts = Counter({"good": 0, "defective": 0})
    verdicts.update(part.result["verdict"] for part in parts)
    counts = [f"{len(parts)} scored", *(f"{count} {verdict}" for verdict, count in verdicts.items())]
    if failures:
        counts.append(f"{len(failures)} could not be scored")
    if parts:
        first = parts[0].result
        counts += [
            f"model {first['model']}",
            f"limit {limit_text(first['threshold'])}",
            f"align3d {first['tool_version']}",
        ]
    return " · ".join(counts)


def _shown_part(part: PartPage) -> dict[str, Any]:
    """One part as the template takes it: numbers as words, pictures as addresses."""
    result = part.result
    limit = result["threshold"]
    return {
        "result": result,
        "score": f"{result['score']:.3f}",
        "n_points": f"{result['n_points']:,}",
        "filled": f"{100 * result['score']:.1f}",
        "limit_at": None if limit is None else f"{100 * min(max(limit, 0), 1):.1f}",
        "low": f"{part.low:.2f}",
        "high": f"{part.high:.2f}",
        "facts": _facts(result),
        "regions": region_table(result),
        "json": json.dumps(result, indent=2),
        "picture": None if part.sheet is None else f"data:{part.mime};base64,{base64_text(part.sheet)}",
        "points": part.points,
        "missing": part.missing,
    }


def _facts(result: dict[str, Any]) -> list[tuple[str, str]]:
    """(label, words) of everything the page says about a part below its heat map."""
    lines = [("score", f"{result['score']:.3f} (limit {limit_text(result['threshold'])})")]
    if result["decision"] is not None:
        lines += [("decided by", line) for line in decision_text(result["decision"])]
        lines.append(("rules", result["decision"]["rules"]))
    lines += [("why unsure", doubt) for doubt in result["doubts"]] + [("note", note) for note in result["notes"]]
    lines += [] if result["references"] is None else beside_facts(result["references"])
    lines += [("extent", extent_text(result)), ("smallest defect shown", resolution_text(result))]
    lines += [(label, _shown(name, result[name])) for name, label in FACTS.items() if result[name] is not None]
    return [*lines, ("seconds", ", ".join(f"{step} {value:.2f}" for step, value in result["seconds"].items()))]


def _shown(name: str, value: object) -> str:
    if name.endswith("sha256"):
        return f"{str(value)[:16]}…"
    return f"{value:,}" if isinstance(value, int) else str(value)
