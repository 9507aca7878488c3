"""Seconds per scan of every step of scoring, by image tower: python benchmarks/encode.py [--towers lite ViT-B-16 ...]

Towers have random weights of seed 0 (lite: the shipped ones), both branches, nine views of an organised plate. The
least of the repetitions is printed after one warm-up. The floor of encoding is the tower's operations (matrix products,
convolutions, attention, as torch.utils.flop_counter counts them) over the rate of one large matrix product measured in
the same process and precision.
"""

import argparse
import os
import time
from dataclasses import replace

import numpy as np
import torch

STEPS = ("prepare", "render", "encode", "compare", "lift")


def plate(side: int):
    """An organised wavy plate of side x side points, 100 units wide, with one bump."""
    from align3d_cli.clouds.cloud import PointCloud

    u, v = np.meshgrid(np.linspace(-50, 50, side), np.linspace(-50, 50, side))
    z = 300 + 3 * np.sin(u / 12) * np.cos(v / 15) - 4 * np.exp(-((u - 10) ** 2 + v**2) / 30)
    return PointCloud(np.stack([u, v, z], axis=-1).reshape(-1, 3), grid=(side, side))


def model(tower: str, precision: str):
    """A model on that tower with random aligner and text vectors."""
    from align3d_cli.model.aligner import Aligner
    from align3d_cli.model.bundle import load_bundle
    from align3d_cli.model.parts import bundle_encoder
    from align3d_cli.model.profiles import get_profile
    from align3d_cli.model.start import untrained, with_view_size

    if tower == "lite":
        return load_bundle()
    bundle = untrained(get_profile("align3d"), "mvtec3d", backbone=tower, precision=precision)
    bundle = replace(bundle, encoder=bundle.encoder | {"random_seed": 0})
    encoder = bundle_encoder(bundle, "cpu")
    torch.manual_seed(0)
    dim = encoder.spec.embed_dim
    tensors = {f"aligner.{key}": value for key, value in Aligner(dim).state_dict().items()}
    for branch in ("rendering", "rgb"):
        tensors[f"text.{branch}"] = torch.nn.functional.normalize(torch.randn(2, dim), dim=-1)
    return with_view_size(replace(bundle, tensors=tensors), encoder)


def floor_seconds(inspector, images: torch.Tensor) -> tuple[float, float]:
    """Operations of encoding these views, and the measured rate of matrix products per second."""
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        inspector.encoder(images[:1])
    kind = getattr(inspector.encoder, "compute_dtype", torch.float32)
    a, b = (torch.randn(2048, 2048, device=inspector.device, dtype=kind) for _ in range(2))
    wait(inspector.device)
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        a @ b
        wait(inspector.device)
        seconds.append(time.perf_counter() - start)
    return counter.get_total_flops() * len(images), 2 * 2048**3 / min(seconds)


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def measure(tower: str, device: str, precision: str, side: int, repeats: int) -> str:
    """One line of the table."""
    from align3d_cli.clouds.prepare import prepare
    from align3d_cli.model.inspector import Inspector

    inspector, cloud = Inspector(model(tower, precision), device), plate(side)
    runs = [inspector.inspect(cloud, background="keep") for _ in range(repeats + 1)]
    best = {step: min(run.seconds[step] for run in runs[1:]) for step in STEPS}
    images = inspector.look(prepare(cloud, background="keep")).images
    operations, rate = floor_seconds(inspector, images)
    floor = operations / rate
    cells = " | ".join(f"{best[step]:.3f}" for step in STEPS)
    return (
        f"| {tower} | {inspector.plan.size_px} | {cells} | {floor:.3f} | {best['encode'] / floor:.2f} | "
        f"{1 - best['encode'] / sum(best.values()):.0%} | {operations / 1e9:.0f} | {rate / 1e9:.0f} |"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--towers", nargs="+", default=["lite", "ViT-B-16", "ViT-L-14-336"])
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options.add_argument("--precision", default="float32", help="of CLIP towers: float32, bfloat16 or float16")
    options.add_argument("--side", type=int, default=320, help="the scan has side x side points")
    options.add_argument("--repeats", type=int, default=3)
    chosen = options.parse_args()
    print(f"{chosen.device}, {torch.get_num_threads()} threads, {chosen.precision}, load {os.getloadavg()[0]:.1f}")
    print("| tower | px | " + " | ".join(STEPS) + " | floor | encode/floor | all else | GFLOP | GFLOP/s |")
    print("|" + "---|" * (len(STEPS) + 7))
    for tower in chosen.towers:
        print(measure(tower, chosen.device, chosen.precision, chosen.side, chosen.repeats), flush=True)


if __name__ == "__main__":
    main()
