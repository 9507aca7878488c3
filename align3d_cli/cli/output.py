"""The only writer to stdout. The result goes there; progress, warnings and talk go to stderr."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ANSI = {"good": "\x1b[32m", "bad": "\x1b[31m", "faint": "\x1b[2m"}


def result(text: str) -> None:
    """Print one piece of the result on stdout, at once (pipes read line by line)."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _drop_stdout()


def result_bytes(data: bytes) -> None:
    """Write a file's bytes to stdout, for `--out -`."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _drop_stdout()


def result_json(value: object, *, indent: int | None = None) -> None:
    """Print a result as JSON; NaN is refused because JSON has no word for it."""
    result(json.dumps(value, indent=indent, allow_nan=False))


def survive_odd_names() -> None:
    """File names that are no text in this locale are printed with escapes instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")


def info(text: str) -> None:
    """Say something that is not the result."""
    print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    info(f"warning: {text}")


def tinted(text: str, tone: str) -> str:
    """The text in one of the tones of ANSI when stdout is a terminal that may have colours, else as it is."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"{ANSI[tone]}{text}\x1b[0m"


@contextmanager
def progress(description: str, total: int | None, *, between_lines: bool = False) -> Iterator[Callable[[int], None]]:
    """Yield `advance(n)`; draws a bar with an ETA on stderr when that is a terminal, nothing elsewhere.

    between_lines: results are printed while it runs, so there is no bar when these go to the terminal too
    """
    if not sys.stderr.isatty() or (between_lines and sys.stdout.isatty()):
        yield lambda n=1: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(description, total=total)
        yield lambda n=1: bar.advance(task, n)


def _drop_stdout() -> None:
    """The reader went away (`| head`): go on quietly, files are still written and the exit code stays true."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
