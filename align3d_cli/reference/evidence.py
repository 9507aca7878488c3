"""What good parts say of a scan, point by point, before any of it is weighed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from align3d_cli.clouds.sample import hash_order
from align3d_cli.matching.bank import nearest_descriptors
from align3d_cli.matching.deviation import Deviation, deviation
from align3d_cli.matching.poses import moved
from align3d_cli.reference.good import GoodPart, Laid, Place, Usual, lay
from align3d_cli.reference.seen import Seen, sheet

BANK = 3000  # descriptors of a good part that a scan's are compared with; all of them find no more
ALIKE = 5  # nearest descriptors, whose zero-shot score is expected of a point
AROUND = 8  # points at the same place of a good part, whose zero-shot score is expected there
WITHIN = 0.05  # of the size: how far a place may have shifted between parts that differ a little
LOWEST = 0.3  # of the good parts, those that are most alike at a point


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of a scan's S even points; arrays (S,) float.

    zero_shot: the model's own score, [0, 1]
    unlike:    distance of the descriptor to the nearest of a good part, `lowest` over the parts, [0, 2]
    surprise:  zero-shot score less that of the points of good parts with the nearest descriptors, [-1, 1]
    shift:     zero-shot score less that at the same place of the good parts, [-1, 1]; nan where the scan lies on none
    signed:    deviation from the good part that deviates least there, in the file's unit, positive outside; nan where
               it lies on none or none goes on there
    missing:   how far material that is missing reaches from here, in the file's unit; nan where it lies on none
    missing_share: of what the scan should show, [0, 1]; nan likewise
    usual:     what of this is usual there; None before that was measured
    why_apart: why the scan could not be laid onto the good parts, empty where it was
    """

    zero_shot: np.ndarray
    unlike: np.ndarray
    surprise: np.ndarray
    shift: np.ndarray
    signed: np.ndarray
    missing: np.ndarray
    missing_share: float
    usual: Usual | None
    why_apart: str


@dataclass(frozen=True, slots=True)
class _Alike:
    """Distance to the nearest descriptor of one good part, and rows (S, K) of its nearest points."""

    part: GoodPart
    distance: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True, slots=True)
class _There:
    """Rows (S, K) of the points of one good part nearest to each point of the scan, and which of them are near."""

    part: GoodPart
    rows: np.ndarray
    near: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(S,) mean of values (P,) of the part's points over the near ones; 0 where there are none."""
        return np.where(self.near, values[self.rows], 0).sum(axis=1) / np.maximum(self.near.sum(axis=1), 1)


def evidence_of(seen: Seen, parts: Sequence[GoodPart], laid: Laid | None = None) -> Evidence:
    """What good parts, one at least, say of a scan that was seen at their scale.

    laid: where it lies on them, if that is known
    """
    alike = [_alike(seen, part) for part in parts]
    places, why = laid or lay(seen, parts)
    unlike = lowest([one.distance for one in alike])
    surprise = seen.zero_shot - np.median([one.part.seen.zero_shot[one.rows].mean(axis=1) for one in alike], axis=0)
    if not places:
        nothing, usual = np.full(len(unlike), np.nan), _usual_alike(alike)
        return Evidence(seen.zero_shot, unlike, surprise, nothing, nothing, nothing, np.nan, usual, why)
    there = [_there(seen, place) for place in places]
    shift = seen.zero_shot - np.median([one.mean(one.part.seen.zero_shot) for one in there], axis=0)
    own = sheet(seen)
    found = [deviation(own, place.part.sheet, place.part_from_scan, seen.surface.view) for place in places]
    missing = lowest([one.missing for one in found])
    share = min(one.missing_share for one in found)
    return Evidence(seen.zero_shot, unlike, surprise, shift, _least(found), missing, share, _usual_there(there), "")


def _alike(seen: Seen, part: GoodPart) -> _Alike:
    bank = hash_order(part.seen.surface.xyz)[:BANK]
    rows, distance = nearest_descriptors(seen.surface.descriptors, part.seen.surface.descriptors[bank], ALIKE)
    return _Alike(part, distance, bank[rows])


def _there(seen: Seen, place: Place) -> _There:
    from scipy.spatial import cKDTree

    there = place.part.seen.surface
    tree = cKDTree(there.xyz, balanced_tree=False, compact_nodes=False)
    asked = moved(place.part_from_scan, seen.surface.xyz)
    reach = WITHIN * there.size
    distance, rows = tree.query(asked, k=min(AROUND, len(there)), distance_upper_bound=reach, workers=-1)
    near = np.isfinite(distance)
    return _There(place.part, np.where(near, rows, 0), near)


def lowest(values: Sequence[np.ndarray]) -> np.ndarray:
    """(S,) mean of the LOWEST share of values (S,) over the good parts: one of them alike is enough, and where some may
    be defective themselves, one of them is not."""
    stack = np.sort(np.stack(values), axis=0)
    return stack[: max(1, round(LOWEST * len(stack)))].mean(axis=0)


def _least(found: Sequence[Deviation]) -> np.ndarray:
    """(S,) the signed deviations nearest to 0, as `lowest` takes them; nan where every good part has ended."""
    signed = np.stack([one.signed for one in found])
    order = np.argsort(np.where(np.isnan(signed), np.inf, np.abs(signed)), axis=0)[
        : max(1, round(LOWEST * len(signed)))
    ]
    chosen = np.take_along_axis(signed, order, axis=0)
    there = ~np.isnan(chosen)
    total = np.where(there, chosen, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.where(there.any(axis=0), total, np.nan)


def _usual_alike(alike: Sequence[_Alike]) -> Usual | None:
    """What is usual on the points with the nearest descriptors, median over the good parts."""
    known = [[v[one.rows].mean(axis=1) for v in one.part.usual.values] for one in alike if one.part.usual is not None]
    return Usual(*np.median(known, axis=0)) if known else None


def _usual_there(there: Sequence[_There]) -> Usual | None:
    """What is usual at the same place, median over the good parts."""
    known = [[one.mean(v) for v in one.part.usual.values] for one in there if one.part.usual is not None]
    return Usual(*np.median(known, axis=0)) if known else None
