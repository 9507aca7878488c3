"""Spread tasks over the processes of this machine; a process that dies loses no scan."""

import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from align3d_cli.evaluation.scorer import Scorer, run_tasks
from align3d_cli.evaluation.task import ScanOutcome, ScanSettings, Task
from align3d_cli.helpers.cpus import usable_cpus
from align3d_cli.helpers.workers import end_with_parent

ATTEMPTS = 3  # of a scan whose process died: it may have been a neighbour that took the memory
AHEAD = 2  # tasks a process that are under way, so that none waits and results do not pile up

Deliver = Callable[[ScanOutcome], None]
_scorer: Scorer | None = None  # of a worker process


def run_local(tasks: Sequence[Task], settings: ScanSettings, jobs: int | None, deliver: Deliver) -> None:
    """Score all tasks in `jobs` processes, each on one torch thread, and deliver every outcome in this process.

    jobs: None for one a core
    """
    jobs = jobs or usable_cpus()
    if jobs == 1 or len(tasks) < 2:
        run_tasks(tasks, settings, deliver)
        return
    waiting = deque(tasks)
    while waiting:
        suspects = _until_broken(waiting, settings, jobs, AHEAD * jobs, deliver)
        if suspects and not _one_by_one(suspects, settings, deliver):
            jobs = max(1, jobs // 2)  # none of them dies alone: memory was short


def _one_by_one(suspects: list[Task], settings: ScanSettings, deliver: Deliver) -> int:
    """Score tasks one at a time, so that a death has one cause; returns how many were given up."""
    waiting, deaths, given_up = deque(suspects), Counter(id(task) for task in suspects), 0
    while waiting:
        for task in _until_broken(waiting, settings, 1, 1, deliver):
            deaths[id(task)] += 1
            if deaths[id(task)] < ATTEMPTS:
                waiting.append(task)
                continue
            died = f"{task.sample.name}: its process died {ATTEMPTS} times; is memory short?"
            deliver(ScanOutcome(task, failure=died))
            given_up += 1
    return given_up


def _until_broken(waiting: deque[Task], settings: ScanSettings, jobs: int, ahead: int, deliver: Deliver) -> list[Task]:
    """Work through `waiting` until it is empty or a process dies; returns the tasks that were under way then.

    ahead: tasks that may be under way at once
    """
    context = multiprocessing.get_context("spawn")
    under_way: dict[Future, Task] = {}
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start_worker, initargs=(settings,))
    try:
        while waiting or under_way:
            while waiting and len(under_way) < ahead:
                under_way[pool.submit(_work, waiting[0])] = waiting[0]
                waiting.popleft()
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                error = future.exception()
                if not isinstance(error, BrokenProcessPool):
                    deliver(future.result())
                    del under_way[future]
                elif all(other.done() for other in under_way):
                    raise error
    except BrokenProcessPool:
        return list(under_way.values())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return []


def _start_worker(settings: ScanSettings) -> None:
    global _scorer
    end_with_parent()
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    torch.set_num_threads(1)
    _scorer = Scorer(settings)


def _work(task: Task) -> ScanOutcome:
    assert _scorer is not None  # `_start_worker` ran before
    return _scorer.run(task)
