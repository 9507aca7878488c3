"""Partial files of runs that were killed while they wrote."""

import re
import time
from contextlib import suppress
from pathlib import Path

PARTIAL = re.compile(r"\..+\.[0-9a-f]{16}\.part")  # as `files.partial_of` names them
WRITING_SECONDS = 600.0  # a file that nobody has added to for so long is not being written any more


def sweep(folder: Path, idle_seconds: float = WRITING_SECONDS) -> None:
    """Remove the partial files of a folder that nobody has added to for so long; those of others may be growing."""
    with suppress(OSError):  # nothing is lost by what stays: a folder that is not there, a file of another user
        for path in folder.iterdir():
            if PARTIAL.fullmatch(path.name) and time.time() - path.stat().st_mtime > idle_seconds:
                path.unlink(missing_ok=True)
