"""Worker processes that do not outlive the program they work for."""

import multiprocessing
import os
import threading
from multiprocessing.process import BaseProcess


def end_with_parent() -> None:
    """For the start of a worker: end it when the process that started it is gone, killed perhaps.

    Without this, the workers of a killed pool finish what they were given and then wait for more for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)  # at once: nobody reads what it would still make
