"""How many processor cores this process may use."""

import os


def usable_cpus() -> int:
    """Cores this process may run on, 1 at least: fewer than the machine has where it is held to some of them.

    macOS and Windows do not tell what a process is held to: there it is all cores.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
