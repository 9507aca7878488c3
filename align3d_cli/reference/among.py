"""The parts of a folder as each other's references: nobody says which of them are good, only that most are alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from align3d_cli.model.beside import Joined
from align3d_cli.model.calibration import Calibration
from align3d_cli.reference.good import LARGEST_RATIO, laid_out
from align3d_cli.reference.join import logits, object_logit
from align3d_cli.reference.limits import robust_limit_of
from align3d_cli.reference.references import References, Told, calibration_of
from align3d_cli.reference.seen import diagonal, see
from align3d_cli.reference.usual import measured

FEWEST = 4  # parts: of three, one defective part is as much as a third of what is known


def among(told: Sequence[Told], own: Calibration, *, false_alarm_rate: float = 0.05) -> list[Joined]:
    """Every part's own scores joined with what the others say of it, in their order.

    told: FEWEST at least, in any order, a minority of them defective
    own:  calibration of the model beneath, for parts of another size than most
    """
    sizes = np.array([diagonal(one.scan.xyz) for one in told])
    size = float(np.median(sizes))
    alike = (sizes / size < LARGEST_RATIO) & (sizes / size > 1 / LARGEST_RATIO)
    chosen = [one for one, is_alike in zip(told, alike, strict=True) if is_alike]
    known = measured(laid_out([(one.name, one.sha256, see(one.scan, one.points, one.raw, size)) for one in chosen]))
    found = [logits(e, p.seen, size, len(chosen))[0] for e, p in zip(known.evidence, known.parts, strict=True)]
    limit = robust_limit_of(np.array([object_logit(logit) for logit in found]), false_alarm_rate)
    calibration = calibration_of(limit, false_alarm_rate, np.concatenate(found))
    all_of_them = References(known.parts, size, calibration, own, _facts(told, false_alarm_rate))
    evidence = iter(zip(known.parts, known.evidence, strict=True))
    joined = []
    for one, is_alike, its_size in zip(told, alike, sizes, strict=True):
        if is_alike:
            part, of_it = next(evidence)
            joined.append(all_of_them.joined(part.seen, of_it))
        else:
            joined.append(
                all_of_them.alone(one.points, one.raw, f"it is {its_size / size:.3g} times as large as they are")
            )
    return joined


def _facts(told: Sequence[Told], false_alarm_rate: float) -> dict[str, Any]:
    return {
        "kind": "among",
        "parts": [one.name for one in told],
        "laid_parts": None,
        "false_alarm_rate": false_alarm_rate,
        "alarms": None,
        "interval": None,
    }
