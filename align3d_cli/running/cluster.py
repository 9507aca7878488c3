"""Tasks over the machines of a Ray cluster: one actor a worker, tasks of a lost worker go to another.

Ray is an optional dependency (`pip install align3d[ray]`). Scans and weights that tasks name by path must be readable
from every machine; results come back through Ray, so only the driver writes.

Ray starts lost actors again (`max_restarts`). It is not asked to repeat their tasks (`max_task_retries`): it would keep
a task for the actor that lost it, and where a node is gone for good that actor never comes back; here any worker that
is free takes it. ray.util.ActorPool does not tell which task was lost, so the pool is the few lines below.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from align3d_cli import __version__
from align3d_cli.errors import EnvironmentMissing
from align3d_cli.helpers.cpus import usable_cpus

ATTEMPTS = 3  # of a task whose worker was lost: it may have been its neighbour's fault
PATIENCE_S = 300.0  # without a single worker
POLL_S = 5.0
LOST = object()  # instead of a result

Work = Callable[[Any], Any]


class Worker:
    """What runs in an actor.

    make:   gives the function that does a task, and keeps what it loads
    folder: the driver's working folder, which relative paths in tasks mean
    """

    def __init__(self, make: Callable[[], Work], folder: str) -> None:
        import torch

        torch.set_num_threads(1)
        if os.path.isdir(folder):
            os.chdir(folder)
        self.make = make

    def ready(self) -> str:
        """Make the function; returns the version of align3d on this machine. An error of `make` is raised here."""
        self.work = self.make()
        return __version__

    def run(self, task: Any) -> Any:
        """Do one task. Ray asks for nothing before `ready` is done."""
        return self.work(task)


def require_ray() -> None:
    """Raise EnvironmentMissing where Ray is not installed."""
    if find_spec("ray") is None:
        raise EnvironmentMissing("--engine ray: Ray is not installed; pip install align3d[ray]")


def on_ray(
    tasks: Sequence[Any],
    make: Callable[[], Work],
    *,
    address: str | None = None,
    workers: int | None = None,
    gpu: bool = False,
) -> Iterator[tuple[int, Any]]:
    """Do all tasks and yield (number of the task, result) as they finish, in any order.

    The result is LOST when the task's worker was lost ATTEMPTS times.
    make:    picklable; called once in every worker, and again in one that was lost and started anew
    address: of a running cluster, "auto" finds one; None starts one on this machine, and stops it in the end
    workers: actors, one CPU each (and one GPU where `gpu`); None takes all that the cluster has
    An error of the task itself is raised here. Raises EnvironmentMissing (no Ray, no cluster, another version there).
    """
    require_ray()
    ray, own = _connect(address, workers)
    crew: list[Any] = []
    try:
        actor = ray.remote(num_cpus=1, num_gpus=int(gpu), max_restarts=-1)(Worker)
        count = workers or max(1, int(ray.cluster_resources().get("GPU" if gpu else "CPU", 1)))
        crew += [actor.remote(make, os.getcwd()) for _ in range(min(count, len(tasks)))]
        yield from _work_through(ray, crew, tasks)
    finally:
        for one in crew:
            ray.kill(one)  # their CPUs are free for others at once
        if own:
            ray.shutdown()


def in_order(results: Iterable[tuple[int, Any]]) -> Iterator[Any]:
    """The results of `on_ray` in the order of their tasks, each as soon as all before it are there."""
    kept: dict[int, Any] = {}
    following = 0
    for number, result in results:
        kept[number] = result
        while following in kept:
            yield kept.pop(following)
            following += 1


def _connect(address: str | None, workers: int | None) -> tuple[Any, bool]:
    """Ray itself, and whether this call connected to it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    import ray

    if ray.is_initialized():
        return ray, False
    size: dict[str, Any] = {} if address else {"num_cpus": workers or usable_cpus(), "include_dashboard": False}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **size)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        if address is None:
            raise EnvironmentMissing(f"--engine ray: Ray does not start here ({reason}); run --engine local") from error
        raise EnvironmentMissing(
            f"--ray-address {address}: no cluster answers ({reason}); start one with `ray start --head`"
        ) from error
    return ray, True


def _work_through(ray: Any, crew: Sequence[Any], tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Hand out tasks to workers that are ready until all are done or given up."""
    waiting, losses, free = deque(range(len(tasks))), [0] * len(tasks), deque[Any]()
    coming = {_ready(actor): actor for actor in crew}  # reference to the version -> actor that starts
    under_way: dict[Any, tuple[Any, int]] = {}  # reference to the result -> actor and number of the task
    last_seen = time.monotonic()
    while waiting or under_way:
        while waiting and free:
            actor, number = free.popleft(), waiting.popleft()
            under_way[actor.run.remote(tasks[number])] = (actor, number)
        last_seen = _seen(under_way, last_seen)
        for reference in ray.wait([*under_way, *coming], timeout=POLL_S)[0]:
            if reference in coming:
                _check_version(_result(ray, reference))
                free.append(coming.pop(reference))
                continue
            actor, number = under_way.pop(reference)
            result = _result(ray, reference)
            if result is LOST:
                coming[_ready(actor)] = actor
                losses[number] += 1
                if losses[number] < ATTEMPTS:
                    waiting.append(number)
                    continue
            else:
                free.append(actor)
            yield number, result


def _ready(actor: Any) -> Any:
    """A reference that is there once the actor has started, however often it must be started for that."""
    return actor.ready.options(max_task_retries=-1).remote()


def _seen(under_way: dict[Any, Any], last: float) -> float:
    """The time at which a worker was last at work, now when one is.

    Raises EnvironmentMissing when the cluster has given none for long.
    """
    if under_way:
        return time.monotonic()
    if time.monotonic() - last > PATIENCE_S:
        raise EnvironmentMissing(
            f"the Ray cluster gives no worker for {PATIENCE_S:.0f} s; `ray status` shows what it has, "
            "or run with --engine local"
        )
    return last


def _result(ray: Any, reference: Any) -> Any:
    """A result, or LOST with its worker; an error of the task is raised as what it was there."""
    errors = ray.exceptions
    lost = (errors.RayActorError, errors.WorkerCrashedError, errors.OutOfMemoryError, errors.ObjectLostError)
    try:
        return ray.get(reference)
    except lost:
        return LOST
    except errors.RayTaskError as error:
        raise (error.cause or error) from error


def _check_version(version: Any) -> None:
    """Raise EnvironmentMissing for a worker that cannot start or runs another align3d."""
    if version is LOST:
        raise EnvironmentMissing("a worker cannot be started; look into Ray's logs, or run with --engine local")
    if version != __version__:
        raise EnvironmentMissing(f"a worker runs align3d {version}, this is {__version__}; install the same everywhere")
