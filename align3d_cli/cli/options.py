"""What several commands share: examples in the help, devices, views, refusing to overwrite."""

import re
from enum import StrEnum
from pathlib import Path

from align3d_cli.errors import UsageError


class Device(StrEnum):
    """Where to compute; auto takes CUDA when this machine has it."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def examples(*lines: str) -> str:
    """An epilog that keeps one line for each example; `[` is not read as markup."""
    return "\n\n".join(["Examples:", *(line.replace("[", "\\[") for line in lines)])


def refuse_overwriting(paths: list[Path | None], *, force: bool) -> None:
    """Raise UsageError when a file that would be written is there already, unless forced. None and - are no files."""
    there = [] if force else [path for path in paths if path is not None and str(path) != "-" and path.exists()]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(f"{there[0]}: exists{more}; add --force to overwrite")


def check_views(name: str | None) -> None:
    """Raise UsageError unless the name is a preset of views or a number of them; None is fine."""
    if name is None or re.fullmatch(r"auto|mvtec|eyecandies|real3d|[1-9]\d*|(sphere|front([+-][xyz])?):[1-9]\d*", name):
        return
    raise UsageError(f"--views {name}: unknown; use a number, mvtec, eyecandies, real3d, sphere:N or front:N")
