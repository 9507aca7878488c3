"""The parts of a call over the machines of a Ray cluster, outcomes in their order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.running.batch import Batch, BatchSettings, Outcome
from align3d_cli.running.cluster import ATTEMPTS, LOST, in_order, on_ray, require_ray
from align3d_cli.running.inputs import STDIN, Part
from align3d_cli.running.scored import FailedScan


@dataclass(frozen=True, slots=True)
class ClusterBatch:
    """Scores parts as `Batch` does, one of which lives in every worker. Scans, heat maps and the model are named by
    path: all machines must see them. address: of the cluster, None starts one on this machine."""

    settings: BatchSettings
    address: str | None = None

    def __post_init__(self) -> None:
        require_ray()

    def outcomes(self, parts: list[Part]) -> Iterator[Outcome]:
        """The outcomes of all parts in order, each as soon as all before it are there. Raises UsageError for -."""
        if any(STDIN in (part.name, str(part.output)) for part in parts):
            raise UsageError("--engine ray: standard input and output cannot be read on other machines; name files")
        found = on_ray(parts, partial(_scorer, self.settings), address=self.address, gpu=self._on_gpu())
        for part, outcome in zip(parts, in_order(found), strict=True):
            yield _lost(part) if outcome is LOST else outcome

    def _on_gpu(self) -> bool:
        return self.settings.device == "cuda"  # auto: workers without a GPU of their own use the CPU


def _scorer(settings: BatchSettings) -> Callable[[Part], Outcome]:
    return Batch(settings).outcome


def _lost(part: Part) -> Outcome:
    error = EnvironmentMissing(f"{part.name}: its worker was lost {ATTEMPTS} times; see `ray status`")
    failure = FailedScan(part.name, error)
    return Outcome(part, failure.result(), failure)
