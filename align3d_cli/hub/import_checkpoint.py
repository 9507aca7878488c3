"""Released checkpoints of Align3D-AD, PointAD and AnomalyCLIP, read as data and checked against what they must hold.

Layouts: Align3D-AD's pair {"rgb_prompt_learner", "aligner"} and {"prompt_learner"}, or {"prompt_learner"} in both with
the aligner in either; PointAD, AnomalyCLIP {"prompt_learner"}.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.hub.checkpoint_files import is_rgb, released_files
from align3d_cli.hub.checkpoint_parts import checked_aligner, checked_learner
from align3d_cli.hub.torch_archive import plain_state, read_archive, unwrapped
from align3d_cli.model.prompts import ClipPrompts

if TYPE_CHECKING:
    from align3d_cli.encoders.clip_text import TextTower
    from align3d_cli.encoders.settings import DeepPrompts

MAX_BYTES = 256 * 2**20  # the largest released file holds about 40 MB
BRANCH_OF = {"prompt_learner": "rendering", "rgb_prompt_learner": "rgb"}
PARTS = (*BRANCH_OF, "aligner")
_TWICE = "give one epoch's files only, the rgb learner's under its name epoch_k_rgb.pth"
EMBEDDING_TOLERANCE = 1e-3  # released embeddings went through fp16; CLIP's are about 0.01 to 0.05 in size


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
    """Read one released checkpoint: one file, Align3D-AD's pair in any order, its stem, or its folder.

    In a pair the rgb learner may be called `prompt_learner` too: then its file's name says which it is. The aligner
    may lie in either file.
    ignore_unknown: leave tensors aside that no prompt learner or aligner has, instead of refusing them
    Raises InputRejected that lists missing, unknown or misshapen tensors by name.
    """
    parts: dict[str, tuple[Path, dict[str, Tensor]]] = {}
    sources: dict[str, str] = {}
    files, notes = released_files(paths)
    for path in files:
        for told, value in _parts_of(read_archive(path, max_bytes)).items():
            name = "rgb_prompt_learner" if told == "prompt_learner" and len(files) > 1 and is_rgb(path) else told
            if name not in PARTS:
                notes.append(f"{path.name}: entry {name!r} is not used")
                continue
            state = plain_state(value, path, name)
            if name in parts and not (name == "aligner" and _same(state, parts[name][1])):
                raise InputRejected(f"{path}: {name} is also in {parts[name][0].name}; {_TWICE}")
            parts[name] = path, state
        sources[path.name if path.name not in sources else str(path)] = sha256_of(path)
    _check_parts(parts, files)
    prompts = {}
    for name in BRANCH_OF.keys() & parts.keys():
        prompts[BRANCH_OF[name]], left = checked_learner(*parts[name], name, ignore_unknown)
        notes.extend(left)
    aligner = None
    if "aligner" in parts:
        aligner, left = checked_aligner(*parts["aligner"], ignore_unknown)
        notes.extend(left)
    sizes = {branch: prompt_sizes(state) for branch, state in prompts.items()}
    if len(set(sizes.values())) > 1:
        raise InputRejected(f"the two branches differ in (n_ctx, depth, n_deep, width): {sizes}; not one model's pair")
    return ImportedModel(prompts, aligner, *next(iter(sizes.values())), sources, tuple(sorted(notes)))


def compile_prompts(
    imported: ImportedModel, tower: TextTower, deep_prompts: DeepPrompts = "float32"
) -> dict[str, Tensor]:
    """The two text vectors of every branch, through the CLIP text tower they were trained with: branch -> (2, D).

    deep_prompts: see EncoderSettings
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
        n_ctx, depth, n_deep = imported.n_ctx, imported.depth, imported.n_deep
        prompts = ClipPrompts(tower, n_ctx=n_ctx, depth=depth, n_deep=n_deep, deep_prompts=deep_prompts)
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


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether two states hold the same tensors."""
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def _check_parts(parts: dict[str, Any], paths: Sequence[str | Path]) -> None:
    """Which parts make a model: a prompt learner, alone or with the rgb learner and the aligner."""
    files = ", ".join(Path(path).name for path in paths)
    missing = {"prompt_learner"} - parts.keys()
    if parts.keys() & {"rgb_prompt_learner", "aligner"}:
        missing |= {"rgb_prompt_learner", "aligner"} - parts.keys()
    if missing:
        hint = "; Align3D-AD's pair is epoch_k_rgb.pth and epoch_k_rendering.pth, give both" if parts else ""
        raise InputRejected(f"{files}: misses {', '.join(sorted(missing))}{hint}")
