"""Importing torch without its threads spinning."""

import os
import sys

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
