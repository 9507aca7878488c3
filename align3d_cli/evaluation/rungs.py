"""One scan on the rungs of the ladder: what each method that knows something beside it makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from align3d_cli.clouds.labelled import Sample
from align3d_cli.clouds.prepare import Prepared
from align3d_cli.evaluation.known import Known, Word
from align3d_cli.evaluation.ladder import n_parts, saw_of
from align3d_cli.evaluation.task import GoodParts, MethodScores, Spoke
from align3d_cli.model.beside import Joined
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.inspector import Inspector
from align3d_cli.model.scoring import mean_of_highest
from align3d_cli.reference.comparison import evidence_of
from align3d_cli.reference.join import ENDS, TOP_SHARE
from align3d_cli.reference.references import Kind, References
from align3d_cli.reference.seen import see


@dataclass(slots=True)
class Rungs:
    """A prepared scan beside good parts; what several methods need of it is made once.

    word: the model's own
    """

    scan: Prepared
    word: Word
    inspector: Inspector
    known: Known
    joined: dict[int, Joined] = field(default_factory=dict, repr=False)  # by the References that were joined in

    def scores(self, method: str, good: GoodParts) -> MethodScores:
        """What a method finds. Raises InputRejected for a good part that cannot be read."""
        cad = good.cad is not None and method == "reference"
        saw = str(saw_of(method, cad))
        kind: Kind = "reference" if cad else "good"
        references = self.known.references(parts_of(method, good), self.inspector, kind)
        if isinstance(references, str):
            return self._alone(saw, references)
        if method == "descriptors":
            return self._descriptors(saw, references)
        joined = self._beside(references)
        if method == "deviation":
            return self._deviation(saw, references, joined)
        if method == "reference" and not joined.account["laid"]:
            return self._alone(saw, joined.account["why_apart"])
        return scores_of(joined, saw, self.word[2])

    def _beside(self, references: References) -> Joined:
        if id(references) not in self.joined:
            self.joined[id(references)] = references.beside(self.scan, *self.word[:2])
        return self.joined[id(references)]

    def _alone(self, saw: str, why: str) -> MethodScores:
        """The model's own word, because of what is the matter with the good parts or with the scan beside them."""
        points, raw, n_unseen = self.word
        own = self.inspector.bundle.calibration
        score = float(own.score(raw))
        return MethodScores(points, score, n_unseen, Spoke(saw, called(score, own), why))

    def _descriptors(self, saw: str, references: References) -> MethodScores:
        seen = see(self.scan, *self.word[:2], references.size)
        found = evidence_of(seen, references.parts, lambda: ([], "descriptors alone"))
        points = found.unlike[seen.row]
        return MethodScores(points, mean_of_highest(points, TOP_SHARE), self.word[2], Spoke(saw))

    def _deviation(self, saw: str, references: References, joined: Joined) -> MethodScores:
        """Of the size of the good part; where that has ended, as much as the join takes it for."""
        if joined.deviation is None:
            nothing, why = np.zeros(len(self.word[0])), joined.account["why_apart"]
            return MethodScores(nothing, 0.0, self.word[2], Spoke(saw, alone=why))
        points = np.nan_to_num(np.abs(joined.deviation) / references.size, nan=ENDS)
        return MethodScores(points, mean_of_highest(points, TOP_SHARE), self.word[2], Spoke(saw))


def parts_of(method: str, good: GoodParts) -> Sequence[Sample]:
    """What a method is shown of what there is."""
    if method == "reference" and good.cad is not None:
        return (good.cad,)
    return good.parts[: n_parts(method)]


def scores_of(joined: Joined, saw: str, n_unseen: int) -> MethodScores:
    """What was joined, as the scores of a method."""
    alone = joined.account["why_apart"] if joined.notes else ""  # notes: that the references were left out
    spoke = Spoke(saw, called(joined.score, joined.calibration), alone)
    return MethodScores(joined.points, joined.score, n_unseen, spoke)


def called(score: float, calibration: Calibration) -> bool | None:
    """Whether a score is above the limit; None where there is none."""
    return None if calibration.threshold is None else score > calibration.threshold
