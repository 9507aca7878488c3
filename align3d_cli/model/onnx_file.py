"""An exported model's file: an ONNX graph, and after it, as metadata, what a safetensors bundle keeps beside a tower.

Two entries of `metadata_props`: "align3d", the header of every model of ours, and "align3d.tensors", its other tensors
(text vectors, good parts) as safetensors in base64. The graph's bytes are those before the first entry.
"""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from align3d_cli.helpers.protobuf import counted, fields
from align3d_cli.helpers.settings import SettingsError
from align3d_cli.model.contents import GRAPH

METADATA_PROPS, KEY, VALUE = 14, 1, 2  # fields of onnx.proto's ModelProto, and of an entry
TENSORS_KEY = "align3d.tensors"
NOT_OURS = "no ONNX file that `align3d export` wrote"


def written(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The whole file of an exported model. tensors: its graph and the others; metadata: its header's words"""
    rest = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items()) if name != GRAPH}
    entries = dict(metadata) | {TENSORS_KEY: base64.b64encode(save(rest)).decode()}
    tail = (counted(KEY, key.encode()) + counted(VALUE, value.encode()) for key, value in sorted(entries.items()))
    return tensors[GRAPH].numpy().tobytes() + b"".join(counted(METADATA_PROPS, entry) for entry in tail)


def read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of an exported model's file, the graph unparsed among them.

    Raises SettingsError for a file that is not of ours, or not whole.
    """
    data = bytearray(path.stat().st_size)  # its own memory: a file that stays mapped changes when it is written over
    with path.open("rb") as stream:
        stream.readinto(data)
    try:
        length, metadata = _split(memoryview(data))
        rest = load(base64.b64decode(metadata.pop(TENSORS_KEY), validate=True))
    except (ValueError, KeyError, binascii.Error, SafetensorError) as error:
        raise SettingsError(NOT_OURS) from error
    if GRAPH in rest or not length:
        raise SettingsError(NOT_OURS)
    return metadata, rest | {GRAPH: torch.frombuffer(data, dtype=torch.uint8, count=length)}


def _split(data: memoryview) -> tuple[int, dict[str, str]]:
    """How many bytes the graph has, and the metadata after it. Raises ValueError for another file."""
    length, metadata = len(data), dict[str, str]()
    for field in fields(data):
        if field.number != METADATA_PROPS:
            if metadata:
                raise ValueError("something after the metadata")
            continue
        length = min(length, field.start)
        if not isinstance(field.value, memoryview):
            raise ValueError("metadata of another kind")
        entry = {one.number: _words(one.value) for one in fields(field.value)}
        metadata[entry.get(KEY, "")] = entry.get(VALUE, "")
    return length, metadata


def _words(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise ValueError("a number for words")
    return str(value, "utf-8")
