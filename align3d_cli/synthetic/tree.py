"""Generated scans on disk, in the own-folder layout, one tree a category:

    <out>/<category>/{good,<kind>}/NNN.ply      full scan: xyz float, red green blue uchar
    <out>/<category>/{good,<kind>}/NNN.tiff     organised scan: (H, W, 3) float32, NaN where nothing was measured
    <out>/<category>/gt/<kind>/NNN.npy          labels of a ply: (N,) uint8, 1 = defective, in the order of its points
    <out>/<category>/gt/<kind>/NNN.png          labels of a tiff: (H, W) 8-bit, 255 = defective
    <out>/synth.json                            the settings; another run with the same ones resumes

NNN is the scan's number in the whole tree. In a tree of pairs it is the pair's: good/NNN is <kind>/NNN without the
defect, the same part under the same scanner, pose and noise.
A scan is written after its labels and by renaming, so a scan that is there is whole.
"""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from align3d_cli import __version__
from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud
from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.helpers.files import replacing
from align3d_cli.helpers.workers import end_with_parent
from align3d_cli.synthetic.samples import MAIN_KINDS, paired, planned, sample_at

SETTINGS = "synth.json"


@dataclass(frozen=True, slots=True)
class TreePlan:
    """What to write: n scans (or n pairs) of these sources (families or mesh files), modes taken in turn."""

    out: Path
    n: int
    seed: int
    sources: tuple[str, ...]
    modes: tuple[str, ...]
    n_points: int | None = None
    pairs: bool = False

    @property
    def n_scans(self) -> int:
        """How many files of scans the whole tree has: two a pair."""
        return 2 * self.n if self.pairs else self.n


@dataclass(frozen=True, slots=True)
class Written:
    """One scan of the tree. made: False when it was there already; error: why it could not be made, or None."""

    path: str
    category: str
    kind: str
    made: bool
    error: str | None = None


def write_tree(plan: TreePlan, jobs: int, *, force: bool = False) -> Iterator[Written]:
    """Write or complete the tree; yields each scan as it is done, in no fixed order when jobs > 1.

    Raises UsageError when the folder holds scans of other settings and not `force`.
    """
    _claim(plan, force)
    n = plan.n_scans
    if jobs <= 1:
        yield from (write_one(plan, i, force) for i in range(n))
        return
    # fork is unsafe once threads run
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=end_with_parent) as pool:
        yield from pool.map(write_one, [plan] * n, range(n), [force] * n, chunksize=4)


def _claim(plan: TreePlan, force: bool) -> None:
    """Note the settings in the folder, or check that they are the ones noted there; n may grow."""
    settings = asdict(plan) | {"version": __version__, "n_points": plan.n_points}
    left_out = ("out", "n") if plan.pairs else ("out", "n", "pairs")  # a note without it is one of single scans
    settings = {key: list(v) if isinstance(v, tuple) else v for key, v in settings.items() if key not in left_out}
    note = plan.out / SETTINGS
    if note.exists() and not force and _noted(note) != settings:
        raise UsageError(f"{note}: the folder was made with other settings; choose another --out or give --force")
    plan.out.mkdir(parents=True, exist_ok=True)
    with replacing(note, force=True) as stream:
        stream.write(json.dumps(settings, indent=1).encode())


def _noted(note: Path) -> object:
    """The settings in a folder's note; None for a note that is damaged, which are no settings to go on with."""
    try:
        return json.loads(note.read_bytes())
    except (ValueError, RecursionError):
        return None


def scan_of(plan: TreePlan, i: int) -> tuple[int, str, str, str]:
    """Number, category, kind and mode of the i-th of the plan's scans; of a pair the defective one comes first."""
    number, twin = divmod(i, 2) if plan.pairs else (i, 0)
    turn, which = divmod(number, len(plan.sources))
    if plan.pairs:
        category, kind = paired(number, plan.sources)
        step = turn + turn // len(MAIN_KINDS)  # every kind of every source meets every mode
    else:
        category, kind = planned(number, plan.sources)
        step = turn // 2
    return number, category, "good" if twin else kind, plan.modes[(step + which // 2) % len(plan.modes)]


def write_one(plan: TreePlan, i: int, force: bool = False) -> Written:
    """Make and write the i-th scan of the plan, unless it is there."""
    number, category, kind, mode = scan_of(plan, i)
    folder = plan.out / category
    scan = folder / kind / f"{number:03d}{'.tiff' if mode == 'organised' else '.ply'}"
    if scan.exists() and not force:
        return Written(str(scan), category, kind, False)
    try:
        labelled = sample_at(number, plan.seed, plan.sources, kind=kind, mode=mode, n_points=plan.n_points)
    except InputRejected as error:
        return Written(str(scan), category, kind, False, str(error))
    scan.parent.mkdir(parents=True, exist_ok=True)
    if kind != "good":
        _write_labels(folder / "gt" / kind / scan.name, labelled)
    with replacing(scan, force=True) as stream:
        stream.write(_tiff(labelled.cloud) if mode == "organised" else _ply(labelled.cloud))
    return Written(str(scan), category, kind, True)


def _write_labels(beside: Path, labelled: LabelledCloud) -> None:
    beside.parent.mkdir(parents=True, exist_ok=True)
    buffer, grid = io.BytesIO(), labelled.cloud.grid
    if grid is None:
        np.save(buffer, labelled.defect.astype(np.uint8))
    else:
        from PIL import Image

        Image.fromarray(labelled.defect.reshape(grid).astype(np.uint8) * 255).save(buffer, "png")
    with replacing(beside.with_suffix(".npy" if grid is None else ".png"), force=True) as stream:
        stream.write(buffer.getvalue())


def _tiff(cloud: PointCloud) -> bytes:
    import tifffile

    buffer = io.BytesIO()
    xyz = cloud.xyz.astype(np.float32).reshape(*(cloud.grid or (1, len(cloud))), 3)
    tifffile.imwrite(buffer, xyz, photometric="rgb", compression="zlib", predictor=False, metadata=None)
    return buffer.getvalue()


def _ply(cloud: PointCloud) -> bytes:
    """Binary little-endian, x y z and colours."""
    colours = np.zeros((len(cloud), 3), np.uint8) if cloud.colours is None else cloud.colours
    fields = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")]
    table = np.empty(len(cloud), fields)
    for i, name in enumerate("xyz"):
        table[name] = cloud.xyz[:, i]
    for i, name in enumerate(("red", "green", "blue")):
        table[name] = colours[:, i]
    names = {"<f4": "float", "u1": "uchar"}
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(cloud)}"]
    header += [f"property {names[kind]} {name}" for name, kind in fields] + ["end_header", ""]
    return "\n".join(header).encode() + table.tobytes()
