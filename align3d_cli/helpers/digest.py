"""SHA-256 of files, bytes, settings and arrays, in hex: one way each, since stored files are found again by them."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # torch is slow to import, and whoever has a tensor has imported it
    from torch import Tensor


def sha256_of(path: str | Path) -> str:
    """Hex SHA-256 of a file's bytes. Raises OSError where it cannot be read."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_bytes(*parts: bytes | memoryview) -> str:
    """Hex SHA-256 of all parts, one after the other."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return sha.hexdigest()


def digest_of_settings(value: object) -> str:
    """Hex SHA-256 of a JSON value, whatever the order of its keys; what JSON does not know counts as its `str`."""
    return digest_of_bytes(json.dumps(value, sort_keys=True, default=str).encode())


def digest_of_arrays(arrays: Mapping[str, "np.ndarray | Tensor"]) -> str:
    """Hex SHA-256 of names, types, shapes and bytes, whatever the order of the names and the memory layout.

    A tensor and a numpy array of the same values differ: torch's name of the type is another.
    """
    parts: list[bytes | memoryview] = []
    for name in sorted(arrays):
        array = arrays[name]
        parts += [f"{name} {array.dtype} {tuple(array.shape)}\n".encode(), bytes_of(array)]
    return digest_of_bytes(*parts)


def bytes_of(array: "np.ndarray | Tensor") -> memoryview:
    """The bytes of an array in C order, a tensor's as they are on the CPU."""
    if isinstance(array, np.ndarray):
        return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    import torch

    # as bytes, since numpy has no bfloat16
    return array.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
