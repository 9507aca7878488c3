"""What the stages of a training run start from: a profile's settings of each, and prompts at their beginning."""

from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import nn

from align3d_cli.errors import UsageError
from align3d_cli.helpers.settings import SettingsError, from_dict
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.profiles import Profile
from align3d_cli.model.prompts import ClipPrompts, VectorPrompts
from align3d_cli.model.start import deep_prompts_of, text_tower_of
from align3d_cli.training.settings import AlignSettings, PromptKind, PromptSettings

Stage = TypeVar("Stage", AlignSettings, PromptSettings)


def align_settings(profile: Profile, **changes: Any) -> AlignSettings:
    """Stage 1 as the profile says, with some settings changed (None keeps the profile's).

    With other epochs and no word on reweight_epochs, these keep their share. Raises UsageError for a profile that has
    no stage 1, and for settings that do not exist or cannot be so.
    """
    if "rgb" not in profile.branches:
        raise UsageError(f"--profile {profile.name} has no aligner; give align3d or paper, or go on with prompt-train")
    return _changed(_stated(AlignSettings, profile, "align"), "reweight_epochs", changes)


def prompt_settings(profile: Profile, **changes: Any) -> PromptSettings:
    """Stage 2 as the profile says, with some settings changed (None keeps the profile's).

    With other epochs and no word on contrastive_epochs, these keep their share. Raises UsageError for settings that do
    not exist or cannot be so.
    """
    settings = replace(_stated(PromptSettings, profile, "prompts"), temperature=profile.scoring.temperature)
    return _changed(settings, "contrastive_epochs", changes)


def _stated(kind: type[Stage], profile: Profile, section: str) -> Stage:
    try:
        return from_dict(kind, getattr(profile, section))
    except SettingsError as error:
        raise SettingsError(f"--profile {profile.name}: [{section}] {error}") from error


def _changed(settings: Stage, last: str, changes: dict[str, Any]) -> Stage:
    given = {name: value for name, value in changes.items() if value is not None}
    if "epochs" in given and last not in given:
        given[last] = round(getattr(settings, last) * given["epochs"] / settings.epochs)
    return replace(settings, **given)


def kind_of_prompts(asked: PromptKind, bundle: Bundle) -> PromptKind:
    """ "clip" (sentences with learned tokens) or "vectors" (learned directly); "auto" goes by the text tower."""
    if asked == "clip" and bundle.part("encoder"):
        raise UsageError(f"--prompts clip: {bundle.name} has no text tower; use --prompts vectors")
    if asked != "auto":
        return asked
    return "vectors" if bundle.part("encoder") else "clip"


def clip_prompts(
    bundle: Bundle, settings: PromptSettings, branches: tuple[str, ...], device: str
) -> dict[str, nn.Module]:
    """One prompt learner a branch through the text tower that belongs to the model's image tower."""
    from align3d_cli.encoders.clip_text import load_text_tower

    tower = load_text_tower(**text_tower_of(bundle), device=device)
    sizes: dict[str, Any] = {
        "n_ctx": settings.n_ctx,
        "depth": min(settings.depth, tower.n_blocks),
        "n_deep": settings.n_deep,
        "deep_prompts": deep_prompts_of(bundle),
    }
    return {branch: ClipPrompts(tower, seed=settings.seed + number, **sizes) for number, branch in enumerate(branches)}


def vector_prompts(means: dict[str, torch.Tensor]) -> dict[str, nn.Module]:
    """Vectors of every branch that start at `means`, (2, D) each: of good and of defective surface."""
    return {branch: VectorPrompts(rows.shape[1], init=rows) for branch, rows in means.items()}
