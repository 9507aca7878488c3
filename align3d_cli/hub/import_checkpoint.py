"""Released checkpoints of Align3D-AD, PointAD and AnomalyCLIP, read as data and checked against what they must hold.

Layouts: Align3D-AD's pair {"rgb_prompt_learner", "aligner"} and {"prompt_learner"}; PointAD, AnomalyCLIP
{"prompt_learner"}.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.hub.torch_archive import plain_state, read_archive, unwrapped
from align3d_cli.model.prompts import SENTENCES, ClipPrompts, prompt_tokens

if TYPE_CHECKING:
    from align3d_cli.encoders.clip_text import TextTower

MAX_BYTES = 256 * 2**20  # the largest released file holds about 40 MB
BRANCH_OF = {"prompt_learner": "rendering", "rgb_prompt_learner": "rgb"}
PARTS = (*BRANCH_OF, "aligner")
CONTEXT_LENGTH = 77  # CLIP's, in every released checkpoint; another one follows from the stored token numbers
EMBEDDING_TOLERANCE = 1e-3  # released embeddings went through fp16; CLIP's are about 0.01 to 0.05 in size
ALIGNER_KEYS = tuple(
    f"{mlp}.{layer}.{kind}"
    for mlp in ("global_mlp", "local_mlp")
    for layer in ("input", "projection", "output")
    for kind in ("weight", "bias")
)


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """What the released files hold, checked; tensors float32 on the CPU.

    prompts: prompt learner's state by branch, "rendering" and for Align3D-AD "rgb"; keys of `ClipPrompts`
    aligner: state of `Aligner`, None without an rgb branch
    n_ctx, depth, n_deep, width: of the prompts, alike in both branches; depth counts as `ClipPrompts` does
    sources: SHA-256 of every file by its name
    notes:   what was left aside, in words, for the user to see
    """

    prompts: dict[str, dict[str, Tensor]] = field(repr=False)
    aligner: dict[str, Tensor] | None = field(repr=False)
    n_ctx: int
    depth: int
    n_deep: int
    width: int
    sources: dict[str, str]
    notes: tuple[str, ...]

    @property
    def layout(self) -> str:
        """ "align3d-ad" for a pair with aligner, else "pointad" (AnomalyCLIP's files look the same)."""
        return "align3d-ad" if self.aligner else "pointad"


def read_released(
    paths: Sequence[str | Path], *, max_bytes: int = MAX_BYTES, ignore_unknown: bool = False
) -> ImportedModel:
    """Read one released checkpoint, given as one file or as Align3D-AD's pair, in any order.

    ignore_unknown: leave tensors aside that no prompt learner or aligner has, instead of refusing them
    Raises InputRejected that lists missing, unknown or misshapen tensors by name.
    """
    parts: dict[str, tuple[Path, dict[str, Tensor]]] = {}
    sources, notes = {}, []
    for path in map(Path, paths):
        for name, value in _parts_of(read_archive(path, max_bytes)).items():
            if name not in PARTS:
                notes.append(f"{path.name}: entry {name!r} is not used")
            elif name in parts:
                raise InputRejected(f"{path}: {name} is also in {parts[name][0].name}; give one epoch's files only")
            else:
                parts[name] = path, plain_state(value, path, name)
        sources[path.name if path.name not in sources else str(path)] = sha256_of(path)
    _check_parts(parts, paths)
    prompts = {}
    for name in BRANCH_OF.keys() & parts.keys():
        prompts[BRANCH_OF[name]], left = _checked_learner(*parts[name], name, ignore_unknown)
        notes.extend(left)
    aligner = None
    if "aligner" in parts:
        aligner, left = _checked_aligner(*parts["aligner"], ignore_unknown)
        notes.extend(left)
    sizes = {branch: prompt_sizes(state) for branch, state in prompts.items()}
    if len(set(sizes.values())) > 1:
        raise InputRejected(f"the two branches differ in (n_ctx, depth, n_deep, width): {sizes}; not one model's pair")
    return ImportedModel(prompts, aligner, *next(iter(sizes.values())), sources, tuple(sorted(notes)))


def compile_prompts(imported: ImportedModel, tower: TextTower) -> dict[str, Tensor]:
    """The two text vectors of every branch, through the CLIP text tower they were trained with: branch -> (2, D).

    Raises InputRejected where the stored word embeddings are not this tower's.
    """
    vectors = {}
    for branch, state in imported.prompts.items():
        length = state["tokenized_prompts_pos"].shape[-1]
        if (imported.width, length) != (tower.width, tower.context_length) or imported.depth > tower.n_blocks:
            raise InputRejected(
                f"{', '.join(imported.sources)}: prompts of width {imported.width}, length {length} and depth "
                f"{imported.depth}, this text tower has width {tower.width}, length {tower.context_length} and "
                f"{tower.n_blocks} blocks; name the --backbone they belong to"
            )
        prompts = ClipPrompts(tower, n_ctx=imported.n_ctx, depth=imported.depth, n_deep=imported.n_deep)
        own = prompts.state_dict()
        for key in (key for key in own if key.startswith(("token_prefix", "token_suffix"))):
            difference = float((own[key].cpu() - state[key]).abs().max())
            if difference > EMBEDDING_TOLERANCE:
                raise InputRejected(
                    f"{', '.join(imported.sources)}: {branch} {key} differs from this text tower's embedding by "
                    f"{difference:.3g}; the prompts were trained with other CLIP weights"
                )
        prompts.load_state_dict(state)
        with torch.no_grad():
            vectors[branch] = prompts().float().cpu()
    return vectors


def prompt_sizes(state: dict[str, Tensor]) -> tuple[int, int, int, int]:
    """(n_ctx, depth, n_deep, width) of a checked prompt learner's state."""
    n_ctx, width = state["ctx_pos"].shape[2:]
    n_sets = sum(key.startswith("compound_prompts_text.") for key in state)
    n_deep = state["compound_prompts_text.0"].shape[0] if n_sets else 0
    return n_ctx, n_sets + 1, n_deep, width


def _parts_of(content: dict[str, Any]) -> dict[str, Any]:
    """The parts of one file by name, out of a "state_dict" and out of flat names like `prompt_learner.ctx_pos`."""
    content = content if content.keys() & set(PARTS) else unwrapped(content)
    parts: dict[str, Any] = {}
    for key, value in content.items():
        name, _, rest = str(key).removeprefix("module.").partition(".")
        if rest and name in PARTS and isinstance(value, Tensor):
            parts.setdefault(name, {})[rest] = value
        else:
            parts[key] = value
    return parts


def _check_parts(parts: dict[str, Any], paths: Sequence[str | Path]) -> None:
    """Which parts make a model: a prompt learner, alone or with the rgb learner and the aligner."""
    files = ", ".join(Path(path).name for path in paths)
    missing = {"prompt_learner"} - parts.keys()
    if parts.keys() & {"rgb_prompt_learner", "aligner"}:
        missing |= {"rgb_prompt_learner", "aligner"} - parts.keys()
    if missing:
        hint = "; Align3D-AD's pair is epoch_k_rgb.pth and epoch_k_rendering.pth, give both" if parts else ""
        raise InputRejected(f"{files}: misses {', '.join(sorted(missing))}{hint}")


def _checked_learner(
    path: Path, state: dict[str, Tensor], name: str, ignore_unknown: bool
) -> tuple[dict[str, Tensor], list[str]]:
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


def _checked_aligner(path: Path, state: dict[str, Tensor], ignore_unknown: bool) -> tuple[dict[str, Tensor], list[str]]:
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
