"""One HTML page for a part or a batch: scores, verdicts, regions, and points to turn, pick and compare, in one file.

The page asks nothing of the network: pictures and points are inside it, and its content policy forbids requests.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from align3d_cli.report.colours import COLOUR_TABLE, REGION_RGB, STEPS
from align3d_cli.report.packing import base64_text
from align3d_cli.report.page_scripts import asset, page_scripts, script_policy
from align3d_cli.report.part_facts import part_facts, points_text
from align3d_cli.report.region_rows import region_table
from align3d_cli.report.result import limit_text


@dataclass(frozen=True, slots=True)
class TwinPage:
    """A good part that can be shown beside a part.

    name:   of its file; points: what `points_payload` gave, in its own frame
    scan_from_twin: (4, 4) pose that lays it onto the part, None where it lies on none
    """

    name: str
    points: dict[str, Any]
    scan_from_twin: np.ndarray | None


@dataclass(frozen=True, slots=True)
class PartPage:
    """One scored part as the page shows it.

    result:    what `build_result` gave
    sheet:     the view sheet, encoded; None where there is none
    mime:      of the sheet, e.g. "image/jpeg"
    points:    what `points_payload` gave; None where there are none to show
    missing:   why there is no sheet or there are no points, a sentence
    twin:      a good part to look at beside it, None where none is known
    """

    result: dict[str, Any]
    sheet: bytes | None
    mime: str
    points: dict[str, Any] | None
    missing: str = ""
    twin: TwinPage | None = None


def html_page(title: str, parts: Sequence[PartPage], failures: Sequence[dict[str, Any]] = ()) -> str:
    """The page: worst part first, failures (of `build_failure`) above them all. Returns HTML text.

    Every value goes through the template's escaping: names of files cannot become markup.
    """
    ordered = sorted(parts, key=lambda part: -part.result["score"])
    twins = _Twins()
    library, script = page_scripts()
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string(asset("page.html")).render(
        title=title,
        summary=_summary(ordered, failures),
        policy=script_policy(),
        style=Markup(asset("page.css") + asset("viewer/viewer.css")),  # our own files, nothing of the user's in them
        library=Markup(library),
        script=Markup(script),
        colours={"ramp": base64_text(COLOUR_TABLE.tobytes()), "regions": REGION_RGB},
        ramp=_ramp(),
        region_css=_region_css,
        single=len(parts) + len(failures) == 1,
        failures=failures,
        parts=[_shown_part(part, twins) for part in ordered],
        twins=twins.points,
    )


class _Twins:
    """Good parts of a page, each kept once however many parts it stands beside."""

    def __init__(self) -> None:
        self.points: list[dict[str, Any]] = []

    def add(self, twin: TwinPage | None) -> dict[str, Any] | None:
        """How a part names its twin; None for none."""
        if twin is None:
            return None
        if twin.points not in self.points:
            self.points.append(twin.points)
        pose = None if twin.scan_from_twin is None else np.round(twin.scan_from_twin, 7).ravel().tolist()
        return {"key": f"twin-{self.points.index(twin.points)}", "name": twin.name, "pose": pose}


def _ramp() -> str:
    """The colour map as stops of a CSS gradient."""
    stops = COLOUR_TABLE[np.linspace(0, STEPS - 1, 17).astype(int)]
    return ",".join(f"rgb({red},{green},{blue})" for red, green, blue in stops)


def _region_css(number: str) -> str:
    """The colour of a region on the page, by the number that its table states."""
    red, green, blue = REGION_RGB[(int(number) - 1) % len(REGION_RGB)]
    return f"rgb({red},{green},{blue})"


def _summary(parts: list[PartPage], failures: Sequence[dict[str, Any]]) -> str:
    verdicts = Counter({"good": 0, "defective": 0})
    verdicts.update(part.result["verdict"] for part in parts)
    counts = [f"{len(parts)} scored", *(f"{count} {verdict}" for verdict, count in verdicts.items())]
    if failures:
        counts.append(f"{len(failures)} could not be scored")
    return " · ".join([*counts, *_alike(parts)])


def _alike(parts: list[PartPage]) -> list[str]:
    """Models, limits and versions of all parts, each that there is."""
    results = [part.result for part in parts]
    models = [f"model {name}" for name in dict.fromkeys(result["model"] for result in results)]
    limits = [f"limit {text}" for text in dict.fromkeys(limit_text(result["threshold"]) for result in results)]
    return [*models, *limits, *(f"align3d {text}" for text in dict.fromkeys(one["tool_version"] for one in results))]


def _shown_part(part: PartPage, twins: _Twins) -> dict[str, Any]:
    """One part as the template takes it: numbers as words, pictures as addresses."""
    result = part.result
    limit = result["threshold"]
    low, high = result["colours"]
    points = part.points
    more = {"low": low, "high": high, "unit": result["unit"] or "", "twin": twins.add(part.twin)}
    return {
        "result": result,
        "score": f"{result['score']:.3f}",
        "n_points": f"{result['n_points']:,}",
        "filled": f"{100 * result['score']:.1f}",
        "limit_at": None if limit is None else f"{100 * min(max(limit, 0), 1):.1f}",
        "low": f"{low:.2f}",
        "high": f"{high:.2f}",
        "facts": part_facts(result),
        "regions": region_table(result),
        "json": json.dumps(result, indent=2),
        "picture": None if part.sheet is None else f"data:{part.mime};base64,{base64_text(part.sheet)}",
        "points": None if points is None else points | more,
        "columns": [] if points is None else [name for name, _ in points["columns"]],
        "shown": "" if points is None else points_text(points["shown"], points["total"]),
        "missing": part.missing,
    }
