"""A comparison with a baseline in words: from what `running.compare` gives."""

from typing import Any

from align3d_cli.report.drift_text import WORDS, drift_text

RULES = {
    1: "beyond three sigmas",
    2: "nine in a row or more on one side of the mean",
    3: "six in a row or more, each beyond the one before",
    5: "two of three beyond two sigmas",
    "average": "moving average beyond its limits",
}


def rule_name(rule: int | str) -> str:
    """ "rule 1", "average" """
    return str(rule) if isinstance(rule, str) else f"rule {rule}"


def signal_text(signal: dict[str, Any], parts: list[dict[str, Any]]) -> str:
    """One signal: "rule 1, beyond three sigmas, higher: part.ply (0.910)", with its last part where there are more."""
    ends = [signal["first"]] if signal["first_row"] == signal["last_row"] else [signal["first"], signal["last"]]
    rows = [signal["first_row"], signal["last_row"]]
    named = " to ".join(f"{name} ({parts[row]['score']:.3f})" for name, row in zip(ends, rows, strict=False))
    return f"{rule_name(signal['rule'])}, {RULES[signal['rule']]}, {signal['side']}: {named}"


def verdict_text(found: dict[str, Any]) -> str:
    """In one line whether the parts as a whole have moved: "drift: spacing of points higher"."""
    if not found["drifted"]:
        told = found["drift"] is not None and found["drift"]["enough"]
        return "no drift" if told or not found["rough"] else "no drift that so few parts could show"
    said = [f"{WORDS[one['quantity']]} {one['side']}" for one in (found["drift"] or {"moved": []})["moved"]]
    return f"drift: {', '.join(said + ['the moving average is out of its limits'] * found['average']['out_now'])}"


def summary(found: dict[str, Any]) -> str:
    """The comparison in one line."""
    n, limits = len(found["parts"]), found["limits"]
    against = f"{n} part{'s' * (n > 1)} against {len(found['good_parts'])} of {found['baseline']}"
    between = f"limits {limits['low_score']:.3f} to {limits['high_score']:.3f} around {limits['mean_score']:.3f}"
    count = len(found["signals"])
    return f"{against} ({between}): {verdict_text(found)}; {count} signal{'s' * (count != 1)} in the chart"


def doubts(found: dict[str, Any]) -> list[str]:
    """What limits the comparison, a sentence each."""
    said = []
    if found["rough"]:
        n = len(found["good_parts"])
        said.append(f"the baseline has {n} parts, so its limits are rough: save one of 20 or more")
    if found["failed"]:
        n = found["failed"]
        said.append(f"{n} part{'s' * (n > 1)} could not be scored and {'are' if n > 1 else 'is'} in no chart")
    return said


def drift_line(found: dict[str, Any]) -> str | None:
    """What moved and what to do about it; None where nothing did."""
    drift = found["drift"]
    if drift is not None and drift["moved"]:
        return drift_text(drift, "of the baseline")
    if found["average"]["out_now"]:
        last = found["parts"][-1]["input"]
        return f"the average of the parts up to {last} lies beyond its limits; look at the latest parts and the scanner"
    return None
