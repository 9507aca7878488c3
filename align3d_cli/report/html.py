"""One HTML page for a part or a batch: scores, verdicts, view sheets and turnable heat maps, all in the one file.

The page asks nothing of the network: pictures and points are inside it, and its content policy forbids requests.
"""

import base64
import json
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from align3d_cli.report.colours import COLOUR_TABLE, STEPS, UNSEEN_RGB
from align3d_cli.report.result import limit_text

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
    sheet:     the view sheet, encoded
    mime:      of the sheet, e.g. "image/jpeg"
    points:    what `points_payload` gave
    low, high: the colour limits
    """

    result: dict[str, Any]
    sheet: bytes
    mime: str
    points: dict[str, Any]
    low: float
    high: float


def html_page(title: str, parts: list[PartPage], failures: list[dict[str, Any]] | None = None) -> str:
    """The page: worst part first, failures (of `build_failure`) above them all. Returns HTML text."""
    failures = failures or []
    ordered = sorted(parts, key=lambda part: -part.result["score"])
    single = len(parts) + len(failures) == 1
    return Template(_asset("page.html")).substitute(
        title=escape(title),
        summary=escape(_summary(ordered, failures)),
        style=_asset("page.css"),
        script=_asset("viewer.js"),
        palette=_palette(),
        table="" if single else _table(ordered, failures),
        parts="\n".join(_section(number, part, single) for number, part in enumerate(ordered)),
    )


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _palette() -> str:
    """256 RGB triples, base64; the last is the unseen grey, as in `points_payload`."""
    table = COLOUR_TABLE[np.rint(np.linspace(0, STEPS - 1, 255)).astype(int)]
    return base64.b64encode(np.vstack([table, np.uint8([UNSEEN_RGB])]).tobytes()).decode("ascii")


def _summary(parts: list[PartPage], failures: list[dict[str, Any]]) -> str:
    bad = sum(part.result["verdict"] == "defective" for part in parts)
    counts = [f"{len(parts)} scored", f"{len(parts) - bad} good", f"{bad} defective"]
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


def _badge(verdict: str) -> str:
    return f'<span class="verdict {verdict}">{verdict}</span>'


def _table(parts: list[PartPage], failures: list[dict[str, Any]]) -> str:
    rows = [_failure_row(failure) for failure in failures]
    rows += [_row(number, part.result) for number, part in enumerate(parts)]
    head = '<th>part</th><th>score</th><th>verdict</th><th class="number">points</th><th>heat map</th>'
    return f'<div class="table-frame"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _row(number: int, result: dict[str, Any]) -> str:
    limit = result["threshold"]
    mark = "" if limit is None else f'<b style="left:{100 * min(max(limit, 0), 1):.1f}%"></b>'
    gauge = f'<span class="gauge {result["verdict"]}"><i style="width:{100 * result["score"]:.1f}%"></i>{mark}</span>'
    return (
        f'<tr><td class="name"><a href="#part-{number}">{escape(result["input"])}</a></td>'
        f'<td class="score">{gauge}{result["score"]:.3f}</td><td>{_badge(result["verdict"])}</td>'
        f'<td class="number">{result["n_points"]:,}</td><td class="name">{escape(result["output"] or "")}</td></tr>'
    )


def _failure_row(failure: dict[str, Any]) -> str:
    return (
        f'<tr><td class="name">{escape(failure["input"])}</td><td></td><td>{_badge("failed")}</td>'
        f'<td colspan="2">{escape(failure["error"]["message"])}</td></tr>'
    )


def _section(number: int, part: PartPage, opened: bool) -> str:
    result, key = part.result, f"points-{number}"
    data_uri = f"data:{part.mime};base64,{base64.b64encode(part.sheet).decode('ascii')}"
    return f"""<details class="part" id="part-{number}"{" open" if opened else ""}>
<summary>{escape(result["input"])} {_badge(result["verdict"])}<span class="score">{result["score"]:.3f}</span></summary>
<div class="body"><div>
<canvas data-points="{key}" tabindex="0" role="img" aria-label="heat map of {escape(result["input"], quote=True)},
 drag to turn"></canvas>
{_scale(part.low, part.high)}
<dl>{_facts(result)}</dl>
<details class="raw"><summary>JSON</summary><pre>{escape(json.dumps(result, indent=2))}</pre></details>
</div><div><img src="{data_uri}" alt="views of {escape(result["input"], quote=True)} with the anomaly map laid over">
</div></div>
<script type="application/json" id="{key}">{json.dumps(part.points)}</script>
</details>"""


def _scale(low: float, high: float) -> str:
    stops = ",".join(f"rgb({r},{g},{b})" for r, g, b in COLOUR_TABLE[np.linspace(0, STEPS - 1, 17).astype(int)])
    return (
        f'<div class="scale">{low:.2f}<span class="ramp" style="background:linear-gradient(90deg,{stops})"></span>'
        f'{high:.2f}<span class="grey"></span>no score</div>'
        '<p class="hint">drag to turn, wheel to zoom, double click to reset</p>'
    )


def _facts(result: dict[str, Any]) -> str:
    lines = [("score", f"{result['score']:.3f} (limit {limit_text(result['threshold'])})")]
    lines += [(label, _shown(name, result[name])) for name, label in FACTS.items() if result[name] is not None]
    lines.append(("seconds", ", ".join(f"{step} {value:.2f}" for step, value in result["seconds"].items())))
    return "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in lines)


def _shown(name: str, value: object) -> str:
    if name.endswith("sha256"):
        return f"{str(value)[:16]}…"
    return f"{value:,}" if isinstance(value, int) else str(value)
