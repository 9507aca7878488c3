"""`align3d score --engine ray`: the parts of a call over the machines of a Ray cluster, results in their order."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.report.result import build_failure
from align3d_cli.running.cluster import ATTEMPTS, LOST, in_order, on_ray, require_ray
from align3d_cli.running.inputs import STDIN, Part
from align3d_cli.running.score_run import Outcome, ScoreRun, ScoreSettings


@dataclass(frozen=True, slots=True)
class ClusterRun:
    """Scores parts as `ScoreRun` does, one of which lives in every worker. Scans, heat maps and the model are named by
    path: all machines must see them. address: of the cluster, None starts one on this machine."""

    settings: ScoreSettings
    address: str | None = None
    lone: bool = False

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
        return str(self.settings.device) == "cuda"  # auto: workers without a GPU of their own use the CPU


def _scorer(settings: ScoreSettings):
    return ScoreRun(settings, lone=False).outcome


def _lost(part: Part) -> Outcome:
    error = EnvironmentMissing(f"{part.name}: its worker was lost {ATTEMPTS} times; see `ray status`")
    failure = build_failure(input=part.name, kind="environment", message=str(error), exit_code=error.exit_code)
    return Outcome(part, failure, error)
