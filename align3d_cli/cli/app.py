"""The `align3d` program: wires the commands and maps every error to its exit code."""

import errno
import os
import re
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from align3d_cli import __version__
from align3d_cli.cli import output
from align3d_cli.cli.options import examples
from align3d_cli.cli.usage import in_one_line
from align3d_cli.errors import Align3DError, UsageError
from align3d_cli.helpers.interrupts import is_interrupt, listen

COMMANDS = (
    "score",
    "report",
    "teach",
    "render",
    "synth",
    "tune",
    "align",
    "prompt_train",
    "benchmark",
    "calibrate",
    "baseline",
    "export",
    "weights",
    "doctor",
)
NO_NAMES = (errno.ENAMETOOLONG, errno.ELOOP)  # of no file system, however a name is asked for: never a bug of ours
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class Program(TyperGroup):
    """The commands in the order of COMMANDS; an interrupt ends any of them with its own exit code, and what cannot be
    parsed is told in one line."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands' names, in that order."""
        return sorted(self.commands, key=[name.replace("_", "-") for name in COMMANDS].index)

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Parse what stands before the command."""
        with in_one_line():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> object:
        """Run the command that was named."""
        try:
            with in_one_line():
                return super().invoke(ctx)
        except BaseException as error:
            if not is_interrupt(error):
                raise
            output.info("interrupted; what was written so far is complete")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="align3d",
    cls=Program,
    help="Find defects in 3D scans without ever having seen a good part.",
    epilog=examples(
        "align3d score part.ply --out heatmap.ply",
        "align3d score parts/ --out-dir heat/ --report report.html --fail-above 0.5",
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(asked: bool) -> None:
    if asked:
        output.result(f"align3d {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Find defects in 3D scans without ever having seen a good part."""


for name in COMMANDS:
    import_module(f"align3d_cli.cli.{name}").register(app)


def _refuse_dashed_files(words: list[str]) -> None:
    """Raise UsageError for the name of a file that would be read as options."""
    for word in words[: words.index("--")] if "--" in words else words:
        if len(word) > 1 and word.startswith("-") and os.path.isfile(word):
            raise UsageError(f"{word}: is a file, and read as options; write ./{word}, or -- before it")


def _refuse_nothing(words: list[str]) -> None:
    """Raise UsageError for an empty word, which would be read as the folder that the program is called in."""
    for before, word in zip(["align3d", *words], words, strict=False):
        if not word or re.fullmatch(r"--[\w-]+=", word):
            option = word.rstrip("=") or before
            raise UsageError(f"{option}: an empty word is given; leave it out, or set the variable it comes from")


def main() -> None:
    """Run the program with the exit codes of the README: 0 1 2 3 4 5 6 130; a bug keeps its traceback and gives 1."""
    output.prepare_streams()
    listen()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads are far slower on a busy CPU
    try:
        with output.complete():
            _refuse_nothing(sys.argv[1:])
            _refuse_dashed_files(sys.argv[1:])
            app(prog_name=app.info.name)  # also for `python -m align3d_cli`
    except Align3DError as error:
        output.error(error)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in NO_NAMES:
            raise
        output.error(UsageError(f"{error.filename}: {error.strerror}; give another name"))
        sys.exit(UsageError.exit_code)
