"""All scans of a category as each other's references: one task of a benchmark, all lines of it or none."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from align3d_cli.clouds.labelled import Sample
from align3d_cli.errors import Align3DError, InputRejected
from align3d_cli.evaluation.known import Known
from align3d_cli.evaluation.ladder import AMONG, FALSE_ALARM_RATE, saw_of
from align3d_cli.evaluation.rungs import scores_of
from align3d_cli.evaluation.scan_lines import line_key, scored_line
from align3d_cli.evaluation.task import ScanOutcome, ScanSettings, Scored, Task
from align3d_cli.model.beside import Beside, Joined
from align3d_cli.model.inspector import Inspector
from align3d_cli.reference.among import FEWEST, among
from align3d_cli.reference.learning import Told
from align3d_cli.reference.order import surveyed


@dataclass(frozen=True, slots=True)
class Compared:
    """A scan of the category. told: without its word on unseen points, which n_unseen has"""

    sample: Sample
    told: Told
    n_unseen: int


def among_outcome(task: Task, inspector: Inspector, known: Known, settings: ScanSettings) -> ScanOutcome:
    """Compare the scans of a category; those that cannot be read are left out.

    Raises InputRejected where too few are left.
    """
    readable, left_out = _readable((task.sample, *task.others), known)
    (arm,) = task.arms
    digest = known.digest(readable)
    keys = {s.name: line_key(known.digests[s.name], arm, settings, digest) for s in readable}
    if task.known.issuperset(keys.values()):
        return ScanOutcome(task, left_out=left_out)
    start = time.perf_counter()
    compared = [_compared(sample, inspector, known) for sample in readable]
    if len(compared) < FEWEST:
        finding = f"{len(compared)} of {1 + len(task.others)} scans can be compared, at least {FEWEST} are needed"
        raise InputRejected(f"{task.sample.category}: {finding}; restore its files")
    own = inspector.bundle.calibration
    scans = [surveyed(one.told.name, one.told.scan.xyz) for one in compared]
    beside = among(scans, lambda row: compared[row].told, own, false_alarm_rate=FALSE_ALARM_RATE)
    found = [_joined(one.told, known_beside) for one, known_beside in zip(compared, beside, strict=True)]
    seconds = (time.perf_counter() - start) / len(compared)
    lines = _lines(task, compared, found, keys, known, seconds)
    return ScanOutcome(task, tuple(lines), left_out=left_out)


def _joined(told: Told, beside: Beside | None) -> Joined:
    if beside is None:
        raise ValueError(f"{told.name} was told and is not compared")
    return beside(told.scan, told.points, told.raw)


def _readable(samples: Sequence[Sample], known: Known) -> tuple[list[Sample], tuple[tuple[str, str], ...]]:
    """Scans that can be read, and the others with the reason."""
    readable, left_out = [], []
    for sample in samples:
        try:
            known.digest([sample])
        except Align3DError as error:
            left_out.append((sample.name, str(error)))
        else:
            readable.append(sample)
    return readable, tuple(left_out)


def _lines(
    task: Task,
    compared: Sequence[Compared],
    found: Sequence[Joined],
    keys: dict[str, str],
    known: Known,
    seconds: float,
) -> Iterator[Scored]:
    """A line for each scan that the log lacks. Scans are read again for it: all of them at once may not fit."""
    (arm,), saw = task.arms, str(saw_of(AMONG))
    for one, joined in zip(compared, found, strict=True):
        sample, key = one.sample, keys[one.sample.name]
        if key in task.known:
            continue
        scores = {AMONG: scores_of(joined, saw, one.n_unseen)}
        digest = known.digests[sample.name]
        labelled = sample.load()
        yield scored_line(sample, labelled, one.told.scan, arm, scores, digest=digest, key=key, seconds=seconds)


def _compared(sample: Sample, inspector: Inspector, known: Known) -> Compared:
    told, n_unseen = known.tell(sample, inspector)
    return Compared(sample, told, n_unseen)
