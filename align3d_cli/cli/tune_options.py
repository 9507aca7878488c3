"""The options of `align3d tune`, as its help shows them."""

from pathlib import Path
from typing import Annotated

import typer

from align3d_cli.cli.options import Device, finite, positive
from align3d_cli.encoders.settings import LiteVariant
from align3d_cli.helpers.settings import SEEDS
from align3d_cli.render.settings import SIZES

Out = Annotated[Path, typer.Option("--out", help="Where the tuned tower and its prompts are written.")]
ImageNet = Annotated[Path | None, typer.Option(help="EfficientNet-Lite ImageNet weights (safetensors) to start from.")]
Start = Annotated[Path | None, typer.Option("--start", help="A tuned bundle to start from instead.")]
Teacher = Annotated[
    Path | None,
    typer.Option("--teacher", help="A tuned bundle that the tower shall go on agreeing with, noise or not."),
]
TeacherWeight = Annotated[float, typer.Option(callback=positive, help="How much that counts beside the labels.")]
RankWeight = Annotated[
    float,
    typer.Option(min=0.0, callback=finite, help="How much the order of whole scans by their object score counts."),
]
Meshes = Annotated[
    list[Path], typer.Option("--from", help="Folders of meshes that get defects, beside the parts; drawn from alike.")
]
MeshShare = Annotated[
    float, typer.Option(min=0.0, max=1.0, callback=finite, help="Share of the scans made from those meshes.")
]
Variant = Annotated[LiteVariant, typer.Option(help="Size of the trunk.")]
Size = Annotated[int, typer.Option(min=32, max=SIZES.most, help="Pixels a side of a view; a multiple of 32.")]
Steps = Annotated[int, typer.Option(min=1, help="Optimiser steps.")]
Batch = Annotated[int, typer.Option(min=1, help="Views a step.")]
SamplesPerStep = Annotated[float, typer.Option(callback=positive, help="New scans a step.")]
PoolViews = Annotated[int, typer.Option(min=1, help="Views kept in memory (0.5 MB each at 320 px).")]
WarmSamples = Annotated[int, typer.Option(min=1, help="Scans before the first step.")]
Crop = Annotated[
    int | None, typer.Option(min=32, help="Read parts of the views, this many pixels a side; a multiple of 32.")
]
FrozenStages = Annotated[
    int, typer.Option(help="First stages of the trunk that stay as they are; 3 halves the time.", min=0, max=7)
]
FrozenNorms = Annotated[
    bool,
    typer.Option("--frozen-norms", help="Keep the batch norms' means and variances: for small batches, with --start."),
]
WaveShare = Annotated[
    float,
    typer.Option(min=0.0, max=1.0, callback=finite, help="Share of the views with noise of every scale, as of a road."),
]
LearningRate = Annotated[float, typer.Option(callback=positive, help="Peak learning rate.")]
Seed = Annotated[int, typer.Option(min=0, max=SEEDS.most, help="Seed of scans, batches and augmentation.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes that make scans.")]
WhichDevice = Annotated[Device, typer.Option("--device", help="auto takes CUDA where there is a GPU.")]
MaxMinutes = Annotated[
    float | None, typer.Option(callback=positive, help="Stop then and keep a checkpoint; call again to go on.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite --out and start anew.")]
