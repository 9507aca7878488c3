"""What a worker of a benchmark is given, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from align3d_cli.clouds.labelled import Sample
from align3d_cli.clouds.settings import Background
from align3d_cli.evaluation.arms import Arm


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How scans are scored: background of `prepare`, views of `Inspector`, device "cpu" or "cuda"."""

    background: Background = "auto"
    views: str | None = None
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class GoodParts:
    """What a scan is compared with. parts: good ones of its category, in the order they were drawn; cad: its CAD model,
    None where it has none."""

    parts: tuple[Sample, ...]
    cad: Sample | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One scan for some arms, or all scans of a category for the one arm that compares them among themselves.

    known: keys of the run log that need no scoring again; of `others`, theirs too
    good:  what arms compare the scan with, by their names
    others: further scans of the category, which are compared with this one and each other
    shared: the arm for which this scan is met again in such a task, None where it is not
    seed:  of generated scans, whose names say nothing of it
    """

    sample: Sample
    arms: tuple[Arm, ...]
    known: frozenset[str] = frozenset()
    good: Mapping[str, GoodParts] = field(default_factory=dict)
    others: tuple[Sample, ...] = ()
    shared: Arm | None = None
    seed: int | None = None

    @property
    def n_lines(self) -> int:
        """How many lines of the run log it gives."""
        return len(self.arms) * (1 + len(self.others))


@dataclass(frozen=True, slots=True)
class Scored:
    """What one arm found: a line for the run log and the bytes of the per-point outputs."""

    line: dict[str, Any]
    points: bytes


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What became of a task: its new lines (none when all were known), or why it failed.

    left_out: name of each scan that could not be compared with the others of its category, and why
    """

    task: Task
    scored: tuple[Scored, ...] = ()
    failure: str | None = None
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """Name of each scan that failed, and why."""
        whole = () if self.failure is None else ((self.task.sample.name, self.failure),)
        return whole + self.left_out


@dataclass(frozen=True, slots=True)
class Spoke:
    """What spoke beside the model, and what came of it.

    saw:    what was seen beside the scan, in the words of published rows
    called: defective by the limit that holds for it; None where there is no such limit
    alone:  why the model alone spoke, empty where it did not
    """

    saw: str
    called: bool | None = None
    alone: str = ""


@dataclass(frozen=True, slots=True)
class MethodScores:
    """points: (M,) float of the prepared points; score: of the object; n_unseen: points no view saw; spoke: None for a
    method that knows nothing beside the scan."""

    points: np.ndarray
    score: float
    n_unseen: int = 0
    spoke: Spoke | None = None
