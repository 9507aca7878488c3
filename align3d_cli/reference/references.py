"""Good parts ready to judge: `References` joins what they say to what the model says of a scan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from scipy.special import expit, logit

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.errors import InputRejected
from align3d_cli.matching.poses import inverse
from align3d_cli.matching.registration import another_size
from align3d_cli.model.beside import Joined, Twin
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.traits import Traits
from align3d_cli.reference.comparison import compared
from align3d_cli.reference.evidence import Evidence
from align3d_cli.reference.good import COMMON, LARGEST_RATIO, GoodPart, Place, lay
from align3d_cli.reference.join import logits, object_logit, regime, strangeness
from align3d_cli.reference.seen import Seen, diagonal, see
from align3d_cli.reference.usual import as_noisy_as
from align3d_cli.reference.variation import Variation

UNLIKE = 3.0  # times the usual distance of descriptors, over the middle of a scan: another object
STRANGE_NOTE = (
    "it shows other surface than the good parts, another side perhaps: they help to find the spot, the model decides"
)
LEAST = 1e-9  # a threshold nearer to 0 or 1 has no finite logit

ITSELF = "this scan is one of the good parts itself, so it looks better than another would"
FACTS = ("kind", "parts", "laid_parts", "false_alarm_rate", "alarms", "interval", "stands_out")

Kind = Literal["good", "reference", "among"]


@dataclass(frozen=True, slots=True)
class References:
    """Good parts, measured against each other.

    size:        diagonal of the part of middle size, in the file's unit: the scale at which all is compared
    calibration: threshold and colours that the good parts alone set; slope and offset take an object logit to [0, 1]
    own:         calibration of the model beneath, for scans that are unlike the good parts
    facts:       what `teach` reports and results repeat, as JSON: FACTS
    lenient:     a scan that cannot be laid onto a reference is judged by the model alone, as a table wants it
    traits:      what the good parts are like, each scored against the others; of few parts nothing
    variation:   where they differ from each other; None where that is unknown, and of those that were read from a file
    """

    parts: tuple[GoodPart, ...]
    size: float
    calibration: Calibration
    own: Calibration
    facts: dict[str, Any]
    lenient: bool = False
    traits: tuple[Traits, ...] = ()
    variation: Variation | None = None

    @property
    def must_lie(self) -> bool:
        """Whether a scan that cannot be laid onto them is an error, as for a CAD model."""
        return self.facts["kind"] == "reference" and not self.lenient

    def beside(self, scan: Prepared, points: np.ndarray, raw: float, name: str = "the scan") -> Joined:
        """A scan's own scores, (M,) and of the object, joined with what the good parts say of it.

        name: what messages call the scan
        Raises InputRejected where it must lie on them and does not.
        """
        ratio = diagonal(scan.xyz) / self.size
        if self.must_lie:  # before anything is measured at the scale of something else
            self._check_laid(name, another_size(ratio))
        elif not 1 / LARGEST_RATIO <= ratio <= LARGEST_RATIO:
            return self.alone(points, raw, f"it is {ratio:.3g} times as large as they are")
        seen = see(scan, points, raw, self.size)
        one = self.facts["kind"] == "reference"
        comparison = compared(seen, self.parts, partial(lay, seen, self.parts, 0.0 if one else COMMON))
        found = comparison.with_usual(self.parts)
        if self.must_lie:
            self._check_laid(name, found.why_apart)
        found = as_noisy_as(found) if one else found
        times = strangeness(found)
        if times > UNLIKE and found.why_apart:
            return self.alone(
                points, raw, f"its surface is {times:.2g} times as unlike theirs as theirs among each other"
            )
        joined = replace(self.joined(seen, found), twin=self._twin(comparison.places))
        itself = any(np.array_equal(part.seen.surface.xyz, seen.surface.xyz) for part in self.parts)
        return replace(joined, notes=(*joined.notes, ITSELF)) if itself else joined

    def _check_laid(self, name: str, why_apart: str) -> None:
        if why_apart:
            finding = f"cannot be laid onto {self.parts[0].name}: {why_apart}"
            raise InputRejected(f"{name}: {finding}; check part, side and unit")

    def joined(self, seen: Seen, found: Evidence) -> Joined:
        """Evidence of a scan as its scores."""
        of_points, spoke = logits(found, seen, self.size, len(self.parts))
        strange = regime(found) == "strange"
        top, laid = (seen.raw if strange else object_logit(of_points)), not found.why_apart
        account = self.facts | {"spoke": spoke, "laid": laid, "why_apart": found.why_apart or None}
        account["missing_share"] = round(found.missing_share, 4) if laid else None
        return Joined(
            points=expit(of_points)[seen.row],
            score=float((self._own_at_half() if strange else self.calibration).score(top)),
            raw=top,
            calibration=self.calibration,
            account=account,
            deviation=found.signed[seen.row] if laid else None,
            notes=(STRANGE_NOTE,) if strange else (),
        )

    def _twin(self, places: Sequence[Place]) -> Twin:
        """The first good part that the scan lies on, or the first of all."""
        part = self.parts[places[0].number if places else 0]
        upon = inverse(places[0].part_from_scan) if places else None
        return Twin(part.name, part.seen.surface.xyz, upon)

    def _own_at_half(self) -> Calibration:
        """The model's own score scale, its threshold moved to that of the good parts, 0.5."""
        limit = self.own.threshold
        if limit is None:
            return self.own
        moved = self.own.offset - float(logit(np.clip(limit, LEAST, 1 - LEAST)))
        return replace(self.own, offset=moved, threshold=0.5)

    def alone(self, points: np.ndarray, raw: float, why: str) -> Joined:
        """The model's own word where the good parts are of something else."""
        spoke = {"zero-shot": 1.0}
        account = self.facts | {"spoke": spoke, "laid": False, "why_apart": why, "missing_share": None}
        note = f"the good parts are unlike this scan ({why}), so the model alone speaks; name good parts of its kind"
        own = self._own_at_half()
        return Joined(points, float(own.score(raw)), raw, own, account, notes=(note,))
