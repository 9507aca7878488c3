"""The parts of a folder as each other's references: nobody says which of them are good, only that most are alike."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.errors import InputRejected
from align3d_cli.model.beside import Beside, Joined
from align3d_cli.model.calibration import Calibration
from align3d_cli.reference.good import LARGEST_RATIO, laid_out
from align3d_cli.reference.join import logits, object_logit
from align3d_cli.reference.learning import Told, calibration_of
from align3d_cli.reference.limits import robust_limit_of
from align3d_cli.reference.order import Surveyed, own_order, refuse_copies
from align3d_cli.reference.references import References
from align3d_cli.reference.seen import Seen, even_rows, see
from align3d_cli.reference.usual import measured

FEWEST = 4  # parts: of three, one defective part is as much as a third of what is known


def among(
    scans: Sequence[Surveyed],
    tell: Callable[[int], Told | None],
    own: Calibration,
    *,
    false_alarm_rate: float = 0.05,
) -> list[Beside | None]:
    """What the others say of every part, in their order, to be joined to its own scores once its points are at hand.

    scans: FEWEST at least, a minority of them defective; their order changes nothing
    tell:  gives a part by its row here, once for each that is about as large as most; None for one that failed after
           all, which is left out. No more than one is held at a time, whatever their number
    own:   calibration of the model beneath, for parts of another size than most
    Raises InputRejected where fewer than FEWEST are about as large as most, and for a scan that is there twice.
    """
    refuse_copies(scans)
    sizes = np.array([scan.size for scan in scans])
    size = float(np.median(sizes))
    seen = {row: see_one for row in _alike(scans, sizes / size) if (see_one := _seen(tell(row), size)) is not None}
    _check_enough(len(seen), len(scans))
    known = measured(laid_out([(scans[row].name, None, one) for row, one in seen.items()]))
    found = [logits(e, p.seen, size, len(seen))[0] for e, p in zip(known.evidence, known.parts, strict=True)]
    limit = robust_limit_of(np.array([object_logit(logit) for logit in found]), false_alarm_rate)
    calibration = calibration_of(limit, false_alarm_rate)
    all_of_them = References(known.parts, size, calibration, own, _facts(scans, false_alarm_rate))
    even = [all_of_them.joined(p.seen, e) for p, e in zip(known.parts, known.evidence, strict=True)]
    bare = replace(all_of_them, parts=())  # what waits for its points holds no descriptors
    beside: dict[int, Beside] = {row: partial(_spread, joined, size) for row, joined in zip(seen, even, strict=True)}
    for row in np.flatnonzero(~_near(sizes / size)).tolist():
        beside[row] = partial(_alone, bare, f"it is {sizes[row] / size:.3g} times as large as they are")
    return [beside.get(row) for row in range(len(scans))]


def _seen(told: Told | None, size: float) -> Seen | None:
    """A part at its even points alone: of those it was made of nothing is kept."""
    if told is None:
        return None
    seen = see(told.scan, told.points, told.raw, size)
    return replace(seen, row=np.arange(len(seen.surface)))


def _spread(even: Joined, size: float, scan: Prepared, *_: Any) -> Joined:
    """What was joined at a scan's even points, on all of them."""
    row = even_rows(scan, size)
    deviation = None if even.deviation is None else even.deviation[row]
    return replace(even, points=even.points[row], deviation=deviation)


def _alone(known: References, why: str, scan: Prepared, points: np.ndarray, raw: float) -> Joined:
    return known.alone(points, raw, why)


def _near(ratios: np.ndarray) -> np.ndarray:
    """(T,) bool: the parts that are about as large as most. ratios: (T,) of sizes to the middle one"""
    return (ratios < LARGEST_RATIO) & (ratios > 1 / LARGEST_RATIO)


def _alike(scans: Sequence[Surveyed], ratios: np.ndarray) -> list[int]:
    """Rows of the parts that are about as large as most, in their own order."""
    rows = np.flatnonzero(_near(ratios)).tolist()
    _check_enough(len(rows), len(scans))
    return [rows[place] for place in own_order([scans[row] for row in rows])]


def _check_enough(n: int, of: int) -> None:
    if n < FEWEST:
        finding = f"{n} of {of} parts are about as large as most, at least {FEWEST} are needed"
        raise InputRejected(f"--among: {finding}; name more parts of one kind, or good ones with --good")


def _facts(scans: Sequence[Surveyed], false_alarm_rate: float) -> dict[str, Any]:
    return {
        "kind": "among",
        "parts": [scan.name for scan in scans],
        "laid_parts": None,
        "false_alarm_rate": false_alarm_rate,
        "alarms": None,
        "interval": None,
        "stands_out": [],
    }
