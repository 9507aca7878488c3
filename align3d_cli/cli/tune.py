"""`align3d tune`: teach the default model's rendering tower to read geometry, on generated scans."""

import typer

from align3d_cli.cli import tune_options as opt
from align3d_cli.cli.options import examples

EXAMPLES = examples(
    "align3d tune --out tuned.safetensors --steps 6000 --jobs 2",
    "align3d tune --out tuned.safetensors --from meshes/ --imagenet lite0.safetensors --device cuda",
    "align3d tune --out more.safetensors --start tuned.safetensors --teacher tuned.safetensors --steps 2000",
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("tune", epilog=EXAMPLES)(tune)


def tune(
    out: opt.Out,
    imagenet: opt.ImageNet = None,
    start: opt.Start = None,
    teacher: opt.Teacher = None,
    teacher_weight: opt.TeacherWeight = 10.0,
    rank_weight: opt.RankWeight = 0.0,
    meshes: opt.Meshes = [],  # noqa: B006 - typer copies it
    mesh_share: opt.MeshShare = 0.4,
    variant: opt.Variant = "lite0",
    size: opt.Size = 320,
    steps: opt.Steps = 6000,
    batch: opt.Batch = 96,
    samples_per_step: opt.SamplesPerStep = 2.0,
    pool_views: opt.PoolViews = 30_000,
    warm_samples: opt.WarmSamples = 400,
    crop: opt.Crop = None,
    frozen_stages: opt.FrozenStages = 0,
    frozen_norms: opt.FrozenNorms = False,
    wave_share: opt.WaveShare = 0.3,
    learning_rate: opt.LearningRate = 1e-3,
    seed: opt.Seed = 0,
    jobs: opt.Jobs = 2,
    device: opt.WhichDevice = "auto",
    max_minutes: opt.MaxMinutes = None,
    force: opt.Force = False,
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
