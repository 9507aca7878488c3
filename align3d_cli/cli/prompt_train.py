"""`align3d prompt-train`: stage 2, learn what normal and damaged look like, one pair of prompts a branch."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from align3d_cli.cli.call import taking
from align3d_cli.cli.options import examples
from align3d_cli.cli.training_options import MODEL, TrainingCall, option, setting
from align3d_cli.training.settings import PromptKind, PromptSettings, ViewAverage


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCall(TrainingCall):
    """The options of the command."""

    aligner: Annotated[
        Path | None, option(panel=MODEL, help="What `align3d align` wrote: trains both branches on it.")
    ] = None
    no_align: Annotated[
        bool, option("--no-align", panel=MODEL, help="The rendering branch alone, as PointAD; needs no colour.")
    ] = False
    prompts: Annotated[
        PromptKind,
        option(panel=MODEL, help="Through CLIP's text tower, or vectors learned directly."),
    ] = "auto"
    alpha: Annotated[float | None, setting(PromptSettings, "alpha")] = None
    contrastive_epochs: Annotated[int | None, setting(PromptSettings, "contrastive_epochs")] = None
    map_px: Annotated[int | None, setting(PromptSettings, "map_px")] = None
    view_average: Annotated[ViewAverage | None, setting(PromptSettings, "view_average")] = None
    keep_rendering: Annotated[bool | None, setting(PromptSettings, "keep_rendering", "--keep-rendering")] = None
    keep_best: Annotated[bool | None, setting(PromptSettings, "keep_best", "--keep-best")] = None


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        "prompt-train",
        epilog=examples(
            "align3d prompt-train --dataset mvtec3d --root data --category carrot --aligner aligner.safetensors "
            "--out model.safetensors",
            "align3d prompt-train --dataset real3d --category shell --profile pointad --out model.safetensors",
            "align3d prompt-train --dataset synthetic --model align3d-lite --no-align --out model.safetensors",
            "align3d score part.ply --model model.safetensors --out heatmap.ply",
            "Exit codes: 0 done (also when stopped by --max-minutes), 2 usage, 4 data rejected, 5 weights, data or "
            "device missing.",
        ),
    )(taking(PromptCall, prompt_train))


def prompt_train(call: PromptCall) -> None:
    """Stage 2: learn the prompts of both branches (or of the rendering branch alone) on frozen features.

    It learns from the TEST split of the auxiliary categories, which is the field's protocol; figures on those
    categories are no result. Features are stored once and shared with `align`; a killed run goes on where it was.
    """
    from align3d_cli.cli.training_run import begin, carry_out
    from align3d_cli.model.profiles import get_profile
    from align3d_cli.training import session, start

    alone = call.no_align or (call.profile is not None and "rgb" not in get_profile(call.profile).branches)
    bundle, profile = begin(call, _origin(call.aligner, call.model, alone))
    if alone:
        profile = replace(profile, branches=("rendering",))
    changes = call.changes(PromptSettings) | {"temperature": bundle.scoring.temperature}
    settings = start.prompt_settings(profile, **changes)
    kind, both = start.kind_of_prompts(call.prompts, bundle), "rgb" in profile.branches
    carry_out(call, partial(session.train_text, kind=kind, use_aligner=both), bundle, profile, settings)


def _origin(aligner: Path | None, model: str | None, no_align: bool) -> str | None:
    """The model that the stage goes on from."""
    from align3d_cli.errors import UsageError

    if aligner and model:
        raise UsageError("--aligner and --model both name a model to go on from; give one")
    if aligner and no_align:
        raise UsageError("--aligner and a run without aligner (--no-align, --profile pointad) contradict; give one")
    if not (aligner or model or no_align):
        raise UsageError("name what `align3d align` wrote with --aligner, or give --no-align for the rendering branch")
    return str(aligner) if aligner else model
