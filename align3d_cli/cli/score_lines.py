"""What a person reads on the terminal about scored parts."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from align3d_cli.cli.output import tinted
from align3d_cli.report.reference_text import beside_text
from align3d_cli.report.result import decision_text, extent_text

TONES = {"good": "good", "defective": "bad", "unsure": "bad", "uncalibrated": "faint"}


def result_line(result: dict[str, Any], width: int = 0) -> str:
    """One part on one line: name (padded to `width`), score, verdict against the limit, counts, time, file."""
    verdict = tinted(f"{result['verdict']:<9}", TONES[result["verdict"]])
    counts = [extent_text(result), f"{result['n_points']:,} points"]
    counts += [f"{result['n_invalid']:,} invalid"] if result["n_invalid"] else []
    counts += [f"{result['n_unseen']:,} unseen"] if result["n_unseen"] else []
    counts += [f"{result['n_removed']:,} removed"] if result["n_removed"] else []
    n_regions = len(result["regions"])
    counts += [f"{n_regions} region{'s' * (n_regions > 1)}"] if n_regions else []
    counts += [] if result["references"] is None else [beside_text(result["references"])]
    rest = f"{', '.join(counts)}  {result['seconds']['total']:.1f} s"
    arrow = f"  -> {result['output']}" if result["output"] else ""
    against = "no limit"
    if result["decision"] is not None:
        against = "by rules"
    elif result["threshold"] is not None:
        against = f"{'>' if result['score'] > result['threshold'] else '<='} {result['threshold']:.3f}"
    reasons = decision_text(result["decision"]) if result["decision"] is not None else []
    rest += f"  {reasons[0]}" if reasons else ""
    return f"{result['input']:<{width}}  {result['score']:.3f}  {verdict} {against:>8}  {tinted(rest, 'faint')}{arrow}"


def summary(outcomes: Iterable[Any]) -> str:
    """The batch in one line."""
    verdicts = Counter("failed" if found.failure else found.result["verdict"] for found in outcomes)
    shown = [f"{verdicts[word]} {word}" for word in ("good", "defective")]
    shown += [f"{verdicts[word]} {word}" for word in ("unsure", "uncalibrated", "failed") if verdicts[word]]
    return f"{verdicts.total()} parts: {', '.join(shown)}"
