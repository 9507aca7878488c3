"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from align3d_cli.errors import EnvironmentMissing, UsageError


def check_free(path: str | Path, *, force: bool = False) -> Path:
    """The path, when it may be written: nothing there (or force), in a folder that exists. Raises UsageError."""
    path = Path(path)
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is a device or a pipe; name a plain file, which can be replaced")
    if path.exists() and not force:
        raise UsageError(f"{path}: exists already; add --force to replace it")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it first")
    return path


@contextmanager
def replacing(path: str | Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """Yield a stream to a file beside `path`, which takes its place when all went well.

    Raises UsageError when the path is taken, EnvironmentMissing when it cannot be written.
    """
    path = check_free(path, force=force)
    if path.is_symlink():
        path = path.resolve()  # the file is replaced, not the link to it
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as stream:
            yield stream
        os.replace(beside, path)
    except OSError as error:
        raise EnvironmentMissing(
            f"{path}: cannot be written ({error.strerror}); free space or choose another"
        ) from error
    finally:
        beside.unlink(missing_ok=True)


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
