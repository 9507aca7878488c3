"""Peak memory and seconds of training at full size: python benchmarks/training_memory.py --folder EMPTY_FOLDER

One auxiliary category of MVTec3D size: 130 samples x 9 views x 2 modalities of ViT-L/14@336 (577 tokens of 768 a view),
2.1 GB of features on disk. Two samples are drawn and encoded by a tower with random weights, the second one timed; the
store is then filled with random unit features for the others. Both stages run through the code of `align` and
`prompt-train`, from loading the towers to the finished model, for three epochs: the first is not counted, the second is
of the schedule's first kind and the third of its last (stage 1: plain, then reweighted; stage 2: without, then with the
contrastive loss). Every row is a process of its own; its peak is what getrusage says at the end. Core-seconds are the
processor time of all threads, which other work on the machine stretches less than the clock's. Hours are core-seconds
over the number of threads, for all samples, or for the epochs of both kinds that the profile's schedule has.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROWS = ("extract", "align", "prompt-train")
COLUMNS = ("seconds", "core", "last", "last_core", "hours")
SAMPLES, VIEWS, TOKENS, DIM, VIEW_PX, POINTS = 130, 9, 577, 768, 336, 16_384
SIDE = 400  # the scan has side x side points
PROFILE = "align3d"


def samples(count: int) -> list:
    """Labelled scans by name, every second one defective. Only the first two can be read: the others must be stored."""
    from align3d_cli.clouds.labelled import Sample

    kinds = ("hole", "good")
    loads = [scan] * 2 + [unreadable] * (count - 2)
    return [Sample(f"made/{i:03d}", "made", "test", kinds[i % 2], load) for i, load in enumerate(loads)]


def scan():
    """An organised, coloured plate with one bump, and its labels."""
    import numpy as np
    from encode import plate

    from align3d_cli.clouds.cloud import PointCloud
    from align3d_cli.clouds.labelled import LabelledCloud

    cloud = plate(SIDE)
    colours = np.random.default_rng(0).integers(256, size=(len(cloud), 3), dtype=np.uint8)
    defect = np.hypot(cloud.xyz[:, 0] - 10, cloud.xyz[:, 1]) < 4
    return LabelledCloud(PointCloud(cloud.xyz, colours, grid=cloud.grid), defect)


def unreadable():
    raise AssertionError("a sample that is in the store was extracted again")


def untrained():
    """The profile's model on a ViT-L/14@336 with random weights, image and text tower."""
    from dataclasses import replace

    from align3d_cli.model.profiles import get_profile
    from align3d_cli.model.start import untrained

    bundle = untrained(get_profile(PROFILE), "mvtec3d")
    return replace(bundle, encoder=bundle.encoder | {"random_seed": 0})


def session_in(folder: Path, **calls):
    """The session and data of a call with --store in `folder`; calls: on_sample or on_epoch."""
    from align3d_cli.training.data import Data
    from align3d_cli.training.gather import Session

    return Data("mvtec3d", folder, ("made",)), Session(store=folder / "store", fresh=True, **calls)


class Laps:
    """Times between the ends of what is counted, by the clock and of the processor; called at every end."""

    def __init__(self) -> None:
        self.ends: list[tuple[float, float]] = []

    def __call__(self, *what: object) -> None:
        self.ends.append((time.perf_counter(), time.process_time()))

    def seconds(self) -> list[tuple[float, float]]:
        """(seconds, core-seconds) of all but the first."""
        pairs = zip(self.ends, self.ends[1:], strict=False)
        return [(after[0] - before[0], after[1] - before[1]) for before, after in pairs]


def extract(folder: Path, count: int) -> dict[str, float]:
    """Seconds to draw and encode a sample in both modalities, after one that pays for first calls."""
    from align3d_cli.training.gather import gather_features

    laps = Laps()
    data, session = session_in(folder, on_sample=laps)
    features = gather_features(untrained(), data, samples(2), session, rgb=True)
    if features.built.n_new != 2:
        raise SystemExit(f"{folder}: holds features already; name an empty folder, or leave the row extract out")
    seconds, core = laps.seconds()[0]
    return {"seconds": seconds, "core": core, "core_hours": core * count / 3600}


def fill(folder: Path, count: int) -> dict[str, float]:
    """Random unit features for the samples that are not there, in the store that `extract` began."""
    import torch

    from align3d_cli.training.features import FeatureStore

    store = FeatureStore(folder / "store", json.loads((folder / "store" / "meta.json").read_text())["identity"])
    rng = torch.Generator().manual_seed(0)
    for sample in samples(count):
        if not store.has(sample.name, rgb=True):
            store.put(sample.name, random_features(sample.anomalous, rng))
    return {"bytes": store.bytes_on_disk()}


def random_features(anomalous: bool, rng):
    """SampleFeatures of the shapes that a sample of a real data set has."""
    import torch
    from torch.nn.functional import normalize

    from align3d_cli.training.sample_features import SampleFeatures

    pooled = [normalize(torch.randn(VIEWS, DIM, generator=rng), dim=-1) for _ in range(2)]
    tokens = [normalize(torch.randn(VIEWS, TOKENS, DIM, generator=rng), dim=-1) for _ in range(2)]
    masks = torch.zeros(VIEWS, VIEW_PX, VIEW_PX, dtype=torch.bool)
    masks[:, 100:130, 150:170] = anomalous
    pixel = torch.randint(VIEW_PX**2, (VIEWS, POINTS), generator=rng, dtype=torch.int32)
    return SampleFeatures(
        pooled[0], tokens[0], pooled[1], tokens[1], masks, masks.flatten(1).any(dim=1), anomalous,
        pixel, torch.rand(VIEWS, POINTS, generator=rng) < 0.7, masks[0].flatten()[pixel[0].long()],
    )  # fmt: skip


def align(folder: Path, count: int) -> dict[str, float]:
    """Stage 1, from the call to the model: seconds of a plain and of a reweighted epoch."""
    from align3d_cli.model.bundle import save_bundle
    from align3d_cli.model.profiles import get_profile
    from align3d_cli.training.session import align
    from align3d_cli.training.start import align_settings

    profile, laps = get_profile(PROFILE), Laps()
    data, session = session_in(folder, on_epoch=laps)
    config = align_settings(profile, epochs=3, reweight_epochs=1)
    done = align(untrained(), data, samples(count), config, session)
    save_bundle(folder / "aligner.safetensors", done.bundle)
    whole = align_settings(profile)
    return of_both_kinds(laps, whole.epochs, whole.reweight_epochs)


def prompt_train(folder: Path, count: int) -> dict[str, float]:
    """Stage 2 through the text tower, both branches: seconds of an epoch without and with the contrastive loss."""
    from align3d_cli.model.bundle import load_bundle, save_bundle
    from align3d_cli.model.profiles import get_profile
    from align3d_cli.training.session import train_text
    from align3d_cli.training.start import prompt_settings

    profile, laps = get_profile(PROFILE), Laps()
    data, session = session_in(folder, on_epoch=laps)
    config = prompt_settings(profile, epochs=3, contrastive_epochs=1)
    bundle = load_bundle(folder / "aligner.safetensors")
    done = train_text(
        bundle, data, samples(count), config, session, kind="clip", use_aligner=True
    )  # fmt: skip
    save_bundle(folder / "model.safetensors", done.bundle)
    whole = prompt_settings(profile)
    return of_both_kinds(laps, whole.epochs, whole.contrastive_epochs)


def of_both_kinds(laps: Laps, epochs: int, last: int) -> dict[str, float]:
    """Of three epochs, the first not counted: times of the second and the third, and the schedule's core-hours."""
    (seconds, core), (last_seconds, last_core) = laps.seconds()
    core_hours = (core * (epochs - last) + last_core * last) / 3600
    return {"seconds": seconds, "core": core, "last": last_seconds, "last_core": last_core, "core_hours": core_hours}


WORK = {"extract": extract, "fill": fill, "align": align, "prompt-train": prompt_train}


def in_own_process(row: str, folder: Path, count: int, threads: int) -> dict[str, float]:
    """What a row measured, and its peak: this process stays small, for a child's peak begins at its parent's size."""
    command = [sys.executable, __file__, "--row", row, "--folder", folder, "--samples", count, "--threads", threads]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_row(row: str, folder: Path, count: int, threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    found = WORK[row](folder, count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps(found | {"peak": peak}))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--folder", type=Path, required=True, help="for the store, 2.1 GB; filled where it is empty")
    options.add_argument("--samples", type=int, default=SAMPLES)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, help="later rows need the earlier ones once")
    options.add_argument("--row", choices=WORK, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.row:
        return run_row(chosen.row, chosen.folder, chosen.samples, chosen.threads)
    print(f"{chosen.samples} samples, {chosen.threads} threads, load {os.getloadavg()[0]:.1f}")
    print("| step | peak RSS, GiB | s | core-s | s, last kind | core-s, last kind | h in all |\n" + "|---" * 7 + "|")
    for row in chosen.rows:
        found = in_own_process(row, chosen.folder, chosen.samples, chosen.threads)
        found["hours"] = found["core_hours"] / chosen.threads
        cells = " | ".join(f"{found[key]:.1f}" if key in found else "" for key in COLUMNS)
        print(f"| {row} | {found['peak'] / 2**30:.1f} | {cells} |", flush=True)
        if row == "extract":
            in_own_process("fill", chosen.folder, chosen.samples, chosen.threads)


if __name__ == "__main__":
    main()
