"""What a process of a benchmark knows of the category at hand: its good parts, told and learned once.

All of it is dropped when another category comes; every process learns a category that it meets itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from align3d_cli.clouds.labelled import Sample
from align3d_cli.clouds.prepare import prepare
from align3d_cli.clouds.settings import Background
from align3d_cli.errors import InputRejected
from align3d_cli.evaluation.ladder import FALSE_ALARM_RATE
from align3d_cli.evaluation.looks import Looks
from align3d_cli.evaluation.scan_lines import scan_digest
from align3d_cli.helpers.digest import digest_of_settings
from align3d_cli.model.inspector import Inspector
from align3d_cli.reference.learning import Told, learn
from align3d_cli.reference.references import Kind, References

Word = tuple[np.ndarray, float, int]  # the model's own: point scores (M,), raw object score, points that no view saw


def word_of(inspector: Inspector, looks: Looks) -> Word:
    """What the whole model says of a scan."""
    look = looks.of(inspector)
    branches, n_unseen = inspector.branches(look)
    return *inspector.scores(look, branches), n_unseen


@dataclass(slots=True)
class Known:
    """Of one category. background: of `prepare`, for good parts

    digests: by name of the scan; words: the model's own on scans that are met again, likewise
    told:    good parts likewise; learned: References by kind and names of the parts, or why there are none
    """

    background: Background
    category: tuple[str, int | None] | None = None
    digests: dict[str, str] = field(default_factory=dict)
    words: dict[str, Word] = field(default_factory=dict, repr=False)
    told: dict[str, Told] = field(default_factory=dict, repr=False)
    learned: dict[tuple[str, ...], References | str] = field(default_factory=dict, repr=False)

    def enter(self, category: str, seed: int | None) -> None:
        """Forget all that was known of another category. seed: of its scans, where these are generated"""
        if (category, seed) != self.category:
            self.category = category, seed
            for kept in (self.digests, self.words, self.told, self.learned):
                kept.clear()

    def digest(self, samples: Sequence[Sample]) -> str:
        """Hash of scans, in their order. Raises InputRejected where one cannot be read."""
        for sample in samples:
            if sample.name not in self.digests:
                self.digests[sample.name] = scan_digest(sample, sample.load())
        return digest_of_settings([self.digests[sample.name] for sample in samples])

    def tell(self, sample: Sample, inspector: Inspector) -> tuple[Told, int]:
        """A scan as it is learned from, and how many of its points no view saw. The model's word is that of before
        where the scan was met before. Raises InputRejected where it cannot be read.
        """
        cloud = sample.load().cloud
        scan = prepare(cloud, background=self.background)
        word = self.words.get(sample.name) or word_of(inspector, Looks(scan))
        triangles = None if cloud.mesh is None else cloud.mesh.triangles
        return Told(sample.name, cloud.sha256, scan, word[0], word[1], triangles), word[2]

    def references(self, samples: Sequence[Sample], inspector: Inspector, kind: Kind = "good") -> References | str:
        """What was learned of good parts, or why they cannot be learned. A scan need not lie on them: it has its row
        in a table either way. Raises InputRejected where one cannot be read.
        """
        key = (kind, *(sample.name for sample in samples))
        if key not in self.learned:
            told = [self._told(sample, inspector) for sample in samples]
            self.learned[key] = _learned(told, inspector, kind)
        return self.learned[key]

    def _told(self, sample: Sample, inspector: Inspector) -> Told:
        if sample.name not in self.told:
            self.told[sample.name] = self.tell(sample, inspector)[0]
        return self.told[sample.name]


def _learned(told: Sequence[Told], inspector: Inspector, kind: Kind) -> References | str:
    own = inspector.bundle.calibration
    try:
        return replace(learn(told, own, false_alarm_rate=FALSE_ALARM_RATE, kind=kind), lenient=True)
    except InputRejected as error:  # parts that are unlike each other: the table counts what that costs
        return str(error)
