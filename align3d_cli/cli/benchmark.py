"""`align3d benchmark`: every data set and protocol to one table, and that table again from the log of a run."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from align3d_cli.cli import benchmark_options as opt
from align3d_cli.cli import output
from align3d_cli.cli.options import Device, check_folder, check_views, examples
from align3d_cli.errors import BatchFailures, UsageError

if TYPE_CHECKING:
    from align3d_cli.evaluation.runner import RunTasks, Talk

LISTS = ("--seeds", "--category", "--methods", "--auxiliary")  # options that take several values: --seeds 0 1 2
RUNS = Path("align3d-runs")


class BenchmarkGroup(TyperGroup):
    """The options of a benchmark or the sub-command `table`; lists may be written as `--seeds 0 1 2`."""

    def parse_args(
        self, ctx: Any, args: list[str]
    ) -> list[str]:  # typer has a Context of its own, under a private name
        return super().parse_args(ctx, spread_lists(args))


def spread_lists(args: list[str]) -> list[str]:
    """`--seeds 0 1 2` and `--seeds 0,1,2` as `--seeds 0 --seeds 1 --seeds 2`, for all options of LISTS."""
    spread: list[str] = []
    option: str | None = None
    for arg in args:
        name, _, value = arg.partition("=")
        if name in LISTS:
            option, arg = name, value
            if not arg:
                continue
        elif arg.startswith("-"):
            option = None
        if option is None:
            spread.append(arg)
        else:
            spread += [word for part in arg.split(",") if part for word in (option, part)]
    return spread


benchmark = typer.Typer(
    cls=BenchmarkGroup,
    invoke_without_command=True,
    rich_markup_mode="rich",
    epilog=examples(
        "align3d benchmark",
        "align3d benchmark --dataset real3d --root data/Real3D-AD --jobs 4 --run runs/real3d",
        "align3d benchmark --dataset mvtec3d --protocol one-vs-rest --profile align3d --seeds 0 1 2 --run runs/mvtec",
        "align3d benchmark --dataset eyecandies --protocol cross-dataset --train-root data/mvtec3d --run runs/cross",
        "align3d benchmark table runs/real3d --format md --plots plots/",
        "one-vs-rest and cross-dataset train, with labels, on the TEST split of the auxiliary category: that is the "
        "field's protocol, and the table says so.",
        "Exit codes: 0 done, 2 usage, 4 input rejected, 5 data, model or device missing, 6 some scans failed.",
    ),
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.add_typer(benchmark, name="benchmark")


@benchmark.callback()
def run(
    context: typer.Context,
    dataset: opt.WhichDataSet = opt.DataSet.synthetic,
    root: opt.Root = None,
    category: opt.Categories = [],  # noqa: B006 - typer copies it
    limit: opt.Limit = None,
    protocol: opt.WhichProtocol = opt.Protocol.zero_shot,
    methods: opt.Methods = [],  # noqa: B006
    model: opt.Model = "align3d-lite",
    profile: opt.Profile = None,
    backbone: opt.Backbone = None,
    weights: opt.Weights = None,
    seeds: opt.Seeds = [0],  # noqa: B006
    auxiliary: opt.Auxiliary = [],  # noqa: B006
    train_set: opt.TrainSet = opt.DataSet.mvtec3d,
    train_root: opt.TrainRoot = None,
    align_epochs: opt.AlignEpochs = None,
    prompt_epochs: opt.PromptEpochs = None,
    views: opt.Views = None,
    background: opt.WhichBackground = opt.Background.auto,
    device: opt.WhichDevice = Device.auto,
    jobs: opt.Jobs = None,
    engine: opt.WhichEngine = opt.Engine.local,
    ray_address: opt.RayAddress = None,
    run: opt.RunFolder = None,
    plots: opt.Plots = None,
    json: opt.Json = False,
) -> None:
    """Which method is better: score a data set by a protocol and print one table, or print it again (`table RUN`).

    Everything goes through a log in --run, so the same command goes on with a run that was cut off.
    """
    if context.invoked_subcommand:
        return
    from align3d_cli.evaluation.question import Question
    from align3d_cli.evaluation.runner import run_benchmark
    from align3d_cli.evaluation.scorer import ScanSettings
    from align3d_cli.model.device import resolve_device

    check_views(views)
    device_name = resolve_device(device.value)
    question = Question(
        data_set=dataset.value,
        root=root,
        categories=tuple(category),
        limit=limit,
        protocol=protocol.value,
        methods=tuple(method.value for method in methods),
        model=model,
        profile=profile,
        backbone=backbone,
        weights=weights,
        seeds=tuple(seeds),
        auxiliary=tuple(auxiliary),
        train_set=train_set.value,
        train_root=train_root,
        align_epochs=align_epochs,
        prompt_epochs=prompt_epochs,
        scan=ScanSettings(background.value, views, device_name),
    )
    data = dataset.value if root is None else f"{dataset.value}-{root.resolve().name}"
    folder = run or RUNS / f"{data}-{protocol.value}"
    if engine == opt.Engine.local:
        jobs = jobs or default_jobs(device_name)
    run_engine = _engine(engine, ray_address)
    check_folder("--run", folder)
    with _Progress(folder) as talk:
        summary = run_benchmark(question, folder, jobs=jobs, talk=talk.as_talk(), engine=run_engine)
    _print_table(folder, opt.TableFormat.json if json else opt.TableFormat.text, plots)
    if summary.failures:
        name, reason = summary.failures[0]
        raise BatchFailures(f"{len(summary.failures)} of {summary.n_scans} scans failed, first {name}: {reason}")


@benchmark.command(
    "table",
    epilog=examples(
        "align3d benchmark table runs/real3d",
        "align3d benchmark table runs/real3d --format csv > real3d.csv",
    ),
)
def table(
    run: Annotated[Path, typer.Argument(help="Folder that `align3d benchmark --run` wrote.")],
    format: opt.WhichFormat = opt.TableFormat.text,
    json: opt.Json = False,
    plots: opt.Plots = None,
) -> None:
    """Print the table of a run again, from its log alone; also while the run goes on."""
    _print_table(run, opt.TableFormat.json if json else format, plots)


def default_jobs(device: str) -> int:
    """One process a core, 4 at most: each holds the model."""
    from align3d_cli.helpers.cpus import usable_cpus

    return 1 if device == "cuda" else min(4, usable_cpus())


def _engine(engine: opt.Engine, address: str | None) -> "RunTasks":
    """The function that runs the tasks. Raises EnvironmentMissing when Ray is not installed."""
    if engine == opt.Engine.local:
        if address is not None:
            raise UsageError("--ray-address: only with --engine ray")
        from align3d_cli.evaluation.engine import run_local

        return run_local
    from functools import partial

    from align3d_cli.evaluation.ray_engine import run_ray
    from align3d_cli.running.cluster import require_ray

    require_ray()
    return partial(run_ray, address=address)


class _Progress:
    """The bar of a run, and words on stderr; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open = ExitStack()
        self.advance: Callable[[int], None] = lambda n: None

    def __enter__(self) -> "_Progress":
        output.info(f"run: {self.folder} (the same command goes on with it)")
        return self

    def __exit__(self, *error: object) -> None:
        self.open.close()

    def as_talk(self) -> "Talk":
        from align3d_cli.evaluation.runner import Talk

        return Talk(output.info, self._begin, self._advance)

    def _begin(self, scans: int) -> None:
        self.advance = self.open.enter_context(output.progress("scoring", scans))

    def _advance(self, failure: str | None) -> None:
        if failure:
            output.warn(failure)
        self.advance(1)


def _print_table(folder: Path, format: opt.TableFormat, plots: Path | None) -> None:
    """Build the table from the log and print it; plots beside, when asked for."""
    import shutil
    import sys

    from align3d_cli.evaluation.runlog import read_run
    from align3d_cli.evaluation.table_notes import INCOMPLETE
    from align3d_cli.evaluation.table_text import render
    from align3d_cli.evaluation.tables import build_table

    record = read_run(folder)
    table = build_table(record)
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    output.result(render(table, format.value, width=width, colour=terminal))
    for note in table.notes:
        if note.startswith(INCOMPLETE):  # csv carries no notes
            output.warn(f"{folder}: {note}")
    if plots is not None:
        from align3d_cli.evaluation.plots import write_plots

        for path in write_plots(record, plots):
            output.info(f"wrote {path}")
