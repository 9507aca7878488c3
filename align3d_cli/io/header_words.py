"""Words of text headers: the unit a comment states, and a file's own words as a message can quote them."""

import io
import re
from dataclasses import replace

from align3d_cli.io.source import Source
from align3d_cli.io.text import plain_text

MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # of byte order: UTF-8, UTF-16
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


def without_mark(source: Source) -> Source:
    """A file with a text header as it was before an editor saved it again with a byte order mark or as UTF-16."""
    head = source.head(4)
    if not head.startswith(MARKS) and b"\0" not in head:
        return source
    data = plain_text(source.read())
    return replace(source, stream=io.BytesIO(data), size=len(data))
