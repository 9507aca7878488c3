"""The options of `align3d score`, as its help shows them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from align3d_cli.cli.options import Device, finite, positive
from align3d_cli.cli.score_config import take_config
from align3d_cli.clouds.settings import Background
from align3d_cli.helpers.settings import SEEDS

OUTPUTS, KNOWN, HOW = "Outputs", "What is known beside the scan", "How to score"
READING, WHERE, SETTINGS = "How to read", "On which machines", "Where options come from"


class HeatmapFormat(StrEnum):
    """What a heat map can be written as."""

    ply = "ply"
    npz = "npz"
    tiff = "tiff"
    glb = "glb"
    png = "png"
    html = "html"


class Engine(StrEnum):
    """What spreads the scans."""

    local = "local"
    ray = "ray"


def _option(*names: str, panel: str, help: str, **checks: Any) -> Any:
    # every option has its variable: one sentence of the help says so, not each of its lines
    return typer.Option(*names, help=help, rich_help_panel=panel, show_envvar=False, **checks)


Inputs = Annotated[
    list[str],
    typer.Argument(metavar="INPUT...", help="Scans, and folders that are searched for scans; - reads standard input."),
]
Out = Annotated[
    Path | None, _option(panel=OUTPUTS, help="Heat map of a single part; its suffix says the format, - is stdout.")
]
OutDir = Annotated[Path | None, _option(panel=OUTPUTS, help="Folder for one heat map a part, named like the part.")]
Format = Annotated[
    HeatmapFormat | None,
    _option(panel=OUTPUTS, help="Format of heat maps; default: --out's suffix, ply for --out-dir."),
]
Report = Annotated[Path | None, _option(panel=OUTPUTS, help="One HTML page of all parts of this call.")]
ReportPoints = Annotated[
    int | None,
    _option(
        panel=OUTPUTS,
        min=100,
        help="Points a part on the page at most; default: 200000 of one part, fewer of many.",
    ),
]
Junit = Annotated[
    Path | None,
    _option(
        "--junit", panel=OUTPUTS, help="JUnit XML for CI servers: a test a part, a failure for each defective one."
    ),
]
Csv = Annotated[Path | None, _option("--csv", panel=OUTPUTS, help="Table of the results as CSV, one line a part.")]
Regions = Annotated[
    Path | None,
    _option("--regions", panel=OUTPUTS, help="Table of the defect regions of all parts as CSV, one line a region."),
]
Json = Annotated[bool, _option("--json", panel=OUTPUTS, help="Print the result as JSON, an array for several parts.")]
Jsonl = Annotated[bool, _option("--jsonl", panel=OUTPUTS, help="Print one line of JSON a part as it finishes.")]
FailAbove = Annotated[
    float | None,
    _option(panel=OUTPUTS, help="Exit with 3 when a part's score exceeds this.", min=0.0, max=1.0, callback=finite),
]
RulesFile = Annotated[
    Path | None,
    _option(
        "--rules", panel=OUTPUTS, help="TOML file of limits on regions and score; exit with 3 when a part breaks one."
    ),
]
Force = Annotated[bool, _option("--force", panel=OUTPUTS, help="Overwrite files that exist.")]
Resume = Annotated[
    bool,
    _option(
        "--resume",
        panel=OUTPUTS,
        help="Go on in --out-dir: parts scored there by the same call are kept, files about all parts renewed.",
    ),
]
Watch = Annotated[
    bool,
    _option(
        "--watch",
        panel=OUTPUTS,
        help="Go on and score scans as they arrive in the folders, each once it is whole; one line of JSON each.",
    ),
]
Quiet = Annotated[bool, _option("--quiet", "-q", panel=OUTPUTS, help="No notes and no summary.")]
Model = Annotated[str, _option(panel=HOW, help="Name or path of the model.")]
WhichDevice = Annotated[Device, _option("--device", panel=HOW, help="auto takes CUDA where there is a GPU.")]
Views = Annotated[
    str | None,
    _option(panel=HOW, help="A number, mvtec, eyecandies, real3d, sphere:N or front:N; default: the model's."),
]
WhichBackground = Annotated[
    Background, _option("--background", panel=HOW, help="The plane a part lies on: found by itself, kept, or removed.")
]
Good = Annotated[
    list[str] | None,
    _option("--good", panel=KNOWN, help="A good part, or a folder of them, the more the better; may be repeated."),
]
Reference = Annotated[
    str | None,
    _option("--reference", panel=KNOWN, help="CAD model or golden scan that every part must lie on."),
]
Among = Annotated[
    bool, _option("--among", panel=KNOWN, help="The parts of this call, four at least, are each other's references.")
]
Split = Annotated[
    bool, _option("--split", panel=HOW, help="Score the separate parts of a scan apart, one result each.")
]
Seed = Annotated[int, _option(panel=HOW, help="Of the points drawn from meshes.", min=0, max=SEEDS.most)]
InputFormat = Annotated[
    str | None, _option(panel=READING, help="Format of the inputs whatever their names say; - needs it.")
]
Focal = Annotated[
    float | None,
    _option(panel=READING, help="Focal length in px, for depth maps (one-channel tiff).", callback=positive),
]
Columns = Annotated[str | None, _option(panel=READING, help="Columns of tables, e.g. xyzrgb or x,y,z,nx,ny,nz.")]
Unit = Annotated[
    str | None, _option(panel=READING, help="Unit of length, e.g. mm; default: what the file says, if it does.")
]
KeepMarks = Annotated[
    bool,
    _option(
        "--keep-marks", panel=READING, help="Rows that look like marks of no measurement, e.g. (0, 0, 0), are points."
    ),
]
WhichEngine = Annotated[
    Engine, _option("--engine", panel=WHERE, help="ray spreads parts over a Ray cluster: pip install align3d\\[ray].")
]
RayAddress = Annotated[
    str | None, _option("--ray-address", panel=WHERE, help="Of the cluster (default: start one on this machine).")
]
Config = Annotated[
    Path | None,
    _option(
        "--config",
        panel=SETTINGS,
        help="TOML file of options below \\[score], e.g. fail_above = 0.7; variables as ALIGN3D_FAIL_ABOVE come before "
        "it, what is typed before both.",
        callback=take_config,
        is_eager=True,
    ),
]
PrintConfig = Annotated[
    bool,
    _option(
        "--print-config",
        panel=SETTINGS,
        help="Print all options of this call as --config takes them, with where each came from, and score nothing.",
    ),
]
