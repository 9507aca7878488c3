"""Which files a released checkpoint is, by the names that its authors' scripts take: a stem, a folder, the files.

Align3D-AD saves every epoch as a pair, `<data set>/<class>/weight/epoch_k_rgb.pth` and `epoch_k_rendering.pth`, and its
scripts name the pair by the stem `epoch_k.pth`. PointAD and AnomalyCLIP save one `epoch_k.pth`.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from align3d_cli.errors import InputRejected

SUFFIX = ".pth"
PAIR = ("_rgb", "_rendering")
WEIGHTS = "weight"  # the folder below that of a class


def released_files(paths: Sequence[str | Path]) -> tuple[list[Path], list[str]]:
    """The files that are meant, and notes on what was chosen. Raises InputRejected for a folder without a checkpoint.

    A single name stands for its pair where there is no such file, a folder for its last epoch.
    """
    files, notes = [], list[str]()
    for path in map(Path, paths):
        if path.is_dir():
            epoch, of = _last_epoch(path)
            files += epoch
            notes += [f"{path}: {' and '.join(f.name for f in epoch)} of {of} epochs"] if of > 1 else []
        else:
            files += _pair_of(path) or [path]
    return files, notes


def is_rgb(path: Path) -> bool:
    """Whether a file is that half of a pair whose learner reads the features aligned to RGB."""
    return path.stem.endswith(PAIR[0])


def _pair_of(path: Path) -> list[Path]:
    """The pair that a stem stands for; empty where the name is a file's own, or no half is there."""
    if path.exists():
        return []
    base = path.with_suffix("") if path.suffix == SUFFIX else path
    pair = [base.with_name(f"{base.name}{half}{SUFFIX}") for half in PAIR]
    return pair if any(half.is_file() for half in pair) else []


def _last_epoch(folder: Path) -> tuple[list[Path], int]:
    """The files of the last epoch in a folder, or in `weight` below it, and how many epochs there are."""
    inside = folder / WEIGHTS if (folder / WEIGHTS).is_dir() else folder
    epochs: dict[int, list[Path]] = {}
    for path in sorted(inside.glob(f"epoch_*{SUFFIX}")):
        if found := re.fullmatch(r"epoch_(\d+)(_rgb|_rendering)?", path.stem):
            epochs.setdefault(int(found[1]), []).append(path)
    if not epochs:
        below = sorted(path.parent.name for path in folder.glob(f"*/{WEIGHTS}"))
        step = f"name one of its classes: {', '.join(below)}" if below else "give the folder of a class, or the files"
        raise InputRejected(f"{folder}: no epoch_k{SUFFIX} in it or in {WEIGHTS} below it; {step}")
    return epochs[max(epochs)], len(epochs)
