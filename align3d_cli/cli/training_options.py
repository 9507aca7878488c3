"""The options that `align3d align` and `align3d prompt-train` share, as their help shows them."""

from pathlib import Path
from typing import Annotated

import typer

from align3d_cli.cli.options import Device, positive

DATA, MODEL, HOW, RUN = "Auxiliary data", "Model", "How to train", "Run"


def option(*names: str, panel: str, help: str, **checks):
    """An option in a panel of the help."""
    return typer.Option(*names, help=help, rich_help_panel=panel, **checks)


Dataset = Annotated[
    str,
    option(panel=DATA, help="mvtec3d, eyecandies, real3d, anomaly-shapenet, mulsen, folder or synthetic."),
]
Root = Annotated[Path | None, option(panel=DATA, help="Folder of the data set; default: ALIGN3D_DATA.")]
Category = Annotated[
    list[str] | None, option(panel=DATA, help="Auxiliary category; repeat for several. Default: all there are.")
]
Split = Annotated[
    str,
    option(panel=DATA, help="test (the field's protocol: it holds the labelled defects), train or all."),
]
Limit = Annotated[int | None, option(panel=DATA, help="At most so many scans a category and split.", min=1)]
Count = Annotated[int, option(panel=DATA, help="Scans to generate, with --dataset synthetic.", min=1)]
DataSeed = Annotated[int, option(panel=DATA, help="Seed of generated scans.", min=0)]

Backbone = Annotated[
    str | None,
    option(panel=MODEL, help="Image tower: open_clip's name, or an open_clip_config.json; default: the profile's."),
]
Pretrained = Annotated[str | None, option(panel=MODEL, help="open_clip tag of its weights.")]
Weights = Annotated[Path | None, option(panel=MODEL, help="File of its weights, instead of the cache.")]
Model = Annotated[str | None, option(panel=MODEL, help="Model to go on from, by name or path, e.g. align3d-lite.")]
WhichProfile = Annotated[
    str | None,
    option(
        "--profile",
        panel=MODEL,
        help="Settings: align3d, paper or pointad; default: those of the model gone on from, else align3d.",
    ),
]
Views = Annotated[str | None, option(panel=MODEL, help="A number, mvtec, eyecandies, real3d, sphere:N or front:N.")]
Precision = Annotated[str, option(panel=MODEL, help="Of the open_clip tower: float32, bfloat16 or float16.")]

Epochs = Annotated[int | None, option(panel=HOW, help="Default: the profile's.", min=1)]
Batch = Annotated[int | None, option(panel=HOW, help="Samples a step; default: the profile's.", min=1)]
LearningRate = Annotated[float | None, option(panel=HOW, help="Of Adam; default: the profile's.", callback=positive)]
Seed = Annotated[int, option(panel=HOW, help="Of initial weights and sample order.", min=0)]

Out = Annotated[Path, option("--out", panel=RUN, help="The model to write (.safetensors).")]
Store = Annotated[
    Path | None,
    option(panel=RUN, help="Folder of features and checkpoints, about 8 MB a sample and modality; default: a cache."),
]
WhichDevice = Annotated[Device, option("--device", panel=RUN, help="auto takes CUDA where there is a GPU.")]
MaxMinutes = Annotated[
    float | None,
    option(
        panel=RUN,
        help="Stop after the epoch in which the time is over; the same call with --force goes on.",
        callback=positive,
    ),
]
Fresh = Annotated[
    bool, option("--fresh/--resume", panel=RUN, help="Start anew, or go on where a killed or stopped run was.")
]
Json = Annotated[bool, option("--json", panel=RUN, help="Print the result as JSON.")]
Force = Annotated[bool, option("--force", panel=RUN, help="Overwrite --out.")]
PrintConfig = Annotated[
    bool, option("--print-config", panel=RUN, help="Print all settings as JSON and do nothing else.")
]
