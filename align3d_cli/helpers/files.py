"""Files that appear whole or not at all: written beside their place under a hidden name, then moved there."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.helpers.leftovers import sweep

if TYPE_CHECKING:  # torch is slow to import, and whoever has a tensor has imported it
    from torch import Tensor

STEM = 24  # characters of a file's name in its partial file's: at 4 bytes each, well below the 255 of a file system


def check_free(path: str | Path, *, force: bool = False) -> Path:
    """The path, when it may be written: nothing there (or force), in a folder that exists. Raises UsageError."""
    path = Path(path)
    try:
        finding = _obstacle(path, force)
    except OSError as error:  # a name that is too long, a folder that may not be searched
        finding = f"cannot be used ({error.strerror}); choose another"
    if finding:
        raise UsageError(f"{path}: {finding}")
    return path


def _obstacle(path: Path, force: bool) -> str | None:
    if path.is_dir():
        return "is a folder; name a file in it"
    if path.exists() and not path.is_file():
        return "is a device or a pipe; name a plain file, which can be replaced"
    if path.exists() and not force:
        return "exists already; add --force to replace it"
    if os.path.islink(os.path.realpath(path)):
        return "is a link that leads in a circle; remove it"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}; make it first"
    return None


@contextmanager
def replacing(path: str | Path, *, force: bool = False, durable: bool = False) -> Iterator[BinaryIO]:
    """Yield a stream to a file beside `path`, which takes its place when all went well.

    durable: on the disk, not only on its way there, before it takes the place
    Raises UsageError when the path is taken, EnvironmentMissing when it cannot be written.
    """
    path = check_free(path, force=force)
    if path.is_symlink():
        path = path.resolve()  # the file is replaced, not the link to it
    _sweep_once(path.parent)
    beside = partial_of(path)
    try:
        with beside.open("xb") as stream:
            yield stream
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(beside, path)
    except OSError as error:
        finding = f"cannot be written ({error.strerror or error})"
        raise EnvironmentMissing(f"{path}: {finding}; free space or choose another") from error
    finally:
        with suppress(OSError):  # on a read-only file system even removing nothing fails, which is told already
            beside.unlink(missing_ok=True)


@lru_cache  # once a folder and process: a batch writes thousands of files into one
def _sweep_once(folder: Path) -> None:
    """Remove what killed processes have left in a folder."""
    sweep(folder)


def partial_of(path: Path) -> Path:
    """A new hidden name in the same folder, for what is to become `path`; no other process or machine has it."""
    return path.with_name(f".{path.name[:STEM]}.{secrets.token_hex(8)}.part")


def write_bytes(path: Path, data: bytes, *, force: bool, durable: bool = False) -> None:
    """Write a file whole, its folder too. Raises UsageError when it is there and not forced, EnvironmentMissing when
    it cannot be written.
    """
    make_folder(path.parent)
    with replacing(path, force=force, durable=durable) as stream:
        stream.write(data)


def write_json(path: Path, value: object, *, durable: bool = False) -> None:
    """Write JSON for people too, keys in order, in place of a file that is there; errors as `write_bytes`."""
    text = json.dumps(value, indent=2, sort_keys=True)
    write_bytes(path, f"{text}\n".encode(), force=True, durable=durable)


def write_tensors(path: Path, tensors: Mapping[str, "Tensor"], facts: Mapping[str, str]) -> None:
    """Write a safetensors file whole, in place of one that is there; errors as `write_bytes`.

    tensors: on any device, in any dense layout; facts: words in the file's header
    """
    from safetensors.torch import save  # its `save_file` makes files that only their owner may read

    # copies, since safetensors refuses two names for the same memory
    plain = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in sorted(tensors.items())}
    write_bytes(path, save(plain, dict(facts)), force=True)


def make_folder(folder: Path) -> None:
    """The folder and those above it. Raises EnvironmentMissing when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentMissing(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
