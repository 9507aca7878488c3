"""Scans as they arrive in folders: each once it is whole, and again when it is replaced."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from align3d_cli.running.inputs import Part, find_parts

STILL_S = 3.0  # a file that has not grown for so long is whole: copies over a network pause for a second or two
POLL_S = 0.5  # a folder of thousands of files is listed in some 10 ms

State = tuple[int, int]  # size in bytes, time of the last change in ns


def arrivals(
    folders: Sequence[str], *, avoid: Path | None = None, still_s: float = STILL_S, poll_s: float = POLL_S
) -> Iterator[Part]:
    """The scans below folders, those that are there and those that come, without end.

    avoid:   a folder that is not searched, because the outputs go there
    still_s: for so long size and time of a file must stand still; poll_s: between two looks
    An empty file is not there yet. A file whose size or time changes after it was given is given again.
    Raises InputRejected for a folder that cannot be searched.
    """
    given: dict[str, State] = {}
    seen: dict[str, tuple[State, float]] = {}  # as a file is, and since when
    while True:
        for part in find_parts(folders, avoid=avoid).parts:
            state = _state(part.name)
            if state is None or given.get(part.name) == state:
                continue
            before, since = seen.get(part.name, (None, 0.0))
            if before != state:
                seen[part.name] = (state, time.monotonic())
            elif time.monotonic() - since >= still_s:
                given[part.name] = state
                yield part
        time.sleep(poll_s)


def _state(name: str) -> State | None:
    """None for a file that is empty or gone, and for a folder without scans."""
    try:
        found = os.stat(name)
    except OSError:  # moved away between the listing and now
        return None
    return (found.st_size, found.st_mtime_ns) if found.st_size and not os.path.isdir(name) else None
