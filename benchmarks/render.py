"""Seconds to draw nine views at 336 px and to lift their maps: python benchmarks/render.py [--points 100000 ...]

Points thrown at random onto a sphere that fills the views: the slowest case, no two neighbours share a cache line.
The best of the repetitions is printed, after one warm-up; the first line is the very first splat of this process,
with numba's import and its compilation (or its cache). Ratios are to the numba kernel.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

VIEWS, SIZE_PX = 9, 336


def sphere(n: int) -> np.ndarray:
    """(n, 3) float64 on the unit sphere."""
    xyz = np.random.default_rng(0).normal(size=(n, 3))
    return xyz / np.linalg.norm(xyz, axis=1, keepdims=True)


def best_seconds(work: Callable[[], object], device: str, repeats: int) -> float:
    """Least wall time of `work` over the repetitions, the device's queue emptied before and after."""
    seconds = []
    for _ in range(repeats + 1):
        wait(device)
        start = time.perf_counter()
        work()
        wait(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def measure(n: int, device: str, repeats: int, slow_above: int) -> dict[str, float]:
    """Seconds of every step for n points."""
    from align3d_cli.render.cameras import choose_views, fitted_cameras, preset_rotations
    from align3d_cli.render.lift import lift
    from align3d_cli.render.shade import grey
    from align3d_cli.render.splat import splat

    xyz, rotations = sphere(n), preset_rotations(f"sphere:{VIEWS}")
    spacing = float(np.sqrt(np.log(2) / np.pi * 4 * np.pi / n))
    cameras = fitted_cameras(xyz, rotations, SIZE_PX)
    maps = torch.rand(VIEWS, SIZE_PX, SIZE_PX, device=device)

    def draw(kernel: str, on: str = "cpu"):
        return splat(xyz, cameras, spacing=spacing, kernel=kernel, device=on)

    views = draw("torch", device) if device == "cuda" else draw("numba")
    seconds = {
        "choose views": best_seconds(lambda: choose_views(xyz, None, VIEWS), "cpu", repeats),
        "fit cameras": best_seconds(lambda: fitted_cameras(xyz, rotations, SIZE_PX), "cpu", repeats),
        "splat numba": best_seconds(lambda: draw("numba"), "cpu", repeats),
    }
    if n <= slow_above:
        seconds["splat torch cpu"] = best_seconds(lambda: draw("torch"), "cpu", 1)
    if device == "cuda":
        seconds["splat torch cuda"] = best_seconds(lambda: draw("torch", device), device, repeats)
    seconds["shade grey"] = best_seconds(lambda: grey(views, xyz.astype(np.float32)), device, repeats)
    seconds["lift"] = best_seconds(lambda: lift(maps, views.pixel_of_point, views.visible), device, repeats)
    return seconds


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--points", type=int, nargs="+", default=[100_000, 500_000, 2_000_000])
    options.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--slow-above", type=int, default=500_000, help="leave the torch CPU kernel out above this")
    chosen = options.parse_args()
    start = time.perf_counter()
    first_splat()
    print(f"first splat of this process: {time.perf_counter() - start:.2f} s")
    columns = [measure(n, chosen.device, chosen.repeats, chosen.slow_above) for n in chosen.points]
    print(f"{'seconds':18}" + "".join(f"{n:>20,}" for n in chosen.points))
    for step in max(columns, key=len):
        cells = (f"{c[step]:10.4f} ({c[step] / c['splat numba']:5.2f} x)" if step in c else "-" for c in columns)
        print(f"{step:18}" + "".join(f"{cell:>20}" for cell in cells))


def first_splat() -> None:
    from align3d_cli.render.cameras import fitted_cameras, preset_rotations
    from align3d_cli.render.splat import splat

    xyz = sphere(1000)
    splat(xyz, fitted_cameras(xyz, preset_rotations("sphere:1"), 64), spacing=0.05)


if __name__ == "__main__":
    main()
