"""Whole files, written beside their place and moved there: a reader sees the old file or the new one, never half."""

import os
from pathlib import Path

from align3d_cli.errors import UsageError


def write_bytes(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file, its folder too. Raises UsageError when it is there and not forced, or cannot be written."""
    if path.exists() and not force:
        raise UsageError(f"{path}: exists; add --force to overwrite")
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if partial.exists():
            partial.unlink()


def cannot_write(path: Path, error: OSError) -> UsageError:
    """What to raise when the system refuses to write `path`."""
    return UsageError(f"{path}: cannot be written ({error.strerror or error}); choose another place")
