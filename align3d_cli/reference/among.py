"""The parts of a folder as each other's references: nobody says which of them are good, only that most are alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from align3d_cli.errors import InputRejected
from align3d_cli.model.beside import Joined
from align3d_cli.model.calibration import Calibration
from align3d_cli.reference.good import LARGEST_RATIO, laid_out
from align3d_cli.reference.join import logits, object_logit
from align3d_cli.reference.limits import robust_limit_of
from align3d_cli.reference.order import own_order, refuse_copies
from align3d_cli.reference.references import References, Told, calibration_of
from align3d_cli.reference.seen import diagonal, see
from align3d_cli.reference.usual import measured

FEWEST = 4  # parts: of three, one defective part is as much as a third of what is known


def among(told: Sequence[Told], own: Calibration, *, false_alarm_rate: float = 0.05) -> list[Joined]:
    """Every part's own scores joined with what the others say of it, in their order.

    told: FEWEST at least, a minority of them defective; their order changes nothing
    own:  calibration of the model beneath, for parts of another size than most
    Raises InputRejected where fewer than FEWEST are about as large as most, and for a scan that is there twice.
    """
    refuse_copies([one.name for one in told], [one.scan.xyz for one in told])
    sizes = np.array([diagonal(one.scan.xyz) for one in told])
    size = float(np.median(sizes))
    rows = _alike(told, sizes / size)
    chosen = [told[row] for row in rows]
    known = measured(laid_out([(one.name, one.sha256, see(one.scan, one.points, one.raw, size)) for one in chosen]))
    found = [logits(e, p.seen, size, len(chosen))[0] for e, p in zip(known.evidence, known.parts, strict=True)]
    limit = robust_limit_of(np.array([object_logit(logit) for logit in found]), false_alarm_rate)
    calibration = calibration_of(limit, false_alarm_rate)
    all_of_them = References(known.parts, size, calibration, own, _facts(told, false_alarm_rate))
    joined = {row: all_of_them.joined(p.seen, e) for row, p, e in zip(rows, known.parts, known.evidence, strict=True)}
    for row in set(range(len(told))) - joined.keys():
        why = f"it is {sizes[row] / size:.3g} times as large as they are"
        joined[row] = all_of_them.alone(told[row].points, told[row].raw, why)
    return [joined[row] for row in range(len(told))]


def _alike(told: Sequence[Told], ratios: np.ndarray) -> list[int]:
    """Rows of the parts that are about as large as most, in their own order. ratios: (T,) of sizes to the middle one"""
    rows = np.flatnonzero((ratios < LARGEST_RATIO) & (ratios > 1 / LARGEST_RATIO)).tolist()
    if len(rows) < FEWEST:
        finding = f"{len(rows)} of {len(told)} parts are about as large as most, at least {FEWEST} are needed"
        raise InputRejected(f"--among: {finding}; name more parts of one kind, or good ones with --good")
    return [rows[place] for place in own_order([told[row].scan.xyz for row in rows])]


def _facts(told: Sequence[Told], false_alarm_rate: float) -> dict[str, Any]:
    return {
        "kind": "among",
        "parts": [one.name for one in told],
        "laid_parts": None,
        "false_alarm_rate": false_alarm_rate,
        "alarms": None,
        "interval": None,
        "stands_out": [],
    }
