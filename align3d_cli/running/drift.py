"""Whether the parts of a call are still like the good ones that their model was calibrated on or taught."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from align3d_cli.errors import EnvironmentMissing, WeightsRejected
from align3d_cli.helpers.manifest import safetensors_metadata
from align3d_cli.helpers.settings import SettingsError
from align3d_cli.metrics.shift import Shift, least_p, shift_of
from align3d_cli.model.find import METADATA_KEY, ONNX_SUFFIX, find_model
from align3d_cli.model.traits import LEAST_PARTS, Traits, from_json, traits_of_result
from align3d_cli.running.batch import Outcome

CHANCE = 0.01  # of a warning by chance, all quantities and both sides together: one batch in a hundred
ASIDE = 0.2  # of the parts that may be of another kind at least; more where more are called defective
OF_SCORES, OF_SCANS = ("score", "level"), ("points", "spacing", "size")
LEAST_CHANGE = 0.02  # of a quantity of scans: less moves no score that can be told from noise
WATCHED = 20  # parts of a watch that are compared at once: four a side of the middle fifth, and soon enough


@dataclass(frozen=True, slots=True)
class Known:
    """What a model keeps of its good parts. taught: it compares scans with them, so their own scans look too good"""

    traits: tuple[Traits, ...] = ()
    taught: bool = False


def known_in(model: str | Path) -> Known:
    """What a model's file says of its good parts, read without its tensors; nothing of a file that cannot be read, of
    which scoring says what is wrong."""
    try:
        record = json.loads(_metadata(find_model(model)).get(METADATA_KEY, "{}")).get("record", {})
        taught = "teach" in record
        return Known(from_json(record.get("teach" if taught else "calibrate", {}).get("traits")), taught)
    except (EnvironmentMissing, WeightsRejected, SettingsError, OSError, ValueError, AttributeError):
        return Known()


def _metadata(path: Path) -> dict[str, str]:
    """The words in a model's file. Raises WeightsRejected or SettingsError for no such file."""
    if path.suffix != ONNX_SUFFIX:
        return safetensors_metadata(path)
    from align3d_cli.model import onnx_file

    return onnx_file.read(path)[0]


def with_drift(
    found_ones: Iterable[Outcome],
    known: Known,
    ends: Callable[[Sequence[Outcome]], bool],
    scored_alike: bool = True,
) -> Iterator[Outcome]:
    """The outcomes of a call; the last of every batch says in `drift` whether its parts are like the good ones.

    ends: whether a batch ends with the last of these outcomes; scored_alike: see `drift_of`
    """
    if not known.traits:
        yield from found_ones
        return
    batch: list[Outcome] = []
    for found in found_ones:
        batch.append(found)
        if ends(batch):
            drift = drift_of(known, traits_now(batch, known), defective_in(batch), scored_alike)
            found = found if drift is None else replace(found, result=found.result | {"drift": drift})
            batch = []
        yield found


def traits_now(batch: Sequence[Outcome], known: Known) -> list[Traits]:
    """What parts are like that can be compared: scored as the good ones were, and none of these themselves."""
    from align3d_cli.reference.references import ITSELF

    results = [(found.result, found.level) for found in batch if found.failure is None]
    return [
        traits_of_result(result, level)
        for result, level in results
        if (result["references"] is not None) == known.taught and ITSELF not in result["notes"]
    ]


def defective_in(batch: Sequence[Outcome]) -> int:
    """How many parts are called defective."""
    return sum(found.failure is None and found.result["verdict"] == "defective" for found in batch)


def drift_of(
    known: Known, now: Sequence[Traits], defective: int = 0, scored_alike: bool = True
) -> dict[str, Any] | None:
    """Whether parts are like the good ones, as the field `drift` of a result; None where either are fewer than five.

    defective:    of the parts; as many, a fifth at least and less than half, may be of another kind without a warning
    scored_alike: scores may be compared: the views are those of then
    A quantity has moved when the p of `metrics.shift`, on one side, is at most CHANCE, shared among all that are asked.
    """
    then = known.traits
    if min(len(then), len(now)) < LEAST_PARTS:
        return None
    aside = min(max(math.ceil(ASIDE * len(now)), defective), (len(now) - 1) // 2)
    asked = _quantities(then, now, scored_alike)
    each = CHANCE / (2 * len(asked))
    moved = [
        {"quantity": name, "side": shift.side, "then": shift.then, "now": shift.now, "p": shift.p}
        for name in asked
        if (shift := _shift(name, then, now, aside)).p <= each and _counts(name, shift, known)
    ]
    enough = least_p(len(then), len(now) - aside) <= each
    return {
        "good_parts": len(then),
        "parts": len(now),
        "aside": aside,
        "chance": CHANCE,
        "enough": enough,
        "moved": moved,
    }


def _quantities(then: Sequence[Traits], now: Sequence[Traits], scored_alike: bool) -> list[str]:
    """Those that all parts of both have."""
    names = (*(OF_SCORES if scored_alike else ()), *OF_SCANS)
    return [name for name in names if all(getattr(one, name) is not None for one in (*then, *now))]


def _shift(name: str, then: Sequence[Traits], now: Sequence[Traits], aside: int) -> Shift:
    values_then, values_now = (np.array([getattr(one, name) for one in parts], float) for parts in (then, now))
    return shift_of(values_then, values_now, aside)


def _counts(name: str, shift: Shift, known: Known) -> bool:
    """Whether a shift is worth a word. A taught model finds a part that it knows, scanned anew, better than any other:
    lower scores are no drift."""
    if name in OF_SCANS:
        return abs(shift.now - shift.then) >= LEAST_CHANGE * shift.then
    return not (known.taught and shift.side == "lower")
