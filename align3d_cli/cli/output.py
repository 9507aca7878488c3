"""The only writer to stdout. The result goes there; progress, warnings and talk go to stderr."""

import errno
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from align3d_cli.errors import EnvironmentMissing
from align3d_cli.helpers import interrupts

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
# a line break before blanks is a message's own, all others stand in names
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]|\n(?! )")
ANSI = {"good": "\x1b[32m", "bad": "\x1b[31m", "faint": "\x1b[2m"}


def result(text: str) -> None:
    """Print one piece of the result on stdout, at once (pipes read line by line).

    A reader that went away (`| head`) is no error: files are still written and the exit code stays true.
    Raises EnvironmentMissing when stdout takes no more, as on a full disk.
    """
    with _stdout_that_may_end():
        print(text, flush=True)


def result_bytes(data: bytes) -> None:
    """Write a file's bytes to stdout, for `--out -`. Raises EnvironmentMissing, see `result`."""
    with _stdout_that_may_end():
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


@contextmanager
def complete() -> Iterator[None]:
    """Write what is held back for stdout in the end. Raises EnvironmentMissing when a disk is full, also for what
    other libraries print (help)."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        _drop_stdout()
        raise _unwritable(error.filename or "the output", error) from error
    finally:
        with _stdout_that_may_end():
            sys.stdout.flush()


@contextmanager
def _stdout_that_may_end() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _drop_stdout()
    except OSError as error:
        _drop_stdout()
        raise _unwritable("standard output", error) from error


def _unwritable(what: str, error: OSError) -> EnvironmentMissing:
    return EnvironmentMissing(f"{what}: cannot be written ({error.strerror}); free space or send it elsewhere")


def result_json(value: object, *, indent: int | None = None) -> None:
    """Print a result as JSON; NaN is refused because JSON has no word for it."""
    result(json.dumps(value, indent=indent, allow_nan=False))


def prepare_streams() -> None:
    """File names that are no text in this locale are printed with escapes instead of ending the program, and what
    goes to a stream that is closed (`>&-`) is lost without a word."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - lives as long as the program
        getattr(sys, name).reconfigure(errors="backslashreplace")


def info(text: str) -> None:
    """Say something that is not the result; where nobody can hear it, the work goes on."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def error(problem: Exception) -> None:
    """Say what went wrong. Control characters of names are shown with escapes, lest one line becomes two."""
    info(f"error: {CONTROL.sub(lambda found: ascii(found[0])[1:-1], str(problem))}")


def warn(text: str) -> None:
    """Say what the user should know although the work goes on."""
    info(f"warning: {text}")


def tinted(text: str, tone: str) -> str:
    """The text in one of the tones of ANSI when stdout is a terminal that may have colours, else as it is."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"{ANSI[tone]}{text}\x1b[0m"


@contextmanager
def progress(description: str, total: int | None, *, between_lines: bool = False) -> Iterator[Callable[[int], None]]:
    """Yield `advance(n)`; draws a bar with an ETA on stderr when that is a terminal, nothing elsewhere.

    An interrupt that a library swallowed meanwhile is raised by `advance`.
    between_lines: results are printed while it runs, so there is no bar when these go to the terminal too
    """
    if not sys.stderr.isatty() or (between_lines and sys.stdout.isatty()):
        yield _only_check
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(description, total=total)

        def advance(n: int = 1) -> None:
            interrupts.check()
            bar.advance(task, n)

        yield advance


class Progress:
    """A bar that begins once the number of items is known; a context manager that ends it."""

    def __init__(self, description: str) -> None:
        self._description, self._open = description, ExitStack()
        self._advance: Callable[[int], None] = _only_check

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def begin(self, total: int) -> None:
        """Draw the bar."""
        self._advance = self._open.enter_context(progress(self._description, total))

    def advance(self) -> None:
        """One item is done."""
        self._advance(1)


def _only_check(n: int = 1) -> None:
    """An `advance` without a bar."""
    interrupts.check()


def _drop_stdout() -> None:
    """Let all that is still written to stdout vanish, also what the interpreter flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
