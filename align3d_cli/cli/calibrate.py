"""`align3d calibrate`: set a model's threshold and colours on scans whose state is known."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from align3d_cli.cli.options import Device, examples, finite
from align3d_cli.errors import UsageError
from align3d_cli.helpers.places import DEFAULT_MODEL
from align3d_cli.report.result import limit_text

if TYPE_CHECKING:
    from align3d_cli.metrics.exceedance import ScoreLimit
    from align3d_cli.running.calibrate import Calibrated

FOLDER = "folder"  # the data set of one's own scans

EXAMPLES = examples(
    "align3d calibrate good/*.ply --out line3.safetensors",
    "align3d calibrate good/ --out line3.safetensors --false-alarm-rate 0.02",
    "align3d calibrate --root parts/ --out mine.safetensors",
    "align3d calibrate --model model.safetensors --dataset synthetic --limit 20 --out calibrated.safetensors",
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("calibrate", epilog=EXAMPLES)(calibrate)


def _of_the_model(says: str, least: float = 0.0, most: float = 1.0):
    """An option that changes a setting of the model's scoring, or leaves it."""
    return typer.Option(None, min=least, max=most, callback=finite, help=f"{says}; default: the model's own.")


def calibrate(
    good: list[str] | None = typer.Argument(
        None, metavar="GOOD...", help="Scans of good parts and folders of them, five at least; or name a data set."
    ),
    out: Path = typer.Option(..., "--out", help="The model to write (.safetensors, or .onnx of an exported one)."),
    model: str = typer.Option(DEFAULT_MODEL, help="Name or path of the model."),
    dataset: str = typer.Option(FOLDER, help="folder, synthetic, or a data set of `align3d benchmark`."),
    root: Path | None = typer.Option(None, help="Its folder: good/ in it and, if you have them, folders of defects."),
    limit: int | None = typer.Option(None, min=1, help="At most so many scans a category."),
    false_alarm_rate: float = typer.Option(
        0.05, min=0.0, max=1.0, callback=finite, help="Share of further good parts above the threshold."
    ),
    level_share: float | None = _of_the_model("Share of a scan's median point score that is taken off its map"),
    wide_weight: float | None = _of_the_model("Weight of the highest tenth of a scan's points in its object score"),
    view_power: float | None = _of_the_model("Power of the mean over the views that see a point", 1.0, 8.0),
    device: Device = typer.Option("auto", help="auto takes CUDA where there is a GPU."),
    as_json: bool = typer.Option(False, "--json", help="Print the calibration as JSON."),
    force: bool = typer.Option(False, "--force", help="Overwrite --out."),
) -> None:
    """Score scans whose state is known and store threshold, score scale and colour limits in a copy of the model.

    Good scans alone set the threshold and the colours; with defective ones the score becomes probability-like too.
    Where few good parts are given, the interval in which their false-alarm rate lies is wide, and is told.
    """
    from dataclasses import asdict

    from align3d_cli.cli import output
    from align3d_cli.helpers.files import check_free
    from align3d_cli.model.find import check_out, find_model
    from align3d_cli.running import calibrate as room

    _check_data(good, root, dataset, limit)
    check_free(out, force=force)
    check_out(out, find_model(model))
    asked = {"level_share": level_share, "wide_weight": wide_weight, "view_power": view_power}
    with output.Progress("calibrate") as progress:
        found = room.calibrate(
            root,
            good=good or (),
            model=model,
            dataset=dataset,
            limit=limit,
            false_alarm_rate=false_alarm_rate,
            scoring={name: value for name, value in asked.items() if value is not None},
            device=device,
            on_start=progress.begin,
            on_scan=progress.advance,
        )
    for note in found.notes:
        output.warn(note)
    found.save(out, force=force)
    if as_json:
        facts = {"good": found.n_good, "defective": found.n_defective} | asdict(found.calibration)
        output.result_json({"out": str(out)} | facts | _rate(found.limit, false_alarm_rate))
    else:
        output.result(f"{out}: {_learned(found, false_alarm_rate)}")


def _check_data(good: list[str] | None, root: Path | None, dataset: str, limit: int | None) -> None:
    """Raise UsageError for good parts that are named beside a data set or what belongs to one, and for neither."""
    from align3d_cli.datasets.registry import ROOT_VARIABLE

    if not good and root is None and dataset == FOLDER and not os.environ.get(ROOT_VARIABLE):
        raise UsageError("no scan is named; name good parts, or with --root the folder of a data set")
    beside = {"--root": root is not None, "--dataset": dataset != FOLDER, "--limit": limit is not None}
    for option in (name for name, given in beside.items() if given and good):
        raise UsageError(f"{option}: is of data sets, and good parts are named; give one of them")


def _rate(limit: "ScoreLimit", aim: float) -> dict[str, Any]:
    """What is known of the share of further good parts above the threshold, as JSON."""
    interval = [round(end, 4) for end in limit.interval]
    return {"aim": aim, "alarms": limit.alarms, "expected": round(limit.expected, 4), "interval": interval}


def _learned(found: "Calibrated", aim: float) -> str:
    """The threshold and how surely it holds, for people."""
    low, high = (f"{100 * end:.0f}" for end in found.limit.interval)
    above = round((found.calibration.false_alarm_rate or 0.0) * found.n_good)
    told = f"{above} of {found.n_good} lie above it, which allows {low} to {high} %"
    threshold = f"threshold {limit_text(found.calibration.threshold)}"
    beside = f"; {found.n_defective} defective scans" if found.n_defective else ""
    return f"{threshold} aims at {100 * aim:.3g} % false alarms among good parts, {told}{beside}"
