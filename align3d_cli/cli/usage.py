"""What typer refuses of a call, told in one line as everything else: `--seed x: give a whole number of at least 0`."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import typer

from align3d_cli.errors import UsageError
from align3d_cli.helpers.settings import Range

# the base of all refusals; typer brings its own click in some versions, and exports of its errors this one alone
Refusal = cast(type[Exception], typer.BadParameter.__mro__[1])
HELP = "NoArgsIsHelpError"  # a command without a word: its help, which is no refusal
WRONG_KIND = re.compile(r"valid (integer|number|float)")  # what typer says of words in the place of numbers


@contextmanager
def in_one_line() -> Iterator[None]:
    """Raise UsageError, one line of it, for what typer refuses within."""
    try:
        yield
    except Refusal as error:
        if type(error).__name__ == HELP:
            raise
        raise UsageError(_line(error, sys.argv[1:])) from error


def _line(error: Any, words: Sequence[str]) -> str:
    """The option with its value and what it takes, or typer's words and where the help is. words: of the call."""
    param: Any = getattr(error, "param", None)  # of errors of a value
    context = getattr(error, "ctx", None)
    given = (_given(param, words) or _of_variable(param, context)) if param is not None else None
    finding = own_words(error.format_message())
    if given is not None:
        if numbers := numbers_of(param, finding):
            return f"{given}: give {numbers}"
        finding = f"{given}: {own_words(error.message)}"
    return f"{finding}; see `{context.command_path if context else 'align3d COMMAND'} --help`"


def own_words(message: str) -> str:
    """A library's message without what it puts around it."""
    return " ".join(message.split()).removeprefix("Value error, ").removesuffix(".")


def _given(param: Any, words: Sequence[str]) -> str | None:
    """An option with its value as typed, of one that takes several its name alone; None where it was not typed."""
    found = None
    for word, behind in zip(words, [*words[1:], ""], strict=True):
        name, assigned, value = word.partition("=")
        if name in param.opts:
            found = name if param.multiple else f"{name} {value if assigned else behind}"
    return found


def _of_variable(param: Any, context: Any) -> str | None:
    """The variable that an option's value came from, with the value; None where there is none."""
    prefix = getattr(context, "auto_envvar_prefix", None)
    name = f"{prefix}_{str(param.name).upper()}"
    return f"{name} {os.environ[name]}" if prefix and os.environ.get(name) else None


def numbers_of(param: Any, finding: str) -> str | None:
    """The numbers that an option takes, in words; None where it takes no numbers."""
    kept = param if hasattr(param, "min") else getattr(param, "type", None)  # where its bounds are: two versions
    least, most = getattr(kept, "min", None), getattr(kept, "max", None)
    kind = WRONG_KIND.search(finding)
    if kind is None and least is None and most is None:
        return None
    bounds = Range() if least is None else Range(least=least)
    bounds = bounds if most is None else Range(least=bounds.least, most=most)
    return f"{'a whole number' if kind is not None and kind[1] == 'integer' else 'a number'} {bounds}".strip()
