"""What a person reads on the terminal about scored parts."""

from typing import Any

from align3d_cli.cli.output import tinted


def result_line(result: dict[str, Any], width: int = 0) -> str:
    """One part on one line: name (padded to `width`), score, verdict against the limit, counts, time, file."""
    defective = result["verdict"] == "defective"
    verdict = tinted(f"{result['verdict']:<9}", "bad" if defective else "good")
    sign = ">" if defective else "<="
    counts = [f"{result['n_points']:,} points"]
    counts += [f"{result['n_invalid']:,} invalid"] if result["n_invalid"] else []
    counts += [f"{result['n_unseen']:,} unseen"] if result["n_unseen"] else []
    counts += [f"{result['n_removed']:,} removed"] if result["n_removed"] else []
    rest = f"{', '.join(counts)}  {result['seconds']['total']:.1f} s"
    arrow = f"  -> {result['output']}" if result["output"] else ""
    against = f"{sign} {result['threshold']:.3f}"
    return f"{result['input']:<{width}}  {result['score']:.3f}  {verdict} {against:>8}  {tinted(rest, 'faint')}{arrow}"


def summary(outcomes) -> str:
    """The batch in one line."""
    verdicts = [found.result["verdict"] for found in outcomes if found.error is None]
    failed = len(outcomes) - len(verdicts)
    counts = [f"{verdicts.count('good')} good", f"{verdicts.count('defective')} defective"]
    return f"{len(outcomes)} parts: {', '.join(counts)}{f', {failed} failed' if failed else ''}"
