"""`align3d benchmark`: every data set and protocol to one table, and that table again from the log of a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from align3d_cli.cli import benchmark_options as opt
from align3d_cli.cli.benchmark_check import check as check_data
from align3d_cli.cli.benchmark_lists import BenchmarkGroup
from align3d_cli.cli.benchmark_output import RunProgress, print_table
from align3d_cli.cli.options import check_folder, check_views, examples
from align3d_cli.errors import BatchFailures, UsageError
from align3d_cli.helpers.places import DEFAULT_MODEL

if TYPE_CHECKING:
    from align3d_cli.evaluation.runner import RunTasks, Summary

RUNS = Path("align3d-runs")


benchmark = typer.Typer(
    cls=BenchmarkGroup,
    invoke_without_command=True,
    rich_markup_mode="rich",
    epilog=examples(
        "align3d benchmark",
        "align3d benchmark --dataset real3d --root data/Real3D-AD --jobs 4 --run runs/real3d",
        "align3d benchmark --dataset real3d --root data/Real3D-AD --protocol k-shot --seeds 0 1 2 --run runs/ladder",
        "align3d benchmark --dataset mvtec3d --protocol one-vs-rest --profile align3d --seeds 0 1 2 --run runs/mvtec",
        "align3d benchmark --dataset eyecandies --protocol cross-dataset --train-root data/mvtec3d --run runs/cross",
        "align3d benchmark --check --dataset mvtec3d --root data/mvtec3d",
        "align3d benchmark --dataset prerendered --root MVTec3D-AD_x_9_views --model paper.safetensors --drawn both",
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
    dataset: opt.WhichDataSet = "synthetic",
    root: opt.Root = None,
    category: opt.Categories = [],  # noqa: B006 - typer copies it
    limit: opt.Limit = None,
    check: opt.Check = False,
    protocol: opt.WhichProtocol = "zero-shot",
    methods: opt.Methods = [],  # noqa: B006
    model: opt.Model = DEFAULT_MODEL,
    profile: opt.Profile = None,
    backbone: opt.Backbone = None,
    weights: opt.Weights = None,
    seeds: opt.Seeds = [0],  # noqa: B006
    auxiliary: opt.Auxiliary = [],  # noqa: B006
    train_set: opt.TrainSet = "mvtec3d",
    train_root: opt.TrainRoot = None,
    align_epochs: opt.AlignEpochs = None,
    prompt_epochs: opt.PromptEpochs = None,
    drawn: opt.WhichDrawing = "ours",
    views: opt.Views = None,
    background: opt.WhichBackground = "auto",
    device: opt.WhichDevice = "auto",
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
    if check:
        check_data(dataset, root, category, limit, as_json=json)
        return
    check_views(views)
    needs_model = not (profile or backbone or (methods and set(methods) <= {"curvature"}))
    _check_there({dataset: root}, model if needs_model else None)
    if protocol == "cross-dataset":
        _check_there({train_set: train_root}, None)
    from align3d_cli.evaluation.question import Question
    from align3d_cli.evaluation.runner import run_benchmark
    from align3d_cli.evaluation.task import ScanSettings
    from align3d_cli.model.device import resolve_device

    device_name = resolve_device(device)
    question = Question(
        data_set=dataset,
        root=root,
        categories=tuple(category),
        limit=limit,
        protocol=protocol,
        methods=tuple(methods),
        model=model,
        profile=profile,
        backbone=backbone,
        weights=weights,
        seeds=tuple(seeds),
        auxiliary=tuple(auxiliary),
        drawn=drawn,
        train_set=train_set,
        train_root=train_root,
        align_epochs=align_epochs,
        prompt_epochs=prompt_epochs,
        scan=ScanSettings(background, views, device_name),
    )
    folder = run or _usual_folder(dataset, root, protocol)
    if engine == opt.Engine.local:
        jobs = jobs or default_jobs(device_name)
    run_engine = _engine(engine, ray_address)
    check_folder("--run", folder)
    with RunProgress(folder) as talk:
        summary = run_benchmark(question, folder, jobs=jobs, talk=talk.as_talk(), engine=run_engine)
    print_table(folder, "json" if json else "text", plots)
    _tell_failures(summary)


def _usual_folder(dataset: str, root: Path | None, protocol: str) -> Path:
    """Where a run lies that nobody named a folder for."""
    data = dataset if root is None else f"{dataset}-{root.resolve().name}"
    return RUNS / f"{data}-{protocol}"


def _tell_failures(summary: "Summary") -> None:
    """Raise BatchFailures where scans failed: the table does not count them."""
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
    format: opt.WhichFormat = "text",
    json: opt.Json = False,
    plots: opt.Plots = None,
) -> None:
    """Print the table of a run again, from its log alone; also while the run goes on."""
    print_table(run, "json" if json else format, plots)


def _check_there(data: dict[str, Path | None], model: str | None) -> None:
    """Raise EnvironmentMissing for data or a model that is not there: found before torch is loaded."""
    from align3d_cli.datasets.registry import require_data
    from align3d_cli.model.find import find_model

    for data_set, root in data.items():
        require_data(data_set, root)
    if model is not None:
        find_model(model)


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
