"""One scan through every arm of a benchmark: read once, prepared once, drawn and encoded once for all that share it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from align3d_cli.clouds.prepare import Prepared, prepare
from align3d_cli.errors import Align3DError
from align3d_cli.evaluation.among_task import among_outcome
from align3d_cli.evaluation.arms import BRANCHES, THEIRS, Arm
from align3d_cli.evaluation.baselines import curvature, top_mean
from align3d_cli.evaluation.known import Known, word_of
from align3d_cli.evaluation.looks import Looks, given_of
from align3d_cli.evaluation.rungs import Rungs, parts_of
from align3d_cli.evaluation.scan_lines import line_key, scan_digest, scored_line
from align3d_cli.evaluation.task import GoodParts, MethodScores, ScanOutcome, ScanSettings, Scored, Task
from align3d_cli.model.bundle import Bundle, load_bundle
from align3d_cli.model.inspector import Inspector


class Scorer:
    """Holds the models of the arms it has met and what it knows of the category at hand; lives in one process."""

    def __init__(self, settings: ScanSettings) -> None:
        self.settings = settings
        self.known = Known(settings.background)
        self._inspectors: dict[str, Inspector] = {}

    @torch.inference_mode()
    def run(self, task: Task) -> ScanOutcome:
        """Score a task; a scan that cannot be scored is an outcome, not an error."""
        self.known.enter(task.sample.category, task.seed)
        try:
            if task.others:
                return among_outcome(task, self._inspector_of(task.arms[0]), self.known, self.settings)
            return ScanOutcome(task, tuple(self._scored(task)))
        except Align3DError as error:
            return ScanOutcome(task, failure=str(error))

    def _scored(self, task: Task) -> Iterator[Scored]:
        labelled = task.sample.load()
        given = given_of(task.sample, labelled, task.arms)
        digest = scan_digest(task.sample, labelled, given)
        keys = {arm.name: line_key(digest, arm, self.settings, self._beside(arm, task.good)) for arm in task.arms}
        missing = [arm for arm in task.arms if keys[arm.name] not in task.known]
        if not missing:
            return
        scan = prepare(labelled.cloud, background=self.settings.background)
        looks = Looks(scan, given)
        rungs = self._rungs(task, missing, scan, looks)
        for arm in missing:
            start = time.perf_counter()
            if rungs is not None and arm.of_ladder:
                found = {method: rungs.scores(method, task.good[arm.name]) for method in arm.methods}
            else:
                found = self.methods(arm, scan, looks)
            seconds, key = time.perf_counter() - start, keys[arm.name]
            yield scored_line(task.sample, labelled, scan, arm, found, digest=digest, key=key, seconds=seconds)

    def methods(self, arm: Arm, scan: Prepared, looks: Looks) -> dict[str, MethodScores]:
        """Scores of an arm's methods. looks: of this scan, which arms share."""
        found = {}
        if "curvature" in arm.methods:
            points = curvature(scan.xyz)
            found["curvature"] = MethodScores(points, top_mean(points))
        if arm.model is None:
            return found
        inspector = self._inspector_of(arm)
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

    def _rungs(self, task: Task, missing: Sequence[Arm], scan: Prepared, looks: Looks) -> Rungs | None:
        """The scan beside what is known; None where no arm asks for that, now or when all of its category are met."""
        asked = [arm for arm in (*missing, task.shared) if arm is not None and arm.of_ladder]
        if not asked:
            return None
        inspector = self._inspector_of(asked[0])  # the ladder stands on one model
        word = word_of(inspector, looks)
        if task.shared is not None:
            self.known.words[task.sample.name] = word
        return Rungs(scan, word, inspector, self.known)

    def _beside(self, arm: Arm, good: Mapping[str, GoodParts]) -> str | None:
        """Hash of what an arm compares a scan with, None where that is nothing."""
        if not arm.of_ladder:
            return None
        return self.known.digest([part for method in arm.methods for part in parts_of(method, good[arm.name])])

    def _inspector_of(self, arm: Arm) -> Inspector:
        if arm.model is None:
            raise ValueError(f"{arm.name}: an arm without a model inspects nothing")
        return self.inspector(arm.sha256 or arm.name, arm.model)

    def inspector(self, key: str, model: Path) -> Inspector:
        """The loaded model of a file. key: of the model; its image tower is held once for all that share it."""
        if key not in self._inspectors:
            bundle = load_bundle(model)
            alike = (held for held in self._inspectors.values() if _same_look(held.bundle, bundle))
            encoder = next((held.encoder for held in alike), None)
            made = Inspector(bundle, self.settings.device, self.settings.views, encoder=encoder)
            if encoder is not None:  # the tower is held once, in the first inspector
                made.bundle = replace(bundle, tensors={k: v for k, v in bundle.tensors.items() if k[:8] != "encoder."})
            self._inspectors[key] = made
        return self._inspectors[key]


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
