"""What several commands share: examples in the help, devices, numbers, views, refusing to overwrite."""

import os
from pathlib import Path

import typer

from align3d_cli.errors import UsageError
from align3d_cli.helpers.settings import LARGEST, SettingsError
from align3d_cli.model.settings import Device as Device
from align3d_cli.render.settings import ViewSettings, with_views

WRITTEN_AS = {"HTML": (".html", ".htm"), "XML": (".xml",), "CSV": (".csv",), "JSON": (".json",)}  # how names end


def examples(*lines: str) -> str:
    """An epilog that keeps one line for each example; `[` is not read as markup."""
    return "\n\n".join(["Examples:", *(line.replace("[", "\\[") for line in lines)])


def finite(param: typer.CallbackParam, value: float | None) -> float | None:
    """The value of an option, None for one not given. Raises UsageError for nan and inf, which pass for numbers."""
    if value is not None and not abs(value) < LARGEST:
        raise UsageError(f"{param.opts[0]} {value:g}: give a finite number")
    return value


def positive(param: typer.CallbackParam, value: float | None) -> float | None:
    """The value of an option, None for one not given. Raises UsageError unless it is finite and above 0."""
    if value is not None and not 0 < value < LARGEST:
        raise UsageError(f"{param.opts[0]} {value:g}: give a finite number above 0")
    return value


def each_positive(param: typer.CallbackParam, values: list[float]) -> list[float]:
    """The values of an option that takes several. Raises UsageError as `positive`."""
    for value in values:
        positive(param, value)
    return values


def refuse_overwriting(paths: list[Path | None], *, force: bool) -> None:
    """Raise UsageError when a file that would be written is there already, unless forced. None and - are no files."""
    there = [] if force else [path for path in paths if path is not None and str(path) != "-" and os.path.exists(path)]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(f"{there[0]}: exists{more}; add --force to overwrite")


def check_suffix(option: str, path: Path | None, word: str) -> None:
    """Raise UsageError for a file that is not called what it is written as. word: of WRITTEN_AS; None is fine"""
    if path is not None and path.suffix.lower() not in WRITTEN_AS[word]:
        raise UsageError(f"{option} {path}: is written as {word}; end its name with {WRITTEN_AS[word][0]}")


def check_folder(option: str, folder: Path | None) -> None:
    """Raise UsageError for an output folder that is a file."""
    if folder is not None and os.path.exists(folder) and not os.path.isdir(folder):
        raise UsageError(f"{option} {folder}: is a file; name a folder")


def check_views(asked: str | None) -> None:
    """Raise UsageError unless `--views` names a preset of views or a number of them; None is fine."""
    try:
        with_views(ViewSettings(), asked)
    except SettingsError as error:
        raise UsageError(f"--views {asked}: {error}") from error
