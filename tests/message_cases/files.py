"""Files that cannot be opened, formats, streams, and options that have no place."""

import os
import sys
from pathlib import Path

from align3d_cli.io.read import read_scan

from .case import Case, scan


def path(name: str, **options: object) -> Case:
    """Read a file that nobody wrote."""
    return lambda folder: read_scan(folder / name, **options)


def stream(closed: bool = False, **options: object) -> Case:
    """Read standard input."""

    def case(_: Path) -> object:
        there = sys.stdin
        sys.stdin = None if closed else there
        try:
            return read_scan("-", **options)
        finally:
            sys.stdin = there

    return case


def pipe(folder: Path) -> object:
    """Read a named pipe to which nobody writes."""
    os.mkfifo(folder / "a.ply")
    return read_scan(folder / "a.ply")


def folder_as_file(folder: Path) -> object:
    """Read a folder."""
    (folder / "a.ply").mkdir()
    return read_scan(folder / "a.ply")


CASES = {
    "absent": path("a.ply"),
    "a folder": folder_as_file,
    "a pipe": pipe,
    "empty": scan("a.ply", ""),
    "unknown suffix": path("a.las"),
    "no suffix": path("a"),
    "unknown format": path("a.ply", format="las"),
    "stream without format": stream(),
    "stream closed": stream(closed=True, format="ply"),
    "columns of a format that names its own": path("a.ply", columns="xyz"),
}
