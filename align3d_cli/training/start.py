"""What the stages of a training run start from: a profile's settings of each, and prompts at their beginning."""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from align3d_cli.errors import UsageError
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.profiles import Profile
from align3d_cli.model.prompts import ClipPrompts, VectorPrompts
from align3d_cli.model.start import text_tower_of
from align3d_cli.training.align import AlignConfig
from align3d_cli.training.prompts import PromptConfig

PROMPT_KINDS = ("auto", "clip", "vectors")


def align_config(profile: Profile, **changes: Any) -> AlignConfig:
    """Stage 1 as the profile says, with some settings changed (None keeps the profile's).

    With other epochs and no word on reweight_epochs, these keep their share. Raises UsageError for a profile that has
    no stage 1.
    """
    if not profile.align_epochs:
        raise UsageError(f"--profile {profile.name} has no aligner; give align3d or paper, or go on with prompt-train")
    config = AlignConfig(
        epochs=profile.align_epochs,
        reweight_epochs=profile.reweight_epochs,
        reweight=profile.reweighting,
        strength=profile.reweight_strength,
        batch=profile.batch,
        learning_rate=profile.learning_rate,
        betas=profile.adam_betas,
        seed=profile.seed,
    )
    return _changed(config, "reweight_epochs", changes)


def prompt_config(profile: Profile, **changes: Any) -> PromptConfig:
    """Stage 2 as the profile says, with some settings changed (None keeps the profile's).

    With other epochs and no word on contrastive_epochs, these keep their share.
    """
    config = PromptConfig(
        epochs=profile.prompt_epochs,
        contrastive_epochs=profile.contrastive_epochs,
        alpha=profile.contrastive_weight,
        batch=profile.batch,
        temperature=profile.temperature,
        view_average=profile.view_average,
        learning_rate=profile.learning_rate,
        betas=profile.adam_betas,
        seed=profile.seed,
    )
    return _changed(config, "contrastive_epochs", changes)


def _changed(config: Any, last: str, changes: dict[str, Any]) -> Any:
    given = {name: value for name, value in changes.items() if value is not None}
    if "epochs" in given and last not in given:
        given[last] = round(getattr(config, last) * given["epochs"] / config.epochs)
    return replace(config, **given)


def kind_of_prompts(asked: str, bundle: Bundle) -> str:
    """ "clip" (sentences with learned tokens) or "vectors" (learned directly); "auto" goes by the text tower."""
    if asked not in PROMPT_KINDS:
        raise UsageError(f"--prompts {asked} is not known; use one of {', '.join(PROMPT_KINDS)}")
    if asked == "clip" and bundle.part("encoder"):
        raise UsageError(f"--prompts clip: {bundle.name} has no text tower; use --prompts vectors")
    if asked != "auto":
        return asked
    return "vectors" if bundle.part("encoder") else "clip"


def clip_prompts(
    bundle: Bundle, profile: Profile, branches: tuple[str, ...], seed: int, device: str
) -> dict[str, nn.Module]:
    """One prompt learner a branch through the text tower that belongs to the model's image tower."""
    from align3d_cli.encoders.clip_text import load_text_tower

    tower = load_text_tower(**text_tower_of(bundle), device=device)
    sizes = {"n_ctx": profile.n_ctx, "depth": min(profile.prompt_depth, tower.n_blocks), "n_deep": profile.n_deep}
    return {branch: ClipPrompts(tower, seed=seed + number, **sizes) for number, branch in enumerate(branches)}


def vector_prompts(means: dict[str, torch.Tensor]) -> dict[str, nn.Module]:
    """Vectors of every branch that start at `means`, (2, D) each: of good and of defective surface."""
    return {branch: VectorPrompts(rows.shape[1], init=rows) for branch, rows in means.items()}
