"""The tensors of a model's file: which there may be, what belongs together, and their checksum."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from align3d_cli.helpers.digest import digest_of_arrays, digest_of_settings
from align3d_cli.helpers.settings import SettingsError
from align3d_cli.model.aligner import Aligner

PARTS = ("encoder.", "aligner.", "text.", "good.")
TEXTS = ("text.rendering", "text.rgb")
GRAPH = "encoder.graph"  # (n,) uint8, a whole ONNX file: tower, aligner and prompts of an exported model
WEIGHT_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
COUNTER_TYPES = (torch.int64, torch.int32, torch.uint8, torch.bool)


def checksum(settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Hex SHA-256 over the settings and over names, types, shapes and bytes of all tensors."""
    return digest_of_settings({"settings": settings, "tensors": digest_of_arrays(tensors)})


def check_tensors(tensors: Mapping[str, Tensor]) -> None:
    """Raise SettingsError for tensors that are no part of a model, not finite, or do not belong together.

    Whether "encoder.*" fit the tower that the settings name is known once that is built, see `model.parts`.
    """
    for name, tensor in tensors.items():
        if not name.startswith(PARTS) or (name.startswith("text.") and name not in TEXTS):
            raise SettingsError(f"tensor {name!r} is no part of a model")
        if tensor.dtype not in (WEIGHT_TYPES + COUNTER_TYPES if name.startswith("encoder.") else WEIGHT_TYPES):
            raise SettingsError(f"tensor {name} holds {str(tensor.dtype).removeprefix('torch.')}, which no weights are")
        if not torch.isfinite(tensor).all():
            raise SettingsError(f"tensor {name} has values that are not finite")
    _check_shapes(tensors)


def _check_shapes(tensors: Mapping[str, Tensor]) -> None:
    """Text vectors (2, D), the aligner's layers of the same D, and no RGB prompts without it or a graph that has it."""
    wanted, dim = {}, _dimension(tensors)
    if GRAPH in tensors and (tensors[GRAPH].dtype != torch.uint8 or tensors[GRAPH].ndim != 1):
        raise SettingsError(f"tensor {GRAPH} is no row of bytes")
    if aligner := [name for name in tensors if name.startswith("aligner.")]:
        wanted = {f"aligner.{name}": shape for name, shape in aligner_shapes(max(dim, 1)).items()}
        if odd := sorted(wanted.keys() ^ set(aligner)):
            raise SettingsError(f"tensor {odd[0]} is {'missing' if odd[0] in wanted else 'no part of an aligner'}")
    elif "text.rgb" in tensors and GRAPH not in tensors:
        raise SettingsError("RGB prompts without the aligner they belong to")
    wanted |= {name: (2, dim) for name in TEXTS if name in tensors}
    for name, shape in wanted.items():
        if (found := tuple(tensors[name].shape)) != shape:
            raise SettingsError(f"tensor {name} has the shape {found} where {shape} belongs")


def _dimension(tensors: Mapping[str, Tensor]) -> int:
    """D of the joint space as the first text vectors or the aligner have it; 0 where neither says it."""
    first = next((tensors[name] for name in (*TEXTS, "aligner.global_mlp.input.weight") if name in tensors), None)
    return first.shape[-1] if first is not None and first.ndim else 0


def aligner_shapes(dim: int) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of an aligner of dimension D, by its name in a state."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in Aligner(dim).state_dict().items()}
