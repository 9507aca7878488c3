"""The options of `align3d benchmark`: names, types and help. Imports nothing heavy."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from align3d_cli.cli.options import Device
from align3d_cli.cli.score_options import Engine as Engine
from align3d_cli.cli.score_options import RayAddress as RayAddress
from align3d_cli.cli.score_options import WhichEngine as WhichEngine
from align3d_cli.clouds.settings import Background
from align3d_cli.datasets.settings import DataSetName
from align3d_cli.evaluation.settings import Drawn, Method, Protocol, TableFormat
from align3d_cli.helpers.settings import SEEDS

DATA, PROTOCOL, HOW, RUN = "Data", "Protocol", "How it is scored", "The run"


def _option(*names: str, panel: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **more)


WhichDataSet = Annotated[DataSetName, _option("--dataset", panel=DATA, help="synthetic is generated, no download.")]
Root = Annotated[Path | None, _option("--root", panel=DATA, help="Folder of the data set (default: ALIGN3D_DATA).")]
Categories = Annotated[list[str], _option("--category", panel=DATA, help="Only these categories.")]
Limit = Annotated[
    int | None, _option("--limit", panel=DATA, help="At most so many scans a category, half of them good.", min=1)
]
Check = Annotated[
    bool,
    _option(
        "--check",
        panel=DATA,
        help="Open every file of --dataset, list what is missing, empty or not as its layout promises, and do nothing "
        "else; exit 4 where anything is.",
    ),
]
WhichProtocol = Annotated[
    Protocol,
    _option(
        "--protocol",
        panel=PROTOCOL,
        help="zero-shot: score with --model. k-shot: also beside good parts of the train split, the other test scans "
        "or the category's CAD model (a file reference.* or nominal.* in its folder). one-vs-rest: train on each "
        "auxiliary category, with labels on its TEST split (the field's protocol), test on the rest. cross-dataset: "
        "train so on --train-set, test on --dataset.",
    ),
]
Methods = Annotated[
    list[str],  # typer has no lists of Literals; the question itself refuses other words
    _option(
        "--methods", panel=PROTOCOL, help=f"Rows of the table: {', '.join(get_args(Method))} (default: usual ones)."
    ),
]
WhichDrawing = Annotated[
    Drawn,
    _option(
        "--drawn",
        panel=HOW,
        help="Views: drawn here (ours), those that came with --dataset prerendered (theirs), or both in one table; "
        "training sees theirs with theirs alone.",
    ),
]
Model = Annotated[
    str, _option("--model", panel=PROTOCOL, help="Model by name or file; its encoder where the protocol trains.")
]
Profile = Annotated[
    str | None, _option("--profile", panel=PROTOCOL, help="Train from its backbone instead: paper, pointad or align3d.")
]
Backbone = Annotated[str | None, _option("--backbone", panel=PROTOCOL, help="open_clip model instead of its own.")]
Weights = Annotated[Path | None, _option("--weights", panel=PROTOCOL, help="Local weights of that backbone.")]
Seeds = Annotated[
    list[int],
    _option(
        "--seeds",
        panel=PROTOCOL,
        help="Of training, shown good parts and generated scans; mean and std over them.",
        min=0,
        max=SEEDS.most,
    ),
]
Auxiliary = Annotated[
    list[str], _option("--auxiliary", panel=PROTOCOL, help="Categories to train on (default: the field's).")
]
TrainSet = Annotated[DataSetName, _option("--train-set", panel=PROTOCOL, help="cross-dataset: what is trained on.")]
TrainRoot = Annotated[Path | None, _option("--train-root", panel=PROTOCOL, help="Its folder (default: ALIGN3D_DATA).")]
AlignEpochs = Annotated[
    int | None, _option("--align-epochs", panel=PROTOCOL, help="Of stage 1 (default: the profile's 250).", min=1)
]
PromptEpochs = Annotated[
    int | None, _option("--prompt-epochs", panel=PROTOCOL, help="Of stage 2 (default: the profile's 15).", min=1)
]
Views = Annotated[str | None, _option("--views", panel=HOW, help="Number or preset of views (default: the model's).")]
WhichBackground = Annotated[
    Background, _option("--background", panel=HOW, help="Support plane of organised scans: found, kept or removed.")
]
WhichDevice = Annotated[Device, _option("--device", panel=HOW, help="auto takes CUDA when there is a GPU.")]
Jobs = Annotated[
    int | None, _option("--jobs", panel=RUN, help="Processes (default: one a core up to 4, one on a GPU).", min=1)
]
RunFolder = Annotated[
    Path | None, _option("--run", panel=RUN, help="Folder of the run (default: align3d-runs/DATASET-ROOT-PROTOCOL).")
]
Plots = Annotated[Path | None, _option("--plots", panel=RUN, help="Write curves, histograms, pictures (PNG) here.")]
Json = Annotated[bool, _option("--json", panel=RUN, help="Print the table as JSON.")]
WhichFormat = Annotated[TableFormat, typer.Option("--format", help="How to write the table.")]
