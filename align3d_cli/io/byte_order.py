"""Text headers that an editor saved again with a byte order mark or as UTF-16."""

import io
from dataclasses import replace

from align3d_cli.io.source import Source
from align3d_cli.io.text import MARKS, plain_text


def without_mark(source: Source) -> Source:
    """A file with a text header as it was before an editor saved it again with a byte order mark or as UTF-16."""
    head = source.head(4)
    if not any(head.startswith(mark) for mark, _ in MARKS) and b"\0" not in head:
        return source
    data = plain_text(source.read())
    return replace(source, stream=io.BytesIO(data), size=len(data))
