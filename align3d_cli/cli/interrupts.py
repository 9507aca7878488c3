"""Telling Ctrl-C from an error."""


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
