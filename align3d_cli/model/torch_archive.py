"""Torch archives from strangers, read as plain tensors: weights_only, below a size limit, never running code."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from align3d_cli.errors import InputRejected


def read_archive(path: Path, max_bytes: int) -> dict[str, Any]:
    """The top-level dict of a file by torch.save; size and kind are known before anything is unpickled.

    Raises InputRejected for anything else, and for archives that hold more than tensors and containers.
    """
    if not path.is_file():
        raise InputRejected(f"{path}: no such file")
    if path.stat().st_size > max_bytes:
        raise InputRejected(f"{path}: {path.stat().st_size:,} bytes, a released checkpoint has at most {max_bytes:,}")
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise InputRejected(f"{path}: not a torch archive ({error}); give the .pth file as released") from error
    if unpacked > max_bytes:
        raise InputRejected(f"{path}: unpacks to {unpacked:,} bytes, a released checkpoint has at most {max_bytes:,}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, AttributeError) as error:
        reason = str(error).strip().split("\n")[0][:200]
        raise InputRejected(f"{path}: holds more than plain tensors or is damaged ({reason})") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputRejected(f"{path}: holds no dict of named parts; give the .pth file as released")
    return content


def plain_state(value: Any, path: Path, name: str) -> dict[str, Tensor]:
    """A state dict's tensors, each dense and no larger than the bytes it brought along, without a `module.` prefix."""
    if not isinstance(value, dict) or not value:
        raise InputRejected(f"{path}: {name} is no state dict; expected tensors by name")
    for key, tensor in value.items():
        if not isinstance(tensor, Tensor) or tensor.layout is not torch.strided:
            raise InputRejected(f"{path}: {name} {key} is no plain tensor")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise InputRejected(f"{path}: {name} {key} claims shape {tuple(tensor.shape)} over fewer bytes")
    return {str(key).removeprefix("module."): tensor for key, tensor in value.items()}
