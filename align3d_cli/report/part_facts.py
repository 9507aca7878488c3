"""What a page says of one part beside its picture, in words."""

from typing import Any

from align3d_cli.report.reference_text import beside_facts
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


def part_facts(result: dict[str, Any]) -> list[tuple[str, str]]:
    """(label, words) of everything the page says about a part below its heat map. result: of `build_result`"""
    lines = [("score", f"{result['score']:.3f} (limit {limit_text(result['threshold'])})")]
    if result["decision"] is not None:
        lines += [("decided by", line) for line in decision_text(result["decision"])]
        lines.append(("rules", result["decision"]["rules"]))
    lines += [("doubt", doubt) for doubt in result["doubts"]] + [("note", note) for note in result["notes"]]
    lines += [] if result["references"] is None else beside_facts(result["references"])
    lines += [("extent", extent_text(result)), ("smallest defect shown", resolution_text(result))]
    lines += [(label, _shown(name, result[name])) for name, label in FACTS.items() if result[name] is not None]
    return [*lines, ("seconds", ", ".join(f"{step} {value:.2f}" for step, value in result["seconds"].items()))]


def points_text(shown: int, total: int) -> str:
    """How many of a part's points a page shows."""
    if shown == total:
        return f"all {total:,} points"
    return f"{shown:,} of {total:,} points, evenly thinned: of each cell the one with the highest score"


def _shown(name: str, value: object) -> str:
    if name.endswith("sha256"):
        return f"{str(value)[:16]}…"
    return f"{value:,}" if isinstance(value, int) else str(value)
