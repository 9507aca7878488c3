"""A call of `align3d score`: its options as one object."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from align3d_cli.cli import score_options as opt
from align3d_cli.helpers.places import DEFAULT_MODEL


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCall:
    """What `align3d score` was asked for. The fields are its options, in the order of its help.

    context: of the call, which knows where each value came from
    """

    context: typer.Context
    inputs: opt.Inputs
    out: opt.Out = None
    out_dir: opt.OutDir = None
    format: opt.Format = None
    report: opt.Report = None
    report_points: opt.ReportPoints = None
    junit: opt.Junit = None
    csv: opt.Csv = None
    regions: opt.Regions = None
    json: opt.Json = False
    jsonl: opt.Jsonl = False
    fail_above: opt.FailAbove = None
    rules: opt.RulesFile = None
    good: opt.Good = None
    reference: opt.Reference = None
    among: opt.Among = False
    force: opt.Force = False
    resume: opt.Resume = False
    watch: opt.Watch = False
    quiet: opt.Quiet = False
    model: opt.Model = DEFAULT_MODEL
    device: opt.WhichDevice = "auto"
    views: opt.Views = None
    background: opt.WhichBackground = "auto"
    seed: opt.Seed = 0
    input_format: opt.InputFormat = None
    focal: opt.Focal = None
    columns: opt.Columns = None
    unit: opt.Unit = None
    keep_marks: opt.KeepMarks = False
    split: opt.Split = False
    engine: opt.WhichEngine = opt.Engine.local
    ray_address: opt.RayAddress = None
    config: opt.Config = None
    print_config: opt.PrintConfig = False

    @property
    def tables(self) -> dict[str, Path]:
        """The files about all parts that are asked for, by option."""
        named = {"--report": self.report, "--junit": self.junit, "--csv": self.csv, "--regions": self.regions}
        return {option: path for option, path in named.items() if path is not None}

    @property
    def to_stdout(self) -> bool:
        """Whether the heat map goes to standard output."""
        return str(self.out) == "-"

    def same_files(self) -> Iterator[tuple[str, str]]:
        """Pairs of options that name one file."""
        seen: dict[str, str] = {}
        named = self.tables if self.out is None else {"--out": self.out} | self.tables
        for option, path in named.items():
            place = os.path.realpath(path)
            if place in seen:
                yield seen[place], option
            seen[place] = option
