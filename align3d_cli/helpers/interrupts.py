"""Ctrl-C: told from an error, and not lost in a library that swallows it."""

import signal
from types import FrameType

_noted = False


def listen() -> None:
    """Note Ctrl-C from now on, besides raising KeyboardInterrupt; where it is ignored, it stays ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _note)


def _note(number: int, frame: FrameType | None) -> None:
    global _noted
    _noted = True
    signal.default_int_handler(number, frame)


def check() -> None:
    """Raise the KeyboardInterrupt that somebody's `except BaseException` swallowed since `listen`, if one was."""
    global _noted
    if _noted:
        _noted = False
        raise KeyboardInterrupt


def is_interrupt(error: BaseException) -> bool:
    """Whether a KeyboardInterrupt is the error or is what led to it.

    Python 3.11 wraps whatever is raised in __set_name__ in a RuntimeError, so an interrupt while libraries are being
    imported arrives in disguise.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, KeyboardInterrupt):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
