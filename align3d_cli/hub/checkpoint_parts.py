"""The parts of a released checkpoint, held against what a prompt learner and an aligner must hold."""

import re
from pathlib import Path

import torch
from torch import Tensor

from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.model.prompts import SENTENCES, prompt_tokens

CONTEXT_LENGTH = 77  # CLIP's, in every released checkpoint; another one follows from the stored token numbers
ALIGNER_KEYS = tuple(
    f"{mlp}.{layer}.{kind}"
    for mlp in ("global_mlp", "local_mlp")
    for layer in ("input", "projection", "output")
    for kind in ("weight", "bias")
)


def checked_learner(
    path: Path, state: dict[str, Tensor], name: str, ignore_unknown: bool
) -> tuple[dict[str, Tensor], list[str]]:
    """A prompt learner's tensors and notes on what was left aside. Raises InputRejected that lists what is wrong."""
    context = state.get("ctx_pos")
    if context is None or context.ndim != 4:
        found = "is missing" if context is None else f"has shape {tuple(context.shape)}"
        raise InputRejected(f"{path}: {name} ctx_pos {found}, expected (1, 1, n_ctx, width)")
    n_sets = sum(key.startswith("compound_prompts_text.") for key in state)
    deep = state.get("compound_prompts_text.0", torch.empty(0, 0))
    numbers = state.get("tokenized_prompts_pos")
    length = numbers.shape[-1] if numbers is not None and numbers.ndim else CONTEXT_LENGTH
    n_ctx, width = context.shape[2:]
    shapes = _learner_shapes(n_ctx, width, n_sets, deep.shape[0] if deep.ndim else 0, length)
    unused = [key for key in state if re.fullmatch(r"compound_prompt_projections\.\d+\.(weight|bias)", key)]
    wanted = {key: tensor for key, tensor in state.items() if key not in unused}
    kept, notes = _checked(path, name, wanted, shapes, ignore_unknown)
    if unused:
        notes.append(f"{path.name}: {name} compound_prompt_projections ({len(unused)} tensors) are never used")
    _check_tokens(path, name, kept, n_ctx)
    return kept, notes


def _learner_shapes(n_ctx: int, width: int, n_sets: int, n_deep: int, length: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {f"compound_prompts_text.{i}": (n_deep, width) for i in range(n_sets)}
    for sign in ("pos", "neg"):
        shapes[f"ctx_{sign}"] = (1, 1, n_ctx, width)
        shapes[f"token_prefix_{sign}"] = (1, 1, 1, width)
        shapes[f"token_suffix_{sign}"] = (1, 1, length - 1 - n_ctx, width)
        shapes[f"tokenized_prompts_{sign}"] = (1, 1, length)
    return shapes


def checked_aligner(path: Path, state: dict[str, Tensor], ignore_unknown: bool) -> tuple[dict[str, Tensor], list[str]]:
    """The same of an aligner, for features of the size that its first weight has."""
    first = state.get("global_mlp.input.weight")
    dim = first.shape[0] if first is not None and first.ndim == 2 else 0
    shapes: dict[str, tuple[int, ...]] = {key: (dim,) if key.endswith("bias") else (dim, dim) for key in ALIGNER_KEYS}
    return _checked(path, "aligner", state, shapes, ignore_unknown)


def _checked(
    path: Path, name: str, state: dict[str, Tensor], shapes: dict[str, tuple[int, ...]], ignore_unknown: bool
) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors named in `shapes`, as float32 where they are numbers, and notes on what else there was."""
    missing, unknown = sorted(shapes.keys() - state.keys()), sorted(state.keys() - shapes.keys())
    wrong = [
        f"{key} {tuple(state[key].shape)} instead of {shape}"
        for key, shape in shapes.items()
        if key in state and tuple(state[key].shape) != shape
    ]
    odd = [
        f"{key} ({state[key].dtype})"
        for key in shapes.keys() & state.keys()
        if state[key].is_floating_point() == key.startswith("tokenized_prompts_")
    ]
    faults = {
        "misses": missing,
        "has wrong shapes:": wrong,
        "has wrong types:": sorted(odd),
        "has unknown": [] if ignore_unknown else unknown,
    }
    told = "; ".join(f"{what} {', '.join(keys)}" for what, keys in faults.items() if keys)
    if told:
        hint = "; rerun with --ignore-unknown to leave unknown tensors aside" if faults["has unknown"] else ""
        raise InputRejected(f"{path}: {name} {told}{hint}")
    kept = {key: state[key] for key in shapes}
    kept = {key: value.float().contiguous() if value.is_floating_point() else value for key, value in kept.items()}
    broken = sorted(key for key, value in kept.items() if not torch.isfinite(value).all())
    if broken:
        raise InputRejected(f"{path}: {name} {', '.join(broken)} hold values that are not finite")
    return kept, [f"{path.name}: {name} {key} is unknown and not used" for key in unknown]


def _check_tokens(path: Path, name: str, state: dict[str, Tensor], n_ctx: int) -> None:
    """Stored token numbers must be those of this tokenizer for the same sentences."""
    from open_clip.tokenizer import SimpleTokenizer

    length = state["tokenized_prompts_pos"].shape[-1]
    try:
        own = prompt_tokens(SimpleTokenizer(context_length=length), n_ctx, SENTENCES)
    except UsageError as error:
        raise InputRejected(f"{path}: {name} has {n_ctx} context tokens of {length}; no sentence fits") from error
    for row, sign in enumerate(("pos", "neg")):
        stored = state[f"tokenized_prompts_{sign}"].reshape(-1)
        if not torch.equal(stored.long(), own[row].long()):
            at = int((stored.long() != own[row]).nonzero()[0])
            raise InputRejected(
                f"{path}: {name} tokenized_prompts_{sign} holds {stored[at].item()} at position {at}, this tokenizer "
                f"gives {own[row, at].item()} for {SENTENCES[row]!r} after {n_ctx} context tokens; other words or "
                f"another tokenizer"
            )
