"""A scan compared with good parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from align3d_cli.helpers.threads import each
from align3d_cli.matching.bank import nearest_descriptors
from align3d_cli.matching.deviation import Deviation, deviation
from align3d_cli.matching.poses import moved
from align3d_cli.matching.sheet import Sheet
from align3d_cli.reference.evidence import Evidence
from align3d_cli.reference.good import GoodPart, Laid, Place, Usual, lay
from align3d_cli.reference.seen import Seen, sheet

ALIKE = 5  # nearest descriptors, whose zero-shot score is expected of a point
AROUND = 8  # points at the same place of a good part, whose zero-shot score is expected there
WITHIN = 0.05  # of the size: how far a place may have shifted between parts that differ a little
LOWEST = 0.3  # of the good parts, those that are most alike at a point


@dataclass(frozen=True, slots=True)
class Alike:
    """Rows (S, ALIKE) int32 of the points of one good part whose descriptors are nearest to each point of the scan."""

    rows: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(S,) mean of values (P,) of the part's points."""
        return values[self.rows].mean(axis=1)


@dataclass(frozen=True, slots=True)
class There:
    """Rows (S, AROUND) int32 of the points of one good part nearest to each point of the scan, -1 beyond WITHIN."""

    rows: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(S,) mean of values (P,) of the part's points over the near ones; 0 where there are none."""
        near = self.rows >= 0
        return np.where(near, values[self.rows], 0).sum(axis=1) / np.maximum(near.sum(axis=1), 1)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What good parts say of a scan, and where to look up what is usual on them once that is measured.

    evidence: without what is usual
    apart:    (S,) how far the surfaces of all these parts lie apart here, the scan among them, in the file's unit; nan
              where none of them goes on, or the scan lies on none
    looked_up: by number of the part, those that count where the scan lies on some
    places:   on which parts it lies, and how
    """

    evidence: Evidence
    apart: np.ndarray
    looked_up: dict[int, Alike] | dict[int, There]
    places: Sequence[Place] = ()

    def with_usual(self, parts: Sequence[GoodPart]) -> Evidence:
        """The evidence, with what is usual on the same parts: the median over them; without where none is measured."""
        usual = ((parts[number].usual, at) for number, at in self.looked_up.items())
        known = [[at.mean(values) for values in one.values] for one, at in usual if one is not None]
        return replace(self.evidence, usual=Usual(*np.median(known, axis=0)) if known else None)


def evidence_of(seen: Seen, parts: Sequence[GoodPart], laying: Callable[[], Laid] | None = None) -> Evidence:
    """What good parts say of a scan, what is usual on them included; arguments as for `compared`."""
    return compared(seen, parts, laying).with_usual(parts)


def compared(seen: Seen, parts: Sequence[GoodPart], laying: Callable[[], Laid] | None = None) -> Comparison:
    """Compare a scan with good parts, one at least, at whose scale it was seen.

    laying: says where it lies on them; `lay` by default
    """
    jobs: list[Callable[[], Any]] = [laying or partial(lay, seen, parts), partial(sheet, seen)]
    jobs += [partial(_alike, seen, part) for part in parts]
    (places, why), own, *nearest = each(_done, jobs)
    alike = {number: one for number, (one, _) in enumerate(nearest)}
    unlike = lowest([distance for _, distance in nearest])
    of_parts = [one.mean(parts[number].seen.zero_shot) for number, one in alike.items()]
    surprise = seen.zero_shot - np.median(of_parts, axis=0)
    if not places:
        nothing = np.full(len(unlike), np.nan)
        evidence = Evidence(seen.zero_shot, unlike, surprise, nothing, nothing, nothing, np.nan, None, why)
        return Comparison(evidence, nothing, alike)
    on = each(lambda place: _laid_on(seen, own, parts[place.number], place), places)
    there, deviations = {place.number: at for place, (at, _) in zip(places, on, strict=True)}, [one for _, one in on]
    shift = seen.zero_shot - np.median([at.mean(parts[n].seen.zero_shot) for n, at in there.items()], axis=0)
    missing, share = lowest([one.missing for one in deviations]), min(one.missing_share for one in deviations)
    signed = np.stack([one.signed for one in deviations])
    evidence = Evidence(seen.zero_shot, unlike, surprise, shift, _least(signed), missing, share, None, "")
    return Comparison(evidence, _apart(signed), there, places)


def _done(job: Callable[[], Any]) -> Any:
    return job()


def _alike(seen: Seen, part: GoodPart) -> tuple[Alike, np.ndarray]:
    """And (S,) the distance to the nearest descriptor."""
    rows, distance = nearest_descriptors(seen.surface.descriptors, part.bank, ALIKE)
    return Alike(rows.astype(np.int32)), distance


def _laid_on(seen: Seen, own: Sheet, part: GoodPart, place: Place) -> tuple[There, Deviation]:
    surface = part.seen.surface
    asked = moved(place.part_from_scan, seen.surface.xyz)
    k, reach = min(AROUND, len(surface)), WITHIN * surface.size
    distance, rows = part.tree.query(asked, k=k, distance_upper_bound=reach, workers=-1)
    there = There(np.where(np.isfinite(distance), rows, -1).astype(np.int32))
    return there, deviation(own, part.sheet, place.part_from_scan, seen.surface.view)


def lowest(values: Sequence[np.ndarray]) -> np.ndarray:
    """(S,) mean of the LOWEST share of values (S,) over the good parts: one of them alike is enough, and where some may
    be defective themselves, one of them is not."""
    stack = np.sort(np.stack(values), axis=0)
    return stack[: max(1, round(LOWEST * len(stack)))].mean(axis=0)


def _least(signed: np.ndarray) -> np.ndarray:
    """(S,) of signed deviations (G, S) those nearest to 0, as `lowest` takes them; nan where every part has ended."""
    order = np.argsort(np.where(np.isnan(signed), np.inf, np.abs(signed)), axis=0)
    chosen = np.take_along_axis(signed, order[: max(1, round(LOWEST * len(signed)))], axis=0)
    there = ~np.isnan(chosen)
    total = np.where(there, chosen, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.where(there.any(axis=0), total, np.nan)


def _apart(signed: np.ndarray) -> np.ndarray:
    """(S,) from the lowest of surfaces to the highest, by signed deviations (G, S) of one from the others."""
    high, low = (np.where(np.isnan(signed), 0, signed).clip(*ends) for ends in ((0, None), (None, 0)))
    return np.where(np.isnan(signed).all(axis=0), np.nan, high.max(axis=0) - low.min(axis=0))
