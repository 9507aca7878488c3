"""The benchmark on a Ray cluster: a scorer in every worker, outcomes through the same log."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from align3d_cli.evaluation.arms import Arm
from align3d_cli.evaluation.scorer import Scorer
from align3d_cli.evaluation.task import ScanOutcome, ScanSettings, Task
from align3d_cli.running.cluster import ATTEMPTS, LOST, on_ray


@dataclass(slots=True)
class RemoteScorer:
    """A scorer on another machine: the models travel with it, as their files need not be there.

    models: bytes of the bundles by SHA-256
    """

    settings: ScanSettings
    models: dict[str, bytes] = field(repr=False)
    scorer: Scorer = field(init=False)
    folder: tempfile.TemporaryDirectory = field(init=False)

    def __post_init__(self) -> None:
        self.scorer, self.folder = Scorer(self.settings), tempfile.TemporaryDirectory(prefix="align3d-")

    def __call__(self, task: Task) -> ScanOutcome:
        arms, shared = tuple(self._here(arm) for arm in task.arms), task.shared and self._here(task.shared)
        outcome = self.scorer.run(replace(task, arms=arms, shared=shared))
        return replace(outcome, task=task)

    def _here(self, arm: Arm) -> Arm:
        """The arm with its model in a file of this machine."""
        if arm.model is None or arm.sha256 is None:
            return arm
        path = Path(self.folder.name) / arm.sha256 / arm.model.name
        if not path.is_file():
            path.parent.mkdir()
            path.write_bytes(self.models[arm.sha256])
        return replace(arm, model=path)


def run_ray(
    tasks: Sequence[Task],
    settings: ScanSettings,
    jobs: int | None,
    deliver: Callable[[ScanOutcome], None],
    *,
    address: str | None = None,
) -> None:
    """Score all tasks on a cluster and deliver every outcome in this process. jobs: workers, None for all there are."""
    paths = {arm.sha256: arm.model for task in tasks for arm in task.arms if arm.sha256 and arm.model}
    models = {sha256: path.read_bytes() for sha256, path in paths.items()}

    make, gpu = partial(RemoteScorer, settings, models), settings.device == "cuda"
    for number, outcome in on_ray(tasks, make, address=address, workers=jobs, gpu=gpu):
        if outcome is LOST:
            name = tasks[number].sample.name
            lost = f"{name}: its worker was lost {ATTEMPTS} times; see `ray status`"
            outcome = ScanOutcome(tasks[number], failure=lost)
        deliver(outcome)
