"""Torch without its threads spinning, and without what it prints."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

OPENMP_WAITING = "OMP_WAIT_POLICY"


def import_torch_quietly() -> None:
    """Import torch so that its OpenMP waits without spinning, and leave the environment as it was.

    Spinning threads make scoring up to ten times slower where other work keeps the cores busy. The runtime reads the
    variable once, when it is loaded: where torch is imported already, or the variable is set, nothing is changed.
    """
    if "torch" in sys.modules:
        return
    ours = OPENMP_WAITING not in os.environ
    if ours:
        os.environ[OPENMP_WAITING] = "PASSIVE"
    try:
        import torch  # noqa: F401 - for the side effect
    finally:
        if ours:
            del os.environ[OPENMP_WAITING]


@contextmanager
def silent_stdout() -> Iterator[None]:
    """Inside, nothing that this process prints is seen: torch's exporter prints whole graphs, from C++, which only the
    descriptor itself can hold back, and standard output is for results."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
