"""Tasks over the machines of a Ray cluster: one actor a worker, tasks of a lost worker go to another.

Ray is an optional dependency (`pip install align3d[ray]`). Scans and weights that tasks name by path must be readable
from every machine; results come back through Ray, so only the driver writes.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from align3d_cli import __version__
from align3d_cli.errors import EnvironmentMissing

ATTEMPTS = 3  # of a task whose worker was lost: it may have been its neighbour's fault
PATIENCE_S = 300.0  # without a single worker
POLL_S = 5.0
LOST = object()  # instead of a result

Work = Callable[[Any], Any]


class Worker:
    """What runs in an actor: `make()` gives the function that does a task, and keeps what it loads.

    folder: the driver's working folder, which relative paths in tasks mean
    """

    def __init__(self, make: Callable[[], Work], folder: str) -> None:
        import torch

        torch.set_num_threads(1)
        if os.path.isdir(folder):
            os.chdir(folder)
        self.work = make()

    def version(self) -> str:
        """Of align3d on this machine."""
        return __version__

    def run(self, task: Any) -> Any:
        return self.work(task)


@dataclass(slots=True)
class Crew:
    """The actors of a run. under_way: result reference -> (actor, number of its task); coming: version reference ->
    actor that is not ready yet."""

    hire: Callable[[], Any]
    free: list[Any] = field(default_factory=list)
    under_way: dict[Any, tuple[Any, int]] = field(default_factory=dict)
    coming: dict[Any, Any] = field(default_factory=dict)
    last_ready: float = field(default_factory=time.monotonic)

    def add(self) -> None:
        """Ask the cluster for one more worker."""
        actor = self.hire()
        self.coming[actor.version.remote()] = actor

    def dismiss(self, ray: Any) -> None:
        """End all workers; their CPUs are free for others at once."""
        for actor in [*self.free, *self.coming.values(), *(actor for actor, _ in self.under_way.values())]:
            ray.kill(actor)

    def check_patience(self) -> None:
        """Raise EnvironmentMissing when the cluster has given no worker for long."""
        if self.free or self.under_way:
            self.last_ready = time.monotonic()
        elif time.monotonic() - self.last_ready > PATIENCE_S:
            raise EnvironmentMissing(
                f"the Ray cluster gives no worker for {PATIENCE_S:.0f} s; `ray status` shows what it has, "
                "or run with --engine local"
            )


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
    make:    picklable; called once in every worker
    address: of a running cluster, "auto" finds one; None starts one on this machine, and stops it in the end
    workers: actors, one CPU each (and one GPU where `gpu`); None takes all that the cluster has
    An error of the task itself is raised here. Raises EnvironmentMissing (no Ray, no cluster, another version there).
    """
    require_ray()
    ray, own = _connect(address, workers)
    actor = ray.remote(num_cpus=1, num_gpus=int(gpu))(Worker)
    crew = Crew(lambda: actor.remote(make, os.getcwd()))
    try:
        count = workers or max(1, int(ray.cluster_resources().get("GPU" if gpu else "CPU", 1)))
        for _ in range(min(count, len(tasks))):
            crew.add()
        yield from _work_through(ray, crew, tasks)
    finally:
        crew.dismiss(ray)
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
    size = {} if address else {"num_cpus": workers or os.cpu_count(), "include_dashboard": False}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="error", **size)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise EnvironmentMissing(
            f"--ray-address {address}: no cluster answers ({error}); start one with `ray start --head`"
        ) from error
    return ray, True


def _work_through(ray, crew: Crew, tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Hand out tasks to free workers until all are done or given up."""
    waiting, losses = deque(range(len(tasks))), [0] * len(tasks)
    while waiting or crew.under_way:
        while waiting and crew.free:
            actor, number = crew.free.pop(), waiting.popleft()
            crew.under_way[actor.run.remote(tasks[number])] = (actor, number)
        crew.check_patience()
        for reference in ray.wait([*crew.under_way, *crew.coming], timeout=POLL_S)[0]:
            if reference in crew.coming:
                _welcome(ray, crew, reference)
                continue
            actor, number = crew.under_way.pop(reference)
            result = _result(ray, reference)
            if result is not LOST:
                crew.free.append(actor)
                yield number, result
                continue
            crew.add()
            losses[number] += 1
            if losses[number] < ATTEMPTS:
                waiting.append(number)
            else:
                yield number, LOST


def _result(ray, reference: Any) -> Any:
    """A result, or LOST with its worker; an error of the task is raised as what it was there."""
    errors = ray.exceptions
    lost = (errors.RayActorError, errors.WorkerCrashedError, errors.OutOfMemoryError, errors.ObjectLostError)
    try:
        return ray.get(reference)
    except lost:
        return LOST
    except errors.RayTaskError as error:
        raise (error.cause or error) from error


def _welcome(ray, crew: Crew, reference: Any) -> None:
    """A worker is ready, or was lost before it was."""
    actor, version = crew.coming.pop(reference), _result(ray, reference)
    if version is LOST:
        crew.add()
    elif version != __version__:
        raise EnvironmentMissing(f"a worker runs align3d {version}, this is {__version__}; install the same everywhere")
    else:
        crew.free.append(actor)
