"""What became of one scan: found, or failed."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.errors import Align3DError, InputRejected
from align3d_cli.helpers.interrupts import is_interrupt
from align3d_cli.helpers.stored import stored_score
from align3d_cli.model.calibration import Calibration
from align3d_cli.regions.region import Region
from align3d_cli.regions.resolution import Resolution
from align3d_cli.regions.rules import Decision, Rules, judge
from align3d_cli.regions.rules_file import read_rules
from align3d_cli.report.result import build_failure, build_result, verdict_by

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What results say of the model that scored."""

    name: str
    sha256: str | None
    calibration: Calibration
    device: str


@dataclass(frozen=True, slots=True)
class ScoredScan:
    """A scan and what the model found on it.

    name:       the scan's path, or what the caller calls it
    cloud:      the scan as it was read
    inspection: every number behind the verdict
    limit:      score above which the part is defective; None where the model is not calibrated and nobody gave one
    background: how the plane under the part was treated; seed: of the points drawn from a mesh
    seconds:    wall time per step
    rules:      what the part is judged by instead of the limit; None: by the limit
    """

    name: str
    cloud: PointCloud = field(repr=False)
    inspection: Any = field(repr=False)
    model: ModelFacts
    limit: float | None
    background: str = "auto"
    seed: int = 0
    seconds: dict[str, float] = field(default_factory=dict, repr=False)
    rules: Rules | None = None
    _findings: list[Any] = field(
        default_factory=list, init=False, repr=False, compare=False
    )  # once they were asked for

    @property
    def score(self) -> float:
        """Object score in [0, 1], as results store it."""
        return stored_score(self.inspection.score)

    @property
    def verdict(self) -> str:
        """ "good", "defective", "unsure" (nothing found, but see `doubts`, or a rule hangs on what is unknown) or
        "uncalibrated" (there is no limit and there are no rules)."""
        decision = self.decision
        return verdict_by(None if decision is None else decision.verdict, self.score, self.limit, self.doubts)

    @property
    def defective(self) -> bool | None:
        """Whether a rule holds, or without rules whether the score exceeds the limit; None where nobody can tell."""
        if self.decision is not None:
            return {"good": False, "defective": True}.get(self.decision.verdict)
        return None if self.limit is None else self.score > self.limit

    @property
    def decision(self) -> Decision | None:
        """What the rules say and which of them decided; None without rules."""
        if self.rules is None:
            return None
        return judge(self.rules, self.score, [region.as_dict() for region in self.regions])

    def judge(self, rules: Rules | str | Path) -> "ScoredScan":
        """The same scan, judged by rules instead of the limit.

        rules: of `read_rules`, or the path of their file
        Raises UsageError for a file that holds none, InputRejected where scan and rules state different units.
        """
        rules = rules if isinstance(rules, Rules) else read_rules(rules)
        if rules.unit is not None and self.cloud.unit not in (None, rules.unit):
            finding = f"is in {self.cloud.unit}, and {rules.name} states limits in {rules.unit}"
            raise InputRejected(f"{self.name}: {finding}; write rules for {self.cloud.unit}")
        judged = replace(self, rules=rules)
        judged._findings.extend(self._findings)
        return judged

    @property
    def points(self) -> np.ndarray:
        """(N,) float32 in [0, 1], one for every point of the scan in its order; NaN where nothing was measured."""
        return self.inspection.point_scores

    @property
    def level(self) -> float:
        """Median of the scores of the points that were scored, in [0, 1]."""
        rows = self.cloud.valid if self.inspection.rows is None else self.inspection.rows
        return float(np.median(self.points[rows]))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was doubtful about reading the scan, a sentence each."""
        return self.inspection.notes

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why "good" cannot be said of this scan, a sentence each."""
        return self.inspection.doubts

    @property
    def findings(self) -> Any:
        """Regions, labels and resolution, found when they are first asked for: see `running.findings.Findings`."""
        if not self._findings:
            from align3d_cli.running.findings import findings_of

            self._findings.append(findings_of(self.cloud, self.inspection, self.model.calibration))
        return self._findings[0]

    @property
    def regions(self) -> tuple[Region, ...]:
        """The defect regions, the most severe first; none where no point reaches the middle of the colour scale."""
        return self.findings.regions

    @property
    def region_of_point(self) -> np.ndarray:
        """(N,) int32, the id of the region that each point of the scan is in, 0 in none."""
        return self.findings.labels

    @property
    def resolution(self) -> Resolution:
        """The smallest defect that this scan can show."""
        return self.findings.resolution

    def result(self, output: Path | None = None) -> dict[str, Any]:
        """The object that `align3d score --json` prints. output: where the heat map was or will be written."""
        found, decision = self.inspection, self.decision
        return build_result(
            input=self.name,
            input_sha256=self.cloud.sha256,
            output=None if output is None else str(output),
            n_points=found.n_points,
            n_invalid=found.n_invalid,
            n_unseen=found.n_unseen,
            n_removed=found.n_removed,
            score=found.score,
            threshold=self.limit,
            judged=None if decision is None else decision.verdict,
            decision=None if decision is None else decision.as_dict(),
            doubts=list(self.doubts),
            colours=[self.model.calibration.colour_low, self.model.calibration.colour_high],
            unit=self.cloud.unit,
            extent=found.preparation["extent"],
            resolution=self.resolution.as_dict(),
            regions=[region.as_dict() for region in self.regions],
            references=None if found.beside is None else found.beside.account,
            notes=list(self.notes),
            model=self.model.name,
            model_sha256=self.model.sha256,
            views=found.views,
            device=self.model.device,
            seed=self.seed,
            seconds=self._all_seconds(),
        )

    def _all_seconds(self) -> dict[str, float]:
        spent = {"regions": self.findings.seconds}
        return self.seconds | spent | {"total": self.seconds.get("total", 0.0) + self.findings.seconds}

    def save(self, path: str | Path, *, format: str | None = None, force: bool = False) -> Path:
        """Write the heat map; the file appears whole or not at all.

        path:   its suffix says the format: .ply .npz .tiff .glb .png (view sheet) .html (page)
        format: one of these, instead of the suffix
        Raises UsageError when the file is there and not forced or the format does not fit the scan, EnvironmentMissing
        when it cannot be written.
        """
        from align3d_cli.report.heatmap import write_heatmap
        from align3d_cli.running.inputs import format_of

        path = Path(path)
        write_heatmap(path, self.part(path), format=format_of(path, format), force=force)
        return path

    def part(self, output: Path | None = None) -> Any:
        """The scan as the report room takes it."""
        from align3d_cli.report.heatmap import ScoredPart

        return ScoredPart(
            self.cloud, self.inspection, self.result(output), self.model.calibration, self.region_of_point
        )


@dataclass(frozen=True, slots=True)
class FailedScan:
    """A scan that could not be scored.

    error:   why, without traceback and causes: these would keep the file's bytes alive
    details: the traceback in words where it is a bug of ours, else empty
    """

    name: str
    error: Align3DError
    details: str = ""

    def result(self) -> dict[str, Any]:
        """The object that stands for the scan in `--json` and `--jsonl`."""
        error = self.error
        return build_failure(input=self.name, kind=error.kind, message=str(error), exit_code=error.exit_code)


def attempt(name: str, step: Callable[[], Value]) -> Value | FailedScan:
    """What a step gives, or why this scan cannot be scored; an interrupt is raised."""
    try:
        return step()
    except Align3DError as error:
        return FailedScan(name, _bare(error))
    except MemoryError:
        return FailedScan(name, InputRejected(f"{name}: does not fit into memory; thin or cut it"))
    except Exception as error:  # a bug of ours costs one part of a batch, not the batch
        if is_interrupt(error):
            raise
        text = f"{name}: {type(error).__name__}: {error}; this is a bug of align3d, please report it"
        return FailedScan(name, Align3DError(text), traceback.format_exc())


def _bare(error: Align3DError) -> Align3DError:
    """The error without the frames that it came through."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
