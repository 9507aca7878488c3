"""A command whose options are the fields of a dataclass."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def taking(kind: type[T], run: Callable[[T], None]) -> Callable[..., None]:
    """What typer makes a command of: it takes the fields of `kind` as options and calls `run` with them as one.

    The fields are annotated as typer wants parameters to be: `Annotated[type, typer.Option(..)]`.
    """

    def command(**given: Any) -> None:
        run(kind(**given))

    signature = inspect.signature(kind)
    command.__signature__ = signature  # type: ignore[attr-defined]  # functions may have one, says PEP 362
    command.__annotations__ = {name: option.annotation for name, option in signature.parameters.items()}
    command.__doc__ = run.__doc__
    return command
