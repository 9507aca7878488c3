"""Torch archives from strangers, read as plain tensors: weights_only, below a size limit, never running code."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.words import first_line

ZIP = b"PK\x03\x04"
OLD_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # torch's, pickled at the head of files before 1.6
WRAPPER = "state_dict"  # what trainers put around the tensors


def read_archive(path: Path, max_bytes: int) -> dict[str, Any]:
    """The top-level dict of a file by torch.save, of the zip format or the older one.

    Size, kind and unpacked size are known before anything is unpickled. Raises InputRejected for anything else, and for
    archives that hold more than tensors and containers.
    """
    if not path.is_file():
        raise InputRejected(f"{path}: no such file; give the .pth file as released")
    if path.stat().st_size > max_bytes:
        raise InputRejected(f"{path}: {path.stat().st_size:,} bytes, a released checkpoint has at most {max_bytes:,}")
    with open(path, "rb") as file:
        head = file.read(64)
    zipped = head.startswith(ZIP)
    if zipped:
        _check_zip(path, max_bytes)
    elif OLD_MAGIC not in head:
        raise InputRejected(f"{path}: not a torch archive; give the .pth file as released")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own note on TorchScript, which is refused below
            # mapped: then no tensor can claim more bytes of a zip than its record has
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except Exception as error:  # a forged pickle can raise anything, and all of it means the same
        raise InputRejected(f"{path}: holds more than plain tensors or is damaged ({first_line(error)})") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputRejected(f"{path}: holds no dict of named parts; give the .pth file as released")
    return content


def _check_zip(path: Path, max_bytes: int) -> None:
    """Refuse archives that unpack to more than they have, which torch.save never writes, and damaged ones."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > max_bytes:
                found = f"unpacks to {unpacked:,} bytes, a released checkpoint has at most {max_bytes:,}"
                raise InputRejected(f"{path}: {found}")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                found = "is compressed inside, as torch.save never does"
                raise InputRejected(f"{path}: {found}; give the .pth file as released")
            damaged = archive.testzip()
    except InputRejected:
        raise
    except Exception as error:  # as below: a forged archive can raise anything
        raise InputRejected(f"{path}: not a torch archive ({error}); give the .pth file as released") from error
    if damaged:
        raise InputRejected(f"{path}: is damaged ({damaged} fails its checksum); copy it again from its source")


def unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """What a trainer put below "state_dict", else the dict itself."""
    inner = value.get(WRAPPER)
    return inner if isinstance(inner, dict) else value


def plain_state(value: Any, path: Path, name: str) -> dict[str, Tensor]:
    """A state dict's tensors, dense, in memory of their own, without a `module.` prefix or a wrapper.

    Raises InputRejected for what is no tensor and for tensors that claim more bytes than they brought along.
    """
    value = unwrapped(value) if isinstance(value, dict) else value
    if not isinstance(value, dict) or not value:
        raise InputRejected(f"{path}: {name} is no state dict; expected tensors by name")
    storages = {}
    for key, tensor in value.items():
        if not isinstance(key, str) or not isinstance(tensor, Tensor) or tensor.layout is not torch.strided:
            raise InputRejected(f"{path}: {name} {key} is no plain tensor")
        if tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_complex():
            raise InputRejected(f"{path}: {name} {key} is no plain tensor ({tensor.device.type}, {tensor.dtype})")
        storage = tensor.untyped_storage()
        if tensor.nbytes > storage.nbytes():
            raise InputRejected(f"{path}: {name} {key} claims shape {tuple(tensor.shape)} over fewer bytes")
        storages[storage.data_ptr()] = storage.nbytes()
    if sum(tensor.nbytes for tensor in value.values()) > 2 * sum(storages.values()):
        raise InputRejected(f"{path}: {name} holds many tensors over the same bytes; give the .pth file as released")
    state = {key.removeprefix("module."): tensor.detach().clone() for key, tensor in value.items()}
    if len(state) < len(value):
        raise InputRejected(f"{path}: {name} names tensors with and without `module.`; give the .pth file as released")
    return state
