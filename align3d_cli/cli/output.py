"""The only writer to stdout. The result goes there; progress, warnings and talk go to stderr."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def result(text: str) -> None:
    """Print one piece of the result on stdout, at once (pipes read line by line)."""
    print(text, flush=True)


def result_json(value: object, *, indent: int | None = None) -> None:
    """Print a result as JSON; NaN is refused because JSON has no word for it."""
    result(json.dumps(value, indent=indent, allow_nan=False))


def info(text: str) -> None:
    """Say something that is not the result."""
    print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    info(f"warning: {text}")


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield `advance(n)`; draws a bar with an ETA on stderr when that is a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda n=1: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda n=1: bar.advance(task, n)
