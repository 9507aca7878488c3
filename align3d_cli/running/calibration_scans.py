"""The scans that `calibrate` learns from: good parts that are named, and whether they are enough."""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.errors import InputRejected
from align3d_cli.running.inputs import known_scans

LEAST_GOOD = 5  # good scans; above the highest of five lie 17 % of good parts on average, and 52 % may
GIVEN = "good parts"  # category of scans that are named, and what messages call them


def named_scans(good: Sequence[str | Path]) -> list[Sample]:
    """Scans of good parts and those below folders, as samples of one category. Raises as `known_scans` does."""
    names = known_scans([str(name) for name in good])
    return [Sample(name, GIVEN, "test", "good", partial(_read, name), point_labels=False) for name in names]


def _read(name: str) -> LabelledCloud:
    from numpy import zeros

    from align3d_cli.io.read import read_scan

    cloud = read_scan(name)
    return LabelledCloud(cloud, zeros(len(cloud), bool))


def refuse_twin(name: str, sha256: str | None, seen: dict[str | None, str]) -> None:
    """Raise InputRejected for a file that was seen before, which would count for two parts; else enter it in `seen`."""
    if sha256 in seen:
        twin = "named twice" if seen[sha256] == name else f"the same scan as {seen[sha256]}"
        raise InputRejected(f"{name}: is {twin}; name every good part once")
    seen[sha256] = name


def check_enough(samples: Sequence[Sample], name: object, false_alarm_rate: float) -> tuple[str, ...]:
    """Raise InputRejected for too few good scans; a note when they cannot show a rate as small as that."""
    good = sum(not sample.anomalous for sample in samples)
    if good < LEAST_GOOD:
        step = "name more" if name == GIVEN else "put more into good/"
        raise InputRejected(f"{name}: {good} good scans in it, at least {LEAST_GOOD} are needed; {step}")
    if 0 < false_alarm_rate * (good + 1) < 1 - 1e-9:
        needed = math.ceil(1 / false_alarm_rate - 1e-9) - 1
        finding = f"{good} good scans cannot show a false-alarm rate of {false_alarm_rate:g}, {needed} can"
        return (f"{finding}; the limit lies above them all, as if their scores were spread normally",)
    return ()
