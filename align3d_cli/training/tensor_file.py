"""Tensors on disk that are known to be what was written: safetensors with a checksum of each, and of the facts beside.

Checkpoints and feature files are written and read here and nowhere else.
"""

import json
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.digest import bytes_of
from align3d_cli.helpers.files import write_tensors

HEADER, HEADER_SUM = "align3d", "crc32"  # keys of the metadata


def checksum(tensor: Tensor) -> int:
    """CRC-32 of type, shape and bytes: read with every batch, and 4 GB/s where SHA-256 makes 0.4 to 1.7."""
    start = zlib.crc32(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
    return zlib.crc32(bytes_of(tensor), start)


def write_checked(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON facts; the file appears whole or the old one stays.

    Raises EnvironmentMissing where it cannot be written.
    """
    header = json.dumps({"facts": facts, "checksums": {name: checksum(tensor) for name, tensor in tensors.items()}})
    write_tensors(path, tensors, {HEADER: header, HEADER_SUM: str(zlib.crc32(header.encode()))})


def read_checked(
    path: Path, next_step: str, wanted: Collection[str] | None = None
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The facts of a file and its tensors, or only those of the `wanted` that it holds; on the CPU.

    Raises InputRejected, which ends with the next step, where anything read is not what was written.
    """
    with _opened(path, next_step) as file:
        header = _header(file.metadata())
        names = header["checksums"].keys()
        tensors = {name: file.get_tensor(name) for name in names if wanted is None or name in wanted}
        if any(checksum(tensor) != header["checksums"][name] for name, tensor in tensors.items()):
            raise ValueError("a tensor is not the one that was written")
    return header["facts"], tensors


def checked_names(path: Path, next_step: str) -> set[str]:
    """Names of the tensors of a file. Raises InputRejected as `read_checked`."""
    with _opened(path, next_step) as file:
        return set(_header(file.metadata())["checksums"])


@contextmanager
def _opened(path: Path, next_step: str) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except OSError as error:
        raise InputRejected(f"{path}: cannot be read ({error.strerror or 'no such file'}); {next_step}") from error
    except (SafetensorError, ValueError) as error:
        raise InputRejected(f"{path}: damaged, or not written by this version of align3d; {next_step}") from error


def _header(metadata: Mapping[str, str] | None) -> dict[str, Any]:
    """Facts and checksums. Raises ValueError for what `write_checked` did not write."""
    text, total = (metadata or {}).get(HEADER, ""), (metadata or {}).get(HEADER_SUM)
    if str(zlib.crc32(text.encode())) != total:
        raise ValueError("the header is not the one that was written")
    header = json.loads(text)
    parts = [header.get(key) for key in ("facts", "checksums")] if isinstance(header, dict) else []
    if not parts or not all(isinstance(part, dict) for part in parts):
        raise ValueError("the header has another form")
    return header
