"""`align3d align`: stage 1, teach an aligner to turn rendering features into those of coloured views."""

from dataclasses import dataclass
from typing import Annotated

import typer

from align3d_cli.cli.call import taking
from align3d_cli.cli.options import examples
from align3d_cli.cli.training_options import TrainingCall, setting
from align3d_cli.training.settings import AlignSettings, Reweighting


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignCall(TrainingCall):
    """The options of the command."""

    reweight: Annotated[Reweighting | None, setting(AlignSettings, "reweight")] = None
    strength: Annotated[float | None, setting(AlignSettings, "strength", "--lambda")] = None
    reweight_epochs: Annotated[int | None, setting(AlignSettings, "reweight_epochs")] = None
    tokens_per_view: Annotated[int | None, setting(AlignSettings, "tokens_per_view")] = None


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        "align",
        epilog=examples(
            "align3d align --dataset mvtec3d --root data --category carrot --profile paper --out aligner.safetensors",
            "align3d align --dataset synthetic --count 40 --model align3d-lite --epochs 20 --out aligner.safetensors",
            "torchrun --nproc-per-node 2 -m align3d_cli align --dataset mvtec3d --category dowel --out a.safetensors",
            "align3d align --dataset eyecandies --profile paper --out a.safetensors --print-config > mine.toml",
            "Exit codes: 0 done (also when stopped by --max-minutes), 2 usage, 4 data rejected (no colour, nothing "
            "readable), 5 weights, data or device missing.",
        ),
    )(taking(AlignCall, align))


def align(call: AlignCall) -> None:
    """Stage 1: train an aligner from rendering features to the features of coloured views of the same scans.

    Needs a colour for every point. It learns from the TEST split of the auxiliary categories, which is the field's
    protocol; figures on those categories are no result. Features are stored once; a killed run goes on where it was.
    """
    from align3d_cli.cli.training_run import begin, carry_out
    from align3d_cli.training import session, start

    bundle, profile = begin(call, call.model)
    settings = start.align_settings(profile, **call.changes(AlignSettings))
    carry_out(call, session.align, bundle, profile, settings)
