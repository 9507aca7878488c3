"""What was known beside a scan, for people: from the field `references` of its result."""

from pathlib import Path
from typing import Any

LEAST_SHARE = 0.1  # of the evidence; channels that gave less decided nothing
NAMED = 6  # parts named on a page; of more, how many they are


def known_text(references: dict[str, Any]) -> str:
    """What was known: "4 good parts", "12 parts of this call", "nominal.stl"."""
    parts = references["parts"]
    if references["kind"] == "reference":
        return Path(parts[0]).name
    if references["kind"] == "among":
        return f"{len(parts)} parts of this call"
    return f"{len(parts)} good part{'s' * (len(parts) > 1)}"


def spoke_text(references: dict[str, Any]) -> str:
    """Which evidence made the highest scores: "deviation 45 %, descriptors 30 %"."""
    shares = sorted(references["spoke"].items(), key=lambda one: -one[1])
    said = [f"{name} {100 * share:.0f} %" for name, share in shares if share >= LEAST_SHARE]
    return ", ".join(said) or "nothing stands out"


def beside_text(references: dict[str, Any]) -> str:
    """Both in short, for a line: "beside 4 good parts: deviation 45 %, descriptors 30 %"."""
    return f"beside {known_text(references)}: {spoke_text(references)}"


def beside_facts(references: dict[str, Any]) -> list[tuple[str, str]]:
    """(label, words) of all that is said of it on a page."""
    parts = references["parts"]
    names = f": {', '.join(Path(part).name for part in parts)}" if 1 < len(parts) <= NAMED else ""
    found = [("judged beside", known_text(references) + names), ("highest scores by", spoke_text(references))]
    found.append(("laid onto them", "yes" if references["laid"] else f"no: {references['why_apart']}"))
    if references["missing_share"]:
        found.append(("missing", f"{100 * references['missing_share']:.2g} % of what it should show"))
    if references["interval"] is not None:
        low, high = (f"{100 * end:.0f}" for end in references["interval"])
        told = f"{references['alarms']} of {len(parts)} good parts above the limit, which allows {low} to {high} %"
        found.append(("false alarms", told))
    return found
