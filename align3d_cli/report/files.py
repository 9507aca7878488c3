"""Whole files in folders that are made when they are missing."""

from pathlib import Path

from align3d_cli.errors import EnvironmentMissing
from align3d_cli.scans.files import replacing


def write_bytes(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file whole, its folder too. Raises UsageError when it is there and not forced, EnvironmentMissing when
    it cannot be written.
    """
    make_folder(path.parent)
    with replacing(path, force=force) as stream:
        stream.write(data)


def make_folder(folder: Path) -> None:
    """The folder and those above it. Raises EnvironmentMissing when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentMissing(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
