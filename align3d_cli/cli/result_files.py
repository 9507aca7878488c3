"""Files of results that a command reads, and what it makes of them."""

import os
from collections.abc import Sequence
from pathlib import Path

from align3d_cli.errors import UsageError

HELP = "What `align3d score` printed with --json or --jsonl, or its --out-dir"


def check_results(results: Sequence[Path], out: Path | None, *others: Path) -> None:
    """Raise UsageError for results that are named twice, whose parts would count twice, and for an output that would
    replace what it is made from, whatever --force says. others: what is read beside the results"""
    read = [os.path.realpath(path) for path in (*results, *others)]
    for row, path in enumerate(results):
        if read[row] in read[:row]:
            raise UsageError(f"{path}: is named twice; name every file of results once")
    if out is not None and os.path.realpath(out) in read:
        raise UsageError(f"--out {out}: is read by this call; name another file")
