"""What has moved among the parts of a batch, for people: from the field `drift` of a result."""

from typing import Any

WORDS = {
    "score": "object score",
    "level": "median point score",
    "points": "number of points",
    "spacing": "spacing of points",
    "size": "size",
}
SCANNING = ("points", "spacing", "size")  # what the scanner and its settings decide, before any score


def moved_text(moved: dict[str, Any]) -> str:
    """One quantity: "spacing of points 0.62 where it was 0.31 (p 0.0004)"."""
    name, now, then = moved["quantity"], moved["now"], moved["then"]
    return f"{WORDS[name]} {number_text(name, now)} where it was {number_text(name, then)} (p {p_text(moved['p'])})"


def drift_text(drift: dict[str, Any], good: str = "good parts that the model knows") -> str:
    """One line: what moved, and what to do. good: what the parts are compared with"""
    said = ", ".join(map(moved_text, drift["moved"]))
    return f"these {drift['parts']} parts are not like the {drift['good_parts']} {good}: {said}; {step_for(drift)}"


def step_for(drift: dict[str, Any]) -> str:
    """What to do about it."""
    if any(moved["quantity"] in SCANNING for moved in drift["moved"]):
        return "check the scanner, its settings and the unit; where the change is meant, calibrate or teach again"
    return "look at some of them; where they are good, calibrate or teach again with parts of today"


def p_text(p: float) -> str:
    """A chance with one digit, "< 0.0001" below that."""
    return "< 0.0001" if p < 1e-4 else f"{p:.1g}"


def number_text(name: str, value: float) -> str:
    """A median as people read it: counts whole, scores with three decimals, lengths with three digits."""
    return f"{value:,.0f}" if name == "points" else f"{value:.3f}" if name in ("score", "level") else f"{value:.3g}"
