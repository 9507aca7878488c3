"""State dicts of open_clip models out of local files: safetensors, torch archives, OpenAI's own TorchScript."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from align3d_cli.errors import EnvironmentMissing, WeightsRejected
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.words import first_line

OPENAI_BUFFERS = ("input_resolution", "context_length", "vocab_size")  # only OpenAI's own files carry these
Select = Callable[[str], str | None]


def read_state(path: Path, select: Select, trusted_sha256: str | None = None) -> tuple[dict[str, Tensor], bool]:
    """The tensors of one tower, and whether the file is in OpenAI's own naming (which means quick-GELU).

    select:         maps a key of the file to the tower's own, None for keys of other parts
    trusted_sha256: of the one TorchScript archive that may be opened, since opening one runs code
    Raises EnvironmentMissing for no such file, WeightsRejected for one that cannot be read.
    """
    if not path.is_file():
        raise EnvironmentMissing(f"{path}: no such weights file; give one that exists or leave --weights out")
    if path.suffix == ".safetensors":
        return _read_safetensors(path, select)
    state = _read_torch(path, trusted_sha256)
    return {own: value for key, value in state.items() if (own := select(key))}, is_openai(state)


def is_openai(keys: dict[str, Tensor] | list[str]) -> bool:
    """Whether a state dict carries the buffers that only OpenAI's own archives have."""
    return all(name in keys for name in OPENAI_BUFFERS)


def visual_key(key: str) -> str | None:
    """A file's key as the image tower names it, None for keys of other parts."""
    return key.removeprefix("visual.") if key.startswith("visual.") else None


def text_key(key: str) -> str | None:
    """A file's key as the text tower names it, from CLIP's flat naming or from `text.`; None for other parts."""
    flat = ("transformer.", "token_embedding.", "ln_final.", "positional_embedding", "text_projection")
    if key.startswith("text."):
        return key.removeprefix("text.")
    return key if key.startswith(flat) else None


def fill(module: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    """Put a state dict into a module whose names and shapes are the same. Raises WeightsRejected that lists others."""
    own = module.state_dict()
    check_shapes({key: value.shape for key, value in own.items()}, state, source)
    module.load_state_dict(state)


def check_shapes(own: Mapping[str, torch.Size], state: dict[str, Tensor], source: str | Path) -> None:
    """Raise WeightsRejected where a state dict misses a name, has one too many or another shape."""
    shapes = [key for key in own.keys() & state.keys() if own[key] != state[key].shape]
    faults = {"misses": own.keys() - state.keys(), "has unknown": state.keys() - own.keys(), "shapes differ in": shapes}
    told = [f"{what} {', '.join(sorted(keys)[:4])} ({len(keys)} in all)" for what, keys in faults.items() if keys]
    if told:
        raise WeightsRejected(f"{source}: not weights of this tower: {'; '.join(told)}; give another file")


def _read_safetensors(path: Path, select: Select) -> tuple[dict[str, Tensor], bool]:
    try:
        with safe_open(path, framework="pt") as file:
            keys = list(file.keys())
            prefix = _common_prefix(keys)
            wanted = {key: own for key in keys if (own := select(key.removeprefix(prefix)))}
            return {own: file.get_tensor(key) for key, own in wanted.items()}, is_openai(keys)
    except SafetensorError as error:
        raise WeightsRejected(f"{path}: not a whole safetensors file ({error}); copy it again") from error


def _read_torch(path: Path, trusted_sha256: str | None) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own note on TorchScript, which we answer below
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        if "TorchScript" in str(error):
            return _read_torchscript(path, trusted_sha256)
        raise WeightsRejected(f"{path}: cannot be read as plain weights ({first_line(error)})") from error
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsRejected(f"{path}: holds no state dict of tensors; save model.state_dict() as safetensors")
    prefix = _common_prefix(list(state))
    return {key.removeprefix(prefix): value for key, value in state.items()}


def _read_torchscript(path: Path, trusted_sha256: str | None) -> dict[str, Tensor]:
    digest = sha256_of(path)
    if trusted_sha256 is None or not digest.startswith(trusted_sha256):
        raise WeightsRejected(
            f"{path}: a TorchScript archive, which can run code, and its SHA-256 {digest[:12]}.. is not that of the "
            f"published weights; convert it to safetensors where you trust it"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # deprecated, yet the only reader of OpenAI's archives
        return dict(torch.jit.load(path, map_location="cpu").state_dict())


def _is_zip(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _common_prefix(keys: list[str]) -> str:
    return "module." if keys and all(key.startswith("module.") for key in keys) else ""
