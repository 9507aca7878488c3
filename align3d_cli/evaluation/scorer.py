"""One scan through every arm of a benchmark: read once, prepared once, drawn and encoded once for all that share it."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from align3d_cli import __version__
from align3d_cli.clouds.given import GivenViews
from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.clouds.prepare import Prepared, prepare, spread_to_cloud
from align3d_cli.clouds.settings import Background
from align3d_cli.errors import Align3DError
from align3d_cli.evaluation.arms import BRANCHES, THEIRS, Arm
from align3d_cli.evaluation.baselines import curvature, top_mean
from align3d_cli.evaluation.looks import Looks, arrays_of, given_of
from align3d_cli.evaluation.outputs import point_outputs, to_bytes
from align3d_cli.helpers.digest import digest_of_bytes, digest_of_settings
from align3d_cli.model.bundle import Bundle, load_bundle
from align3d_cli.model.inspector import Inspector


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How scans are scored: background of `prepare`, views of `Inspector`, device "cpu" or "cuda"."""

    background: Background = "auto"
    views: str | None = None
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class Task:
    """One scan for some arms. known: keys of the run log that need no scoring again."""

    sample: Sample
    arms: tuple[Arm, ...]
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scored:
    """What one arm found: a line for the run log and the bytes of the per-point outputs."""

    line: dict[str, Any]
    points: bytes


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What became of a task: its new lines (none when all were known), or why it failed."""

    task: Task
    scored: tuple[Scored, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class MethodScores:
    """points: (M,) float of the prepared points; score: of the object; n_unseen: points no view saw."""

    points: np.ndarray
    score: float
    n_unseen: int = 0


class Scorer:
    """Holds the models of the arms it has met; lives as long as its process."""

    def __init__(self, settings: ScanSettings) -> None:
        self.settings = settings
        self._inspectors: dict[str, Inspector] = {}

    def run(self, task: Task) -> ScanOutcome:
        """Score a task; a scan that cannot be scored is an outcome, not an error."""
        try:
            return ScanOutcome(task, tuple(self._scored(task)))
        except Align3DError as error:
            return ScanOutcome(task, failure=str(error))

    @torch.inference_mode()
    def _scored(self, task: Task) -> Iterator[Scored]:
        labelled = task.sample.load()
        given = given_of(task.sample, labelled, task.arms)
        digest = scan_digest(task.sample, labelled, given)
        missing = [arm for arm in task.arms if line_key(digest, arm, self.settings) not in task.known]
        if not missing:
            return
        scan = prepare(labelled.cloud, background=self.settings.background)
        looks = Looks(scan, given)
        for arm in missing:
            start = time.perf_counter()
            found = self.methods(arm, scan, looks)
            seconds = time.perf_counter() - start
            yield self._line(task.sample, labelled, digest, arm, scan, found, seconds)

    def methods(self, arm: Arm, scan: Prepared, looks: Looks) -> dict[str, MethodScores]:
        """Scores of an arm's methods. looks: of this scan, which arms share."""
        found = {}
        if "curvature" in arm.methods:
            points = curvature(scan.xyz)
            found["curvature"] = MethodScores(points, top_mean(points))
        if arm.model is None:
            return found
        inspector = self.inspector(arm.name, arm.model)
        for theirs in (False, True):
            methods = [m for m in arm.methods if m in BRANCHES and (m in THEIRS.values()) == theirs]
            if not methods:
                continue
            look = looks.of(inspector, theirs)
            branches, n_unseen = inspector.branches(look)
            for method in methods:
                chosen = {name: branches[name] for name in BRANCHES[method]}
                found[method] = MethodScores(*inspector.scores(look, chosen), n_unseen)
        return found

    def inspector(self, arm: str, model: Path) -> Inspector:
        """The loaded model of an arm; its image tower is held once for all arms that share it."""
        if arm not in self._inspectors:
            bundle = load_bundle(model)
            alike = (held for held in self._inspectors.values() if _same_look(held.bundle, bundle))
            encoder = next((held.encoder for held in alike), None)
            made = Inspector(bundle, self.settings.device, self.settings.views, encoder=encoder)
            if encoder is not None:  # the tower is held once, in the first inspector
                made.bundle = replace(bundle, tensors={k: v for k, v in bundle.tensors.items() if k[:8] != "encoder."})
            self._inspectors[arm] = made
        return self._inspectors[arm]

    def _line(
        self,
        sample: Sample,
        labelled: LabelledCloud,
        digest: str,
        arm: Arm,
        scan: Prepared,
        found: dict[str, MethodScores],
        seconds: float,
    ) -> Scored:
        n = len(labelled.cloud)
        points = {m: spread_to_cloud(s.points, scan, n).astype(np.float32) for m, s in found.items()}
        data = to_bytes(point_outputs(labelled, points, sample.point_labels))
        key = line_key(digest, arm, self.settings)
        line = {
            "type": "scan",
            "key": key,
            "sample": sample.name,
            "category": sample.category,
            "defect": sample.defect,
            "anomalous": sample.anomalous,
            "point_labels": sample.point_labels,
            "arm": arm.as_json(),
            "object_scores": {method: scores.score for method, scores in found.items()},
            "organised": labelled.cloud.grid is not None,
            "n_points": n,
            "n_scored": len(scan.index),
            "n_unseen": {method: scores.n_unseen for method, scores in found.items()},
            "input_sha256": digest,
            "points": f"points/{key}.npz",
            "points_sha256": digest_of_bytes(data),
            "seconds": round(seconds, 3),
        }
        return Scored(line, data)


def scan_digest(sample: Sample, labelled: LabelledCloud, given: GivenViews | None = None) -> str:
    """SHA-256 over everything a scan and its labels bring into the scoring: a changed file is another input."""
    cloud = labelled.cloud
    parts: list[bytes | memoryview] = []
    for array in (cloud.xyz, cloud.colours, labelled.defect, *arrays_of(given)):
        if array is not None:
            parts += [f"{array.dtype} {array.shape}".encode(), np.ascontiguousarray(array).data]
    facts = json.dumps([sample.name, sample.defect, sample.point_labels, cloud.grid])
    return digest_of_bytes(facts.encode(), *parts)


def line_key(digest: str, arm: Arm, settings: ScanSettings) -> str:
    """Hash of input, weights, settings and version: what makes a line of the log valid."""
    return digest_of_settings([digest, arm.as_json(), asdict(settings), __version__])[:40]


def _same_look(first: Bundle, second: Bundle) -> bool:
    """True when both bundles draw and encode a scan alike."""
    if (first.encoder, first.views) != (second.encoder, second.views):
        return False
    mine, other = first.part("encoder"), second.part("encoder")
    return mine.keys() == other.keys() and all(torch.equal(mine[key], other[key]) for key in mine)


def run_tasks(tasks: Sequence[Task], settings: ScanSettings, deliver: Callable[[ScanOutcome], None]) -> None:
    """Score tasks one after the other in this process, on one torch thread, so that sums are those of any worker."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        scorer = Scorer(settings)
        for task in tasks:
            deliver(scorer.run(task))
    finally:
        torch.set_num_threads(threads)
