"""Words of text headers: the unit a comment states, and a file's own words as a message can quote them."""

import re

SHOWN = 60  # characters of a file's own text that a message quotes
WORDS = "mm cm m um in inch inches millimet(?:er|re)s? centimet(?:er|re)s? met(?:er|re)s?".replace(" ", "|")
UNIT = re.compile(rf"\bunits?\b\s*(?:[:=]|in|are|is)?\s*({WORDS})\b", re.IGNORECASE)
SPELLED_OUT = {"mil": "mm", "cen": "cm", "met": "m", "inc": "in"}  # by the first three letters


def unit_of_comment(text: str) -> str | None:
    """The unit a comment states ("units: mm"), or None."""
    found = UNIT.search(text)
    if not found:
        return None
    word = found[1].lower()
    return SPELLED_OUT.get(word[:3], word)


def shown(text: str) -> str:
    """Text of the file as a message can hold it: short, on one line."""
    return "".join(c if c.isprintable() else "?" for c in text.strip()[:SHOWN])
