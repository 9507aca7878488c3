"""What the default tower should read: python benchmarks/input_style.py --from meshes/ --out trials/ [--steps 1200]

Tunes one small model for every input style, from the same scans in the same order, and writes trials/STYLE.safetensors,
which `align3d benchmark --model FILE --methods pointad` compares. All styles have the same tower: channels that a style
does not read have no weight in its stem, and get none. Files that exist are kept.
"""

import argparse
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch

# Channels of `render.geometry`: normal x, y, z (its z is the grey of a light at the eye), relief in four bands.
STYLES = {"grey": (2,), "normals": (0, 1, 2), "relief": (3, 4, 5, 6), "geometry": tuple(range(7))}
SCRATCH = "scratch"  # all channels, without ImageNet


def read_only(tuner, channels: tuple[int, ...]) -> None:
    """Leave the stem those channels only: each answers to grey like the stem's sum, and the others stay at 0."""
    weight = tuner.encoder.trunk.stem[0].weight
    used = torch.zeros(weight.shape[1], dtype=torch.bool)
    used[list(channels)] = True
    with torch.no_grad():
        share = weight.sum(dim=1, keepdim=True) / len(channels)
        weight.copy_(torch.where(used[:, None, None], share, 0.0))
    weight.register_hook(lambda gradient: gradient * used[:, None, None])
    tuner.average = {key: value.clone() for key, value in tuner.tensors().items()}


def model_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"


def train(name: str, job, pool) -> float:
    """Tune one style on the pool as it stands and write its model; returns the mean loss of the last 100 steps."""
    job = replace(job, out=model_file(job.out, name), imagenet=None if name == SCRATCH else job.imagenet)
    tuner = job.tuner()
    if name != SCRATCH:
        read_only(tuner, STYLES[name])
    losses = [sum(tuner.train_step(pool).values()) for _ in range(job.config.steps)]
    job.save(tuner)
    return float(torch.stack(losses[-100:]).mean())


def main() -> None:
    """Make the scans once, then train on them in every style."""
    from align3d_cli.tuning.tune import TuneConfig
    from align3d_cli.tuning.tune_data import ViewPool, stream
    from align3d_cli.tuning.tune_job import TuneJob

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("styles", nargs="*", metavar="STYLE", help=f"of {', '.join([*STYLES, SCRATCH])}; default: all")
    parser.add_argument("--from", dest="meshes", type=Path, action="append", default=[])
    parser.add_argument("--mesh-share", type=float, default=0.45)
    parser.add_argument("--imagenet", type=Path, default=Path("weights/imagenet-lite0.safetensors"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=700)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    if unknown := set(given.styles) - {*STYLES, SCRATCH}:
        parser.error(f"no such style: {', '.join(sorted(unknown))}")
    names = [name for name in given.styles or (*STYLES, SCRATCH) if not model_file(given.out, name).exists()]
    if not names:
        return
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    config = TuneConfig(steps=given.steps, batch=given.batch, crop_px=given.crop, views_per_sample=6, seed=0)
    encoder = {"variant": "lite0", "image_size": given.size}
    meshes = tuple(given.meshes)
    job = TuneJob(given.out, config, encoder, given.imagenet, meshes=meshes, mesh_share=given.mesh_share)
    pool = ViewPool(given.scans * config.views_per_sample, given.size, job.device)
    scans = stream(job.maker(), 0, given.jobs)
    for views in islice(scans, given.scans):
        pool.add(views)
    scans.close()
    print("| style | loss of the last 100 steps | minutes |\n|---|---|---|", flush=True)
    for name in names:
        started = time.monotonic()
        loss = train(name, job, pool)
        print(f"| {name} | {loss:.3f} | {(time.monotonic() - started) / 60:.0f} |", flush=True)


if __name__ == "__main__":
    main()
