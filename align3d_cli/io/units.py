"""Units of length as files write them, in comments, names of columns and cells of their own."""

import re

WORDS = (
    "mm cm m um in inch inches microns? micromet(?:er|re)s? millimet(?:er|re)s? centimet(?:er|re)s? met(?:er|re)s?"
).replace(" ", "|")
COMMENT = re.compile(rf"\bunits?\b\s*(?:[:=]|in|are|is)?\s*({WORDS})\b", re.IGNORECASE)
WORD = re.compile(rf"\W*({WORDS})\W*", re.IGNORECASE)
BRACKETS = re.compile(r"\s*[\[({]([^\])}]*)[\])}]")
BEHIND = re.compile(rf"(.*?\w)(?:\s+in\s+|[\s_/:.-]+)({WORDS})", re.IGNORECASE)  # "x_mm", "x/mm", "x in mm"
LONGEST = 80  # letters of a column's name; a longer cell is damage, and slow to search
SPELLED_OUT = {"mic": "um", "mil": "mm", "cen": "cm", "met": "m", "inc": "in"}  # by the first three letters
MICRO = str.maketrans("\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}", "uu")


def unit_of_comment(text: str) -> str | None:
    """The unit a comment states ("units: mm"), as `PointCloud.unit` spells it, or None."""
    found = COMMENT.search(text.translate(MICRO))
    return _short(found[1]) if found else None


def unit_word(text: str) -> str | None:
    """The unit that a cell of its own holds ("mm", "[µm]"), or None."""
    found = WORD.fullmatch(text.translate(MICRO))
    return _short(found[1]) if found else None


def split_unit(name: str) -> tuple[str, str | None]:
    """The name of a column without its brackets and unit, and the unit: "X [mm]" and "x_mm" are "X" and "x" in mm."""
    if len(name) > LONGEST:
        return name, None
    bracketed = BRACKETS.search(name)
    if bracketed:
        return BRACKETS.sub("", name), unit_word(bracketed[1])
    behind = BEHIND.fullmatch(name.translate(MICRO))
    return (behind[1], _short(behind[2])) if behind else (name, None)


def _short(word: str) -> str:
    return SPELLED_OUT.get(word.lower()[:3], word.lower())
