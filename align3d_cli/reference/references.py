"""Good parts ready to judge: `References` joins what they say to what the model says of a scan."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from align3d_cli.model.traits import LEAST_PARTS, Traits, traits_of_scan
from align3d_cli.reference.comparison import compared
from align3d_cli.reference.evidence import Evidence
from align3d_cli.reference.good import COMMON, LARGEST_RATIO, GoodPart, Place, good_part, laid_out, lay
from align3d_cli.reference.join import FLOOR_UNLIKE, logits, object_logit, regime, strangeness
from align3d_cli.reference.limits import LONE_SPREAD, Limit, interval, limit_of, standing_out
from align3d_cli.reference.order import own_order, refuse_copies, surveyed
from align3d_cli.reference.seen import Seen, diagonal, see
from align3d_cli.reference.usual import Measured, as_noisy_as, halves_of, measured
from align3d_cli.reference.variation import Variation, variation_of

UNLIKE = 3.0  # times the usual distance of descriptors, over the middle of a scan: another object
LONE_MISSES = 0.85  # by which another good part's object logit lies above that of a half of the same scan, on average
ODD = 2.5  # times that of the other good parts: it is not one of them
STRANGE_NOTE = (
    "it shows other surface than the good parts, another side perhaps: they help to find the spot, the model decides"
)
LEAST = 1e-9  # a threshold nearer to 0 or 1 has no finite logit
COLOURS = 3.0  # logits from the limit of good parts to the end of the colour scale: twenty times the odds

ITSELF = "this scan is one of the good parts itself, so it looks better than another would"
FACTS = ("kind", "parts", "laid_parts", "false_alarm_rate", "alarms", "interval", "stands_out")

Kind = Literal["good", "reference", "among"]


@dataclass(frozen=True, slots=True)
class Told:
    """One good part as it came: name and hash of its file, the prepared scan, what the model says of it, and the
    triangles (T, 3, 3) that it was sampled from, of a mesh."""

    name: str
    sha256: str | None
    scan: Prepared
    points: np.ndarray
    raw: float
    triangles: np.ndarray | None = field(default=None, repr=False)


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


def learn(told: Sequence[Told], own: Calibration, *, false_alarm_rate: float = 0.05, kind: Kind = "good") -> References:
    """References from good parts, one at least.

    own:  calibration of the model beneath; false_alarm_rate: of further good parts, which the threshold aims at
    kind: what they are: good parts, or one reference that every scan must be laid onto
    Their order changes nothing. Raises InputRejected for parts that are not alike, naming the odd one, and for a scan
    that is there twice.
    """
    scans = [surveyed(one.name, one.scan.xyz) for one in told]
    refuse_copies(scans)
    told = [told[row] for row in own_order(scans)]
    size = diagonal(told[0].scan.xyz)
    _check_sizes(told, size)
    named = [(one.name, one.sha256, see(one.scan, one.points, one.raw, size)) for one in told]
    halves = halves_of(told[0].scan, told[0].points, named[0][2]) if len(told) == 1 else None
    cad = kind == "reference" and len(told) == 1
    parts = (good_part(*named[0], np.eye(4), told[0].triangles),) if cad else laid_out(named)
    known = measured(parts, halves)
    unlike = np.array([float(np.median(found.unlike)) for found in known.evidence])
    _check_alike(known.parts, unlike)
    seen = [part.seen for part in known.parts] if halves is None else [halves[0]]
    found = [logits(one, at, size, len(told))[0] for one, at in zip(known.evidence, seen, strict=True)]
    lone = 0.0 if halves is None else LONE_MISSES
    raw = np.array([object_logit(of_points) for of_points in found]) + lone
    limit = limit_of(raw, false_alarm_rate, None if halves is None else LONE_SPREAD)
    rate = None if halves is not None else interval(limit.alarms, limit.n)  # a lone part shows none
    facts = {
        "kind": kind,
        "parts": [one.name for one in scans],
        "laid_parts": sum(part.first_from_part is not None for part in known.parts),
        "false_alarm_rate": false_alarm_rate,
        "alarms": None if rate is None else limit.alarms,
        "interval": None if rate is None else [round(end, 4) for end in rate],
        "stands_out": [told[row].name for row in standing_out(raw, false_alarm_rate)],
    }
    calibration = calibration_of(limit, false_alarm_rate)
    enough = kind == "good" and len(told) >= LEAST_PARTS
    traits = _traits(told, found, calibration) if enough else ()
    variation = _variation(told[0], known)
    return References(known.parts, size, calibration, own, facts, traits=traits, variation=variation)


def _traits(told: Sequence[Told], found: Sequence[np.ndarray], calibration: Calibration) -> tuple[Traits, ...]:
    """What good parts are like. found: of each the logits (S,) of its even points, by the others alone

    Their level is left out: with one part more to compare with, that of further parts is another.
    """
    scores = [float(calibration.score(object_logit(of_points))) for of_points in found]
    return tuple(traits_of_scan(one.scan, score) for one, score in zip(told, scores, strict=True))


def _variation(first: Told, known: Measured) -> Variation | None:
    if known.apart is None:
        return None
    return variation_of(first.name, first.scan.report["unit"], first.scan.xyz, known.parts[0].seen, known.apart)


def calibration_of(limit: Limit, false_alarm_rate: float) -> Calibration:
    """The limit of good parts at an object score of 0.5, one spread above it at 0.73; colours begin at it."""
    return Calibration(
        slope=1 / limit.spread,
        offset=-limit.value / limit.spread,
        threshold=0.5,
        false_alarm_rate=false_alarm_rate,
        colour_low=float(expit(limit.value)),
        colour_high=float(max(expit(limit.value + COLOURS), expit(limit.value) + 1e-3)),
    )


def _check_sizes(told: Sequence[Told], size: float) -> None:
    """Raise InputRejected for a good part of another size than the first, naming it."""
    for one in told[1:]:
        ratio = diagonal(one.scan.xyz) / size
        if not 1 / LARGEST_RATIO <= ratio <= LARGEST_RATIO:
            text = f"{one.name}: {ratio:.3g} times the size of {told[0].name}; name good parts of one kind and unit"
            raise InputRejected(text)


def _check_alike(parts: Sequence[GoodPart], unlike: np.ndarray) -> None:
    """Raise InputRejected for a good part that is far more unlike the others than these are among each other."""
    if len(parts) < 3:
        return
    worst = int(np.argmax(unlike))
    times = unlike[worst] / max(float(np.median(np.delete(unlike, worst))), FLOOR_UNLIKE)
    if times > ODD:
        finding = f"{times:.2g} times as unlike the other good parts as these are among each other"
        raise InputRejected(f"{parts[worst].name}: {finding}; leave it out, or teach its kind apart")
