"""What several commands share: examples in the help, devices, numbers, views, refusing to overwrite."""

import math
import re
from enum import StrEnum
from pathlib import Path

import typer

from align3d_cli.errors import UsageError

VIEW_LIMIT = 1000  # 0.5 GB of pictures at 336 px; presets have 9 to 27 views


class Device(StrEnum):
    """Where to compute; auto takes CUDA when this machine has it."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


def examples(*lines: str) -> str:
    """An epilog that keeps one line for each example; `[` is not read as markup."""
    return "\n\n".join(["Examples:", *(line.replace("[", "\\[") for line in lines)])


def finite(param: typer.CallbackParam, value: float | None) -> float | None:
    """The value of an option, None for one not given. Raises UsageError for nan and inf, which pass for numbers."""
    if value is not None and not math.isfinite(value):
        raise UsageError(f"{param.opts[0]} {value:g}: give a finite number")
    return value


def positive(param: typer.CallbackParam, value: float | None) -> float | None:
    """The value of an option, None for one not given. Raises UsageError unless it is finite and above 0."""
    if value is not None and not 0 < value < math.inf:
        raise UsageError(f"{param.opts[0]} {value:g}: give a finite number above 0")
    return value


def refuse_overwriting(paths: list[Path | None], *, force: bool) -> None:
    """Raise UsageError when a file that would be written is there already, unless forced. None and - are no files."""
    there = [] if force else [path for path in paths if path is not None and str(path) != "-" and path.exists()]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(f"{there[0]}: exists{more}; add --force to overwrite")


def check_folder(option: str, folder: Path | None) -> None:
    """Raise UsageError for an output folder that is a file."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise UsageError(f"{option} {folder}: is a file; name a folder")


def check_views(name: str | None) -> None:
    """Raise UsageError unless the name is a preset of views or a number of them; None is fine."""
    if name is None:
        return
    known = re.fullmatch(r"auto|mvtec|eyecandies|real3d|((sphere|front([+-][xyz])?):)?([1-9][0-9]{0,9})", name)
    if known and int(known[4] or 1) <= VIEW_LIMIT:
        return
    if known:
        raise UsageError(f"--views {name}: are too many; use {VIEW_LIMIT} at most")
    raise UsageError(f"--views {name}: unknown; use a number, mvtec, eyecandies, real3d, sphere:N or front:N")
