"""What `align3d align` and `align3d prompt-train` both take: their options, as the help shows them."""

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from align3d_cli.cli.options import Device, check_views, finite, positive
from align3d_cli.clouds.settings import Drawing
from align3d_cli.datasets.settings import NAMES
from align3d_cli.encoders.settings import EncoderSettings, Precision
from align3d_cli.helpers.settings import SEEDS, Range, meaning_of, range_of
from align3d_cli.training.settings import AlignSettings

DATA, MODEL, HOW, RUN = "Auxiliary data", "Model", "How to train", "Run"


def option(*names: str, panel: str, help: str, **checks: Any) -> Any:
    """An option in a panel of the help."""
    return typer.Option(*names, help=help, rich_help_panel=panel, **checks)


def setting(kind: type, name: str, *names: str, panel: str = HOW) -> Any:
    """The option that changes a setting of a class: its words and its numbers are those of the class."""
    meaning, numbers = meaning_of(kind, name), range_of(kind, name)
    checks: dict[str, Any] = {}
    if numbers != Range():
        checks["callback"] = positive if numbers.above == 0 else finite
        bounds = {"min": numbers.least, "max": numbers.most}
        checks |= {side: bound for side, bound in bounds.items() if math.isfinite(bound)}
    return option(*names, panel=panel, help=f"{meaning[0].upper()}{meaning[1:]}; default: the profile's.", **checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCall:
    """The options that both stages share; None keeps what the profile says. Raises UsageError for odd views."""

    dataset: Annotated[str, option(panel=DATA, help=f"{', '.join(NAMES[:-1])} or {NAMES[-1]}.")]
    out: Annotated[Path, option("--out", panel=RUN, help="The model to write (.safetensors).")]
    root: Annotated[Path | None, option(panel=DATA, help="Folder of the data set; default: ALIGN3D_DATA.")] = None
    category: Annotated[
        list[str] | None, option(panel=DATA, help="Auxiliary category; repeat for several. Default: all there are.")
    ] = None
    split: Annotated[
        Literal["test", "train", "all"],
        option(panel=DATA, help="test is the field's protocol: it holds the labelled defects."),
    ] = "test"
    limit: Annotated[int | None, option(panel=DATA, help="At most so many scans a category and split.", min=1)] = None
    drawn: Annotated[
        Drawing,
        option(panel=DATA, help="ours: views drawn here. theirs: those that came with --dataset prerendered."),
    ] = "ours"
    count: Annotated[int, option(panel=DATA, help="Scans to generate, with --dataset synthetic.", min=1)] = 60
    data_seed: Annotated[int, option(panel=DATA, help="Seed of generated scans.", min=0, max=SEEDS.most)] = 0

    backbone: Annotated[
        str | None,
        option(panel=MODEL, help="Image tower: open_clip's name, or an open_clip_config.json; default: the profile's."),
    ] = None
    pretrained: Annotated[str | None, option(panel=MODEL, help="open_clip tag of its weights.")] = None
    weights: Annotated[Path | None, option(panel=MODEL, help="File of its weights, instead of the cache.")] = None
    model: Annotated[
        str | None, option(panel=MODEL, help="Model to go on from, by name or path, e.g. align3d-lite.")
    ] = None
    profile: Annotated[
        str | None,
        option(
            panel=MODEL,
            help="Settings: align3d, paper, pointad, or a .toml file as --print-config prints it; default: those of "
            "the model gone on from, else align3d.",
        ),
    ] = None
    views: Annotated[
        str | None, option(panel=MODEL, help="A number, mvtec, eyecandies, real3d, sphere:N or front:N.")
    ] = None
    precision: Annotated[Precision | None, setting(EncoderSettings, "precision", panel=MODEL)] = None

    epochs: Annotated[int | None, setting(AlignSettings, "epochs")] = None
    batch: Annotated[int | None, setting(AlignSettings, "batch")] = None
    learning_rate: Annotated[float | None, setting(AlignSettings, "learning_rate")] = None
    seed: Annotated[int | None, setting(AlignSettings, "seed")] = None

    store: Annotated[
        Path | None,
        option(
            panel=RUN, help="Folder of features and checkpoints, about 8 MB a sample and modality; default: a cache."
        ),
    ] = None
    device: Annotated[Device, option(panel=RUN, help="auto takes CUDA where there is a GPU.")] = "auto"
    max_minutes: Annotated[
        float | None,
        option(
            panel=RUN,
            help="Stop after the epoch in which the time is over; the same call with --force goes on.",
            callback=positive,
        ),
    ] = None
    fresh: Annotated[
        bool, option("--fresh/--resume", panel=RUN, help="Start anew, or go on where a killed or stopped run was.")
    ] = False
    json: Annotated[bool, option("--json", panel=RUN, help="Print the result as JSON.")] = False
    force: Annotated[bool, option("--force", panel=RUN, help="Overwrite --out.")] = False
    print_config: Annotated[
        bool, option("--print-config", panel=RUN, help="Print all settings as TOML for --profile and do nothing else.")
    ] = False

    def __post_init__(self) -> None:
        check_views(self.views)

    def changes(self, kind: type) -> dict[str, Any]:
        """What the call says of the settings of a class, by name; None where it says nothing."""
        return {part.name: getattr(self, part.name, None) for part in fields(kind)}
