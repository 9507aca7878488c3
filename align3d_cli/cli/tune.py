"""`align3d tune`: teach the default model's rendering tower to read geometry, on generated scans."""

from pathlib import Path

import typer

from align3d_cli.cli.options import finite, positive

EXAMPLES = """Examples:

align3d tune --out tuned.safetensors --steps 6000 --jobs 2

align3d tune --out tuned.safetensors --from meshes/ --imagenet lite0.safetensors --device cuda

align3d tune --out more.safetensors --start tuned.safetensors --teacher tuned.safetensors --steps 2000
"""


def register(app: typer.Typer) -> None:
    app.command("tune", epilog=EXAMPLES)(tune)


def tune(
    out: Path = typer.Option(..., "--out", help="Where the tuned tower and its prompts are written."),
    imagenet: Path | None = typer.Option(None, help="EfficientNet-Lite ImageNet weights (safetensors) to start from."),
    start: Path | None = typer.Option(None, "--start", help="A tuned bundle to start from instead."),
    teacher: Path | None = typer.Option(
        None, "--teacher", help="A tuned bundle that the tower shall go on agreeing with, noise or not."
    ),
    teacher_weight: float = typer.Option(10.0, callback=positive, help="How much that counts beside the labels."),
    rank_weight: float = typer.Option(
        0.0, min=0.0, callback=finite, help="How much the order of whole scans by their object score counts."
    ),
    meshes: list[Path] = typer.Option(
        [], "--from", help="Folders of meshes that get defects, beside the parts; drawn from alike."
    ),
    mesh_share: float = typer.Option(
        0.4, min=0.0, max=1.0, callback=finite, help="Share of the scans made from those meshes."
    ),
    variant: str = typer.Option("lite0", help="Trunk: lite0, lite1 or lite2."),
    size: int = typer.Option(320, min=32, help="Pixels a side of a view; a multiple of 32."),
    steps: int = typer.Option(6000, min=1, help="Optimiser steps."),
    batch: int = typer.Option(96, min=1, help="Views a step."),
    samples_per_step: float = typer.Option(2.0, callback=positive, help="New scans a step."),
    pool_views: int = typer.Option(30_000, min=1, help="Views kept in memory (0.5 MB each at 320 px)."),
    warm_samples: int = typer.Option(400, help="Scans before the first step."),
    crop: int | None = typer.Option(None, help="Read parts of the views, this many pixels a side; a multiple of 32."),
    frozen_stages: int = typer.Option(
        0, help="First stages of the trunk that stay as they are; 3 halves the time.", min=0, max=7
    ),
    frozen_norms: bool = typer.Option(
        False, "--frozen-norms", help="Keep the batch norms' means and variances: for small batches, with --start."
    ),
    wave_share: float = typer.Option(
        0.3, min=0.0, max=1.0, callback=finite, help="Share of the views that get noise of every scale, as of a road."
    ),
    learning_rate: float = typer.Option(1e-3, callback=positive, help="Peak learning rate."),
    seed: int = typer.Option(0, min=0, help="Seed of scans, batches and augmentation."),
    jobs: int = typer.Option(2, min=1, help="Processes that make scans."),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    max_minutes: float | None = typer.Option(
        None, callback=positive, help="Stop then and keep a checkpoint; call again to go on."
    ),
    force: bool = typer.Option(False, "--force", help="Overwrite --out and start anew."),
) -> None:
    """Tune the rendering tower of the default model on procedural parts and meshes with injected defects.

    Goes on from the folder OUT.run, which also keeps the losses, when it is there. The result is a model that `score`
    accepts (rendering branch alone) and that `align` and `prompt-train` take as --model.
    """
    from align3d_cli.cli import output
    from align3d_cli.errors import UsageError
    from align3d_cli.model.device import resolve_device
    from align3d_cli.tuning.tune import TuneConfig
    from align3d_cli.tuning.tune_job import TuneJob

    if size % 32:
        raise UsageError(f"--size {size}: the tower reads multiples of 32; use {size // 32 * 32}")
    config = TuneConfig(
        steps=steps,
        batch=batch,
        samples_per_step=samples_per_step,
        pool_views=pool_views,
        warm_samples=warm_samples,
        crop_px=crop,
        frozen_stages=frozen_stages,
        frozen_norms=frozen_norms,
        wave_share=wave_share,
        learning_rate=learning_rate,
        teacher_weight=teacher_weight,
        rank_weight=rank_weight,
        seed=seed,
    )
    job = TuneJob(
        out,
        config,
        {"variant": variant, "image_size": size},
        imagenet=imagenet,
        start=start,
        teacher=teacher,
        meshes=tuple(meshes),
        mesh_share=mesh_share,
        device=resolve_device(device),
        jobs=jobs,
        max_minutes=max_minutes,
        force=force,
    )
    with output.progress("tune", steps) as advance:
        job.run(log=output.info, advance=advance)
    output.result(str(out))
