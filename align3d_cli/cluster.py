"""Tasks over the machines of a Ray cluster: one actor a worker, tasks of a lost worker go to another.

Ray is an optional dependency (`pip install align3d[ray]`). Scans and weights that tasks name by path must be readable
from every machine; results come back through Ray, so only the driver writes.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from align3d_cli import __version__
from align3d_cli.errors import EnvironmentMissing

ATTEMPTS = 3  # of a task whose worker was lost: it may have been its neighbour's fault
PATIENCE_S = 300.0  # without a single worker
POLL_S = 5.0

Work = Callable[[Any], Any]


class Worker:
    """What runs in an actor: `make()` gives the function that does a task, and keeps what it loads."""

    def __init__(self, make: Callable[[], Work]) -> None:
        import torch

        torch.set_num_threads(1)
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


def run_on_ray(
    tasks: Sequence[Any],
    make: Callable[[], Work],
    deliver: Callable[[int, Any], None],
    give_up: Callable[[int], None],
    *,
    address: str | None = None,
    workers: int | None = None,
    gpu: bool = False,
) -> None:
    """Do all tasks and deliver (number of the task, result) in this process as they finish, in any order.

    make:    picklable; called once in every worker
    give_up: called with a task's number when its worker was lost ATTEMPTS times
    address: of a running cluster, "auto" finds one; None starts one on this machine, and stops it in the end
    workers: actors, one CPU each (and one GPU where `gpu`); None takes all that the cluster has
    An error of the task itself is raised here. Raises EnvironmentMissing (no Ray, no cluster, another version there).
    """
    require_ray()
    ray, own = _connect(address, workers)
    try:
        resource = "GPU" if gpu else "CPU"
        count = workers or max(1, int(ray.cluster_resources().get(resource, 1)))
        actor = ray.remote(num_cpus=1, num_gpus=int(gpu))(Worker)
        crew = Crew(lambda: actor.remote(make))
        for _ in range(min(count, len(tasks))):
            crew.add()
        _work_through(ray, crew, tasks, deliver, give_up)
    finally:
        if own:
            ray.shutdown()


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


def _work_through(ray, crew: Crew, tasks: Sequence[Any], deliver, give_up) -> None:
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
            try:
                result = ray.get(reference)
            except losses_of_ray(ray):
                losses[number] += 1
                (give_up if losses[number] >= ATTEMPTS else waiting.append)(number)
                crew.add()
                continue
            crew.free.append(actor)
            deliver(number, result)


def _welcome(ray, crew: Crew, reference: Any) -> None:
    """A worker is ready, or was lost before it was."""
    actor = crew.coming.pop(reference)
    try:
        version = ray.get(reference)
    except losses_of_ray(ray):
        crew.add()
        return
    if version != __version__:
        raise EnvironmentMissing(f"a worker runs align3d {version}, this is {__version__}; install the same everywhere")
    crew.free.append(actor)


def losses_of_ray(ray) -> tuple[type[Exception], ...]:
    """What Ray raises when a worker, its machine, or a result that lay there was lost."""
    errors = ray.exceptions
    return (errors.RayActorError, errors.WorkerCrashedError, errors.OutOfMemoryError, errors.ObjectLostError)
