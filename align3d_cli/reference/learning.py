"""Good parts, as they came, to `References`: compared with each other, so that it is known what is usual on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.errors import InputRejected
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.traits import LEAST_PARTS, Traits, traits_of_scan
from align3d_cli.reference.good import LARGEST_RATIO, GoodPart, good_part, laid_out
from align3d_cli.reference.join import FLOOR_UNLIKE, logits, object_logit
from align3d_cli.reference.limits import LONE_SPREAD, Limit, interval, limit_of, standing_out
from align3d_cli.reference.order import own_order, refuse_copies, surveyed
from align3d_cli.reference.references import Kind, References
from align3d_cli.reference.seen import diagonal, see
from align3d_cli.reference.usual import Measured, halves_of, measured
from align3d_cli.reference.variation import Variation, variation_of

LONE_MISSES = 0.85  # by which another good part's object logit lies above that of a half of the same scan, on average
ODD = 2.5  # times that of the other good parts: it is not one of them
COLOURS = 3.0  # logits from the limit of good parts to the end of the colour scale: twenty times the odds


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
