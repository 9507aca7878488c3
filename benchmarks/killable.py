"""The commands that write, each in small: how it is called, and what must be the same after a kill and another call."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from align3d_cli.encoders.lite_trunk import LiteTrunk
from align3d_cli.evaluation.runlog import read_run
from align3d_cli.evaluation.table_text import render
from align3d_cli.evaluation.tables import build_table
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.leftovers import PARTIAL
from align3d_cli.io.read import read_scan

N_GOOD, N_DENTED = 12, 2  # more good ones than the fewest that `calibrate` takes
POINTS = 1500
READERS: dict[str, Callable[[Path], object]] = {
    ".ply": read_scan,
    ".tiff": read_scan,
    ".safetensors": load_file,
    ".npy": np.load,
    ".npz": lambda path: {name: values.shape for name, values in np.load(path).items()},
    ".png": lambda path: Image.open(path).load(),
    ".json": lambda path: json.loads(path.read_bytes()),
}
BESIDE = ("runs", "samples")  # folders of a feature store, from which a call goes on


def files_of(out: Path) -> dict[str, str]:
    """SHA-256 of every file that a command was asked for, by its path below the output folder."""
    found = [path for path in sorted(out.rglob("*")) if path.suffix in READERS and not PARTIAL.fullmatch(path.name)]
    return {str(path.relative_to(out)): sha256_of(path) for path in found if not set(BESIDE) & set(path.parts)}


def table_of(out: Path) -> Any:
    """The rows of a benchmark's table, and whether it is whole."""
    table = json.loads(render(build_table(read_run(out / "run")), "json"))
    return table["rows"], table["complete"]


@dataclass(frozen=True, slots=True)
class Case:
    """arguments: of the command and of the call that goes on, from data and output folder; result: what it made."""

    arguments: Callable[[Path, Path], list[str]]
    result: Callable[[Path], Any] = files_of


def _training(stage: str, data: Path, out: Path, *more: str) -> list[str]:
    where = ["--dataset", "folder", "--root", str(data), "--limit", "4", "--store", str(out / "store")]
    start = ["--model", "align3d-lite", "--epochs", "3", "--out", str(out / "m.safetensors"), "--force"]
    return [stage, *where, *start, *more]


CASES = {
    "score": Case(lambda data, out: ["score", str(data / "part"), "--out-dir", str(out), "--resume", "--quiet"]),
    "calibrate": Case(
        lambda data, out: ["calibrate", "--root", str(data), "--out", str(out / "m.safetensors"), "--force"]
    ),
    "weights import": Case(
        lambda data, out: [
            *("weights", "import", str(data / "lite0.pth"), "--kind", "efficientnet-lite", "--force"),
            *("--out", str(out / "m.safetensors")),
        ]
    ),
    "benchmark": Case(
        lambda data, out: [
            *("benchmark", "--dataset", "folder", "--root", str(data), "--methods", "curvature"),
            *("--jobs", "2", "--run", str(out / "run")),
        ],
        table_of,
    ),
    "align": Case(lambda data, out: _training("align", data, out)),
    "prompt-train": Case(lambda data, out: _training("prompt-train", data, out, "--no-align")),
    "synth": Case(lambda data, out: ["synth", "--out", str(out), "-n", "12", "--points", "2000", "--jobs", "2"]),
}


def prepare(folder: Path) -> Path:
    """part/{good,dent}/NN.csv: coloured balls with noise, each its own draw, two with labelled dents; lite0.pth: an
    ImageNet trunk, its weights random.
    """
    for number in range(N_GOOD + N_DENTED):
        rng, kind = np.random.default_rng(number), "good" if number < N_GOOD else "dent"
        xyz = rng.normal(size=(POINTS, 3))
        xyz *= (1 + rng.normal(0, 0.01, (POINTS, 1))) / np.linalg.norm(xyz, axis=1, keepdims=True)
        dent = (xyz[:, 2] > 0.9) & (kind == "dent")
        rows = np.hstack([xyz * np.where(dent, 0.8, 1.0)[:, None], rng.integers(90, 160, (POINTS, 3))])
        file = folder / "part" / kind / f"{number:02}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(file, rows, "%.6g", delimiter=",", header="x,y,z,red,green,blue", comments="")
        if dent.any():
            (folder / "part" / "gt" / kind).mkdir(parents=True, exist_ok=True)
            np.save(folder / "part" / "gt" / kind / f"{number:02}.npy", dent)
    torch.manual_seed(0)
    torch.save(LiteTrunk("lite0").state_dict(), folder / "lite0.pth")
    return folder


def unreadable(folder: Path) -> list[str]:
    """The files under a final name that do not read, and what reading them ends with."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix not in READERS or PARTIAL.fullmatch(path.name):
            continue
        try:
            READERS[path.suffix](path)
        except Exception as error:  # whatever a half-written file throws is what is looked for
            found.append(f"{path.name}: {type(error).__name__}: {error}")
    return found
