"""`align3d align`: stage 1, teach an aligner to turn rendering features into those of coloured views."""

from enum import StrEnum
from typing import Annotated

import typer

from align3d_cli.cli import training_options as opt
from align3d_cli.cli.options import Device, examples, finite


class Reweight(StrEnum):
    """Form of the consistency weights in the last epochs."""

    published = "published"
    discrepancy = "discrepancy"
    none = "none"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        epilog=examples(
            "align3d align --dataset mvtec3d --root data --category carrot --profile paper --out aligner.safetensors",
            "align3d align --dataset synthetic --count 40 --model align3d-lite --epochs 20 --out aligner.safetensors",
            "torchrun --nproc-per-node 2 -m align3d_cli align --dataset mvtec3d --category dowel --out a.safetensors",
            "align3d align --dataset eyecandies --profile paper --out a.safetensors --print-config",
            "Exit codes: 0 done (also when stopped by --max-minutes), 2 usage, 4 data rejected (no colour, nothing "
            "readable), 5 weights, data or device missing.",
        )
    )(align)


def align(
    dataset: opt.Dataset,
    out: opt.Out,
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
    epochs: opt.Epochs = None,
    reweight: Annotated[
        Reweight | None, opt.option(panel=opt.HOW, help="Weights of the last epochs; default: the profile's.")
    ] = None,
    strength: Annotated[
        float | None,
        opt.option(
            "--lambda", panel=opt.HOW, help="Of these weights; default: the profile's.", min=0.0, callback=finite
        ),
    ] = None,
    reweight_epochs: Annotated[
        int | None, opt.option(panel=opt.HOW, help="How many of the last epochs they run in.", min=0)
    ] = None,
    tokens_per_view: Annotated[
        int | None,
        opt.option(panel=opt.HOW, help="Tokens of every view drawn for a step; default: all, as published.", min=1),
    ] = None,
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
    """Stage 1: train an aligner from rendering features to the features of coloured views of the same scans.

    Needs a colour for every point. It learns from the TEST split of the auxiliary categories, which is the field's
    protocol; figures on those categories are no result. Features are stored once; a killed run goes on where it was.
    """
    from align3d_cli.cli.training_run import Call
    from align3d_cli.training import session, start

    call = Call.of(locals())
    bundle, settings = call.begin(model)
    config = start.align_config(
        settings, reweight=reweight and reweight.value, strength=strength, reweight_epochs=reweight_epochs,
        tokens_per_view=tokens_per_view, **call.schedule,
    )  # fmt: skip
    call.carry_out(session.align, bundle, settings, config)
