"""`align3d teach`: a model that knows good parts of one kind, without any training."""

from pathlib import Path
from typing import Any

import typer

from align3d_cli.cli.options import Device, examples, finite
from align3d_cli.clouds.settings import Background
from align3d_cli.helpers.places import DEFAULT_MODEL

EXAMPLES = examples(
    "align3d teach good/ --out line3.safetensors",
    "align3d teach good1.ply good2.ply --out line3.safetensors --false-alarm-rate 0.02",
    "align3d score part.ply --model line3.safetensors --out heatmap.ply",
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("teach", epilog=EXAMPLES)(teach)


def teach(
    good: list[str] = typer.Argument(metavar="GOOD...", help="Scans of good parts of one kind, and folders of them."),
    out: Path = typer.Option(..., "--out", help="The model to write (.safetensors, or .onnx of an exported one)."),
    model: str = typer.Option(DEFAULT_MODEL, help="Name or path of the model beneath."),
    false_alarm_rate: float = typer.Option(
        0.05, min=0.0001, max=0.5, callback=finite, help="Of further good parts, at which the threshold aims."
    ),
    background: Background = typer.Option("auto", help="The plane a part lies on: found by itself, kept, or removed."),
    device: Device = typer.Option("auto", help="auto takes CUDA where there is a GPU."),
    as_json: bool = typer.Option(False, "--json", help="Print what was learned as JSON."),
    force: bool = typer.Option(False, "--force", help="Overwrite --out."),
) -> None:
    """Teach a model good parts of one kind: it compares every scan with them, beside what it says by itself.

    One part is enough to begin; from three on, an odd one among them is named. Takes a few seconds a part.
    """
    from align3d_cli.cli import output
    from align3d_cli.helpers.files import check_free
    from align3d_cli.model.find import check_out, find_model
    from align3d_cli.running.inputs import known_scans
    from align3d_cli.running.model import Model

    check_free(out, force=force)
    check_out(out, find_model(model))
    names = known_scans(good)
    with output.Progress("teach") as progress:
        progress.begin(len(names))
        made = Model(model, device=device).teach(
            names, background=background, false_alarm_rate=false_alarm_rate, on_scan=progress.advance
        )
    made.save(out, force=force)
    known = made.references
    assert known is not None  # it was taught just now
    result = {"out": str(out)} | known.facts
    for name in known.facts["stands_out"]:
        output.warn(
            f"{name}: stands out from the other good parts; look at it again, and leave it out if it is defective"
        )
    if as_json:
        output.result_json(result)
    else:
        output.result(f"{out}: {learned(result)}")


def learned(facts: dict[str, Any]) -> str:
    """What a model knows of good parts, for people. facts: see `reference.references.FACTS`"""
    n, aim = len(facts["parts"]), f"the threshold aims at {100 * facts['false_alarm_rate']:.3g} % false alarms"
    if facts["interval"] is None:
        return f"1 good part; {aim}, and of a single part that is a guess: teach more of them"
    laid = "all of them one rigid body" if facts["laid_parts"] == n else f"{facts['laid_parts']} of them one rigid body"
    low, high = (f"{100 * end:.0f}" for end in facts["interval"])
    told = f"{facts['alarms']} of {n} lie above it, which allows {low} to {high} %"
    return f"{n} good parts, {laid}; {aim}, {told}"
