"""`align3d prompt-train`: stage 2, learn what normal and damaged look like, one pair of prompts a branch."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from align3d_cli.cli import training_options as opt
from align3d_cli.cli.options import Device, examples, finite


class Prompts(StrEnum):
    """How the text vectors come about."""

    auto = "auto"
    clip = "clip"
    vectors = "vectors"


class ViewAverage(StrEnum):
    """Over which views losses are averaged."""

    sample = "sample"
    published = "published"


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
    )(prompt_train)


def prompt_train(
    dataset: opt.Dataset,
    out: opt.Out,
    aligner: Annotated[
        Path | None, opt.option(panel=opt.MODEL, help="What `align3d align` wrote: trains both branches on it.")
    ] = None,
    no_align: Annotated[
        bool, opt.option("--no-align", panel=opt.MODEL, help="The rendering branch alone, as PointAD; needs no colour.")
    ] = False,
    root: opt.Root = None,
    category: opt.Category = None,
    split: opt.Split = "test",
    limit: opt.Limit = None,
    count: opt.Count = 60,
    data_seed: opt.DataSeed = 0,
    backbone: opt.Backbone = None,
    pretrained: opt.Pretrained = None,
    weights: opt.Weights = None,
    model: opt.Model = None,
    profile: opt.WhichProfile = None,
    views: opt.Views = None,
    precision: opt.Precision = "float32",
    prompts: Annotated[
        Prompts, opt.option(panel=opt.MODEL, help="Through CLIP's text tower, or vectors learned directly.")
    ] = Prompts.auto,
    epochs: opt.Epochs = None,
    alpha: Annotated[
        float | None,
        opt.option(
            panel=opt.HOW, help="Weight of the contrastive loss; default: the profile's.", min=0.0, callback=finite
        ),
    ] = None,
    contrastive_epochs: Annotated[
        int | None, opt.option(panel=opt.HOW, help="How many of the last epochs it runs in.", min=0)
    ] = None,
    map_px: Annotated[
        int | None, opt.option(panel=opt.HOW, help="Side of the maps in the losses; default: of the views.", min=8)
    ] = None,
    view_average: Annotated[
        ViewAverage | None,
        opt.option(panel=opt.HOW, help="Of each sample, or across a batch as published; default: the profile's."),
    ] = None,
    keep_rendering: Annotated[
        bool,
        opt.option(
            "--keep-rendering",
            panel=opt.HOW,
            help="Leave the model's rendering prompts as they are; train the RGB ones.",
        ),
    ] = False,
    keep_best: Annotated[
        bool,
        opt.option(
            "--keep-best",
            panel=opt.HOW,
            help="End with the epoch that ranks the training scans' points best, not with the last.",
        ),
    ] = False,
    batch: opt.Batch = None,
    learning_rate: opt.LearningRate = None,
    seed: opt.Seed = 111,
    store: opt.Store = None,
    device: opt.WhichDevice = Device.auto,
    max_minutes: opt.MaxMinutes = None,
    fresh: opt.Fresh = False,
    json: opt.Json = False,
    force: opt.Force = False,
    print_config: opt.PrintConfig = False,
) -> None:
    """Stage 2: learn the prompts of both branches (or of the rendering branch alone) on frozen features.

    It learns from the TEST split of the auxiliary categories, which is the field's protocol; figures on those
    categories are no result. Features are stored once and shared with `align`; a killed run goes on where it was.
    """
    from align3d_cli.cli.training_run import Call
    from align3d_cli.model.profiles import get_profile
    from align3d_cli.training import session, start

    call = Call.of(locals())
    alone = no_align or (profile is not None and "rgb" not in get_profile(profile).branches)
    bundle, settings = call.begin(_origin(aligner, model, alone))
    alone = alone or "rgb" not in settings.branches
    config = start.prompt_config(
        settings, alpha=alpha, contrastive_epochs=contrastive_epochs, map_px=map_px,
        view_average=view_average and view_average.value, keep_rendering=keep_rendering, keep_best=keep_best,
        temperature=bundle.scoring.temperature, **call.schedule,
    )  # fmt: skip
    how = {"profile": settings, "kind": start.kind_of_prompts(prompts.value, bundle), "use_aligner": not alone}
    call.carry_out(partial(session.train_text, **how), bundle, settings, config)


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
