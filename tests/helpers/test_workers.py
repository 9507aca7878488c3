"""Worker processes end with the program they work for."""

import os
import signal
import subprocess
import sys
import time

PATIENCE_S = 30
PROGRAM = """
import os, sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from align3d_cli.helpers.workers import end_with_parent

if __name__ == "__main__":
    with ProcessPoolExecutor(2, get_context("spawn"), initializer=end_with_parent) as pool:
        print(*{pool.submit(os.getpid).result() for _ in range(8)}, flush=True)
        time.sleep(600)
"""


def is_there(pid: int) -> bool:
    """Whether a process is there and does more than wait to be buried."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_workers_of_a_killed_program_end(tmp_path):
    """SIGKILL leaves the program no time to end them."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    workers = [int(pid) for pid in process.stdout.readline().split()]
    assert workers and all(map(is_there, workers))
    process.send_signal(signal.SIGKILL)
    process.wait()
    give_up = time.monotonic() + PATIENCE_S
    while any(map(is_there, workers)) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not any(map(is_there, workers))
