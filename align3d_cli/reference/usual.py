"""What is usual on good parts: each of them measured against the others, a lone one against a half of itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.clouds.sample import position_hash
from align3d_cli.reference.comparison import compared
from align3d_cli.reference.evidence import Evidence
from align3d_cli.reference.good import GoodPart, Place, Usual, good_part, lay_known
from align3d_cli.reference.seen import CELL, Seen, seen_from

AROUND = 20  # even points that what is usual is the mean of: single ones are noise
OTHERS = 12  # good parts that one is measured against: more tell little more, and cost as much each


@dataclass(frozen=True, slots=True)
class Measured:
    """Good parts with what is usual on them, and the evidence that good parts give against themselves, one each.

    apart: (S,) how far they lie apart at the points of the first, see `Comparison`; None of a lone one
    """

    parts: tuple[GoodPart, ...]
    evidence: tuple[Evidence, ...]
    apart: np.ndarray | None = None


def measured(parts: Sequence[GoodPart], halves: tuple[Seen, Seen] | None = None) -> Measured:
    """Measure what is usual on each good part.

    halves: of a lone part, see `halves_of`; several parts are measured against each other
    """
    if len(parts) == 1:
        if halves is None:
            raise ValueError("a lone good part is measured against a half of itself")
        return _alone(parts[0], halves)
    found = [compared(part.seen, beside, partial(lay_known, part, beside)) for part, beside in _each_with_others(parts)]
    known = [replace(part, usual=usual_of(part.seen, one.evidence)) for part, one in zip(parts, found, strict=True)]
    again = zip(found, _each_with_others(known), strict=True)
    return Measured(tuple(known), tuple(one.with_usual(beside) for one, (_, beside) in again), found[0].apart)


def _each_with_others(parts: Sequence[GoodPart]) -> list[tuple[GoodPart, list[GoodPart]]]:
    return [(part, _some([*parts[number + 1 :], *parts[:number]])) for number, part in enumerate(parts)]


def _some(parts: Sequence[GoodPart]) -> list[GoodPart]:
    """At most OTHERS of the parts, spread over them."""
    rows = np.unique(np.linspace(0, len(parts) - 1, min(OTHERS, len(parts))).round().astype(int))
    return [parts[row] for row in rows]


def _alone(part: GoodPart, halves: tuple[Seen, Seen]) -> Measured:
    """A lone good part by two halves of its points, one measured against the other: they differ by noise alone."""
    other = good_part(part.name, part.sha256, halves[1], np.eye(4), part.triangles)
    found = compared(halves[0], [other], lambda: ([Place(0, np.eye(4))], ""))
    usual = _carried(usual_of(halves[0], found.evidence), halves[0], part.seen)
    again = replace(other, usual=_carried(usual, part.seen, halves[1]))
    return Measured((replace(part, usual=usual),), (found.with_usual((again,)),))


def _carried(usual: Usual, here: Seen, there: Seen) -> Usual:
    """What is usual at even points, at the nearest ones of another sampling of the same scan."""
    from scipy.spatial import cKDTree

    nearest = cKDTree(here.surface.xyz).query(there.surface.xyz)[1]
    return Usual(*(values[nearest] for values in usual.values))


def halves_of(scan: Prepared, points: np.ndarray, whole: Seen) -> tuple[Seen, Seen]:
    """Two halves of a scan's points, drawn by their places.

    points: (M,) point scores of the model; whole: the scan as it was seen, at whose scale the halves are
    """
    drawn = (position_hash(scan.xyz) & np.uint64(1)).astype(bool)
    size, view = whole.surface.spacing / CELL, whole.surface.view
    towards = None if view is None else -view.direction
    one, other = (seen_from(scan.xyz[h], points[h], whole.raw, size, towards) for h in (drawn, ~drawn))
    return one, other


def usual_of(seen: Seen, found: Evidence) -> Usual:
    """Evidence of a good part as what is usual on it: without sign, the mean over the points around."""
    from scipy.spatial import cKDTree

    around = cKDTree(seen.surface.xyz).query(seen.surface.xyz, k=min(AROUND, len(seen.surface)))[1]
    deviation = np.abs(found.signed)
    shift = np.abs(found.surprise if found.why_apart else found.shift)
    known = (found.unlike, shift, np.nan_to_num(deviation, nan=seen.surface.spacing))
    return Usual(*(values[around].mean(axis=1).astype(np.float32) for values in known))


def as_noisy_as(found: Evidence) -> Evidence:
    """Evidence beside a reference that may have no noise, as a CAD model: what is usual there is raised, everywhere by
    the same factor, until it is usual in the middle of this scan too."""
    if found.usual is None or np.isnan(found.signed).all():
        return found
    pairs = ((found.usual.unlike, found.unlike), (found.usual.deviation, np.abs(found.signed)))
    unlike, deviation = (usual * max(_ratio(of_scan, usual), 1.0) for usual, of_scan in pairs)
    return replace(found, usual=Usual(unlike, found.usual.shift, deviation))


def _ratio(of_scan: np.ndarray, usual: np.ndarray) -> float:
    middle = float(np.median(usual))
    return float(np.nanmedian(of_scan)) / middle if middle > 0 else 1.0
