"""What good parts say of a scan, point by point, before any of it is weighed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from align3d_cli.clouds.sample import hash_order
from align3d_cli.matching.deviation import Deviation, deviation
from align3d_cli.matching.poses import moved
from align3d_cli.matching.sheet import Sheet, sheet_of
from align3d_cli.matching.surface import Surface
from align3d_cli.reference.good import GoodPart, Place, places
from align3d_cli.reference.seen import Seen

BANK = 3000  # descriptors of a good part that a scan's are compared with; all of them find no more
ALIKE = 5  # nearest descriptors whose zero-shot score is expected of a point
AROUND = 8  # points at the same place of a good part whose zero-shot score is expected there
WITHIN = 0.05  # of the size: how far a place may have shifted between parts that differ a little
CHUNK = 2048  # descriptors compared at once, 25 MB


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of a scan's S even points; arrays (S,).

    zero_shot: the model's own score, [0, 1]
    unlike:    distance of the descriptor to the nearest of any good part, [0, 2]
    surprise:  zero-shot score less that of the points of good parts with the nearest descriptors, [-1, 1]
    shift:     zero-shot score less that at the same place of the good parts, [-1, 1]; nan where the scan lies on none
    signed:    deviation from the good part that deviates least there, in the file's unit, positive outside; nan where
               it lies on none or none goes on there
    missing:   how far material that is missing reaches from here, in the file's unit; nan where it lies on none
    why_apart: why the scan could not be laid onto the good parts, empty where it was
    """

    zero_shot: np.ndarray
    unlike: np.ndarray
    surprise: np.ndarray
    shift: np.ndarray
    signed: np.ndarray
    missing: np.ndarray
    why_apart: str

    @property
    def laid(self) -> bool:
        """Whether the scan was laid onto the good parts, so that they speak place by place."""
        return not self.why_apart


def evidence_of(seen: Seen, parts: Sequence[GoodPart]) -> Evidence:
    """What good parts, one at least, say of a scan that was seen at their scale."""
    near = [_nearest_descriptors(seen, part) for part in parts]
    laid, why = places(seen, parts)
    zero_shot = seen.zero_shot
    surprise = zero_shot - np.mean([expected for _, expected in near], axis=0)
    unlike = np.min([distance for distance, _ in near], axis=0)
    if not laid:
        nothing = np.full(len(zero_shot), np.nan)
        return Evidence(zero_shot, unlike, surprise, nothing, nothing, nothing, why)
    shift = zero_shot - np.mean([_zero_shot_there(seen, place) for place in laid], axis=0)
    sheet = _sheet(seen.surface)
    found = [
        deviation(sheet, _sheet(place.part.seen.surface), place.part_from_scan, seen.surface.view) for place in laid
    ]
    missing = np.min([one.missing for one in found], axis=0)
    return Evidence(zero_shot, unlike, surprise, shift, _least(found), missing, "")


def _nearest_descriptors(seen: Seen, part: GoodPart) -> tuple[np.ndarray, np.ndarray]:
    """(S,) distance to the nearest descriptor of a good part, and the mean zero-shot score of the nearest few."""
    bank = hash_order(part.seen.surface.xyz)[:BANK]
    known, expected = part.seen.surface.descriptors[bank], part.seen.zero_shot[bank]
    length, k = np.einsum("ij,ij->i", known, known), min(ALIKE, len(bank))
    distances, scores = [], []
    for asked in np.split(seen.surface.descriptors, range(CHUNK, len(seen.surface), CHUNK)):
        squared = length - 2 * (asked @ known.T)  # less the asked one's own length, which changes no order
        nearest = np.argpartition(squared, k - 1, axis=1)[:, :k]
        least = np.take_along_axis(squared, nearest, axis=1).min(axis=1) + np.einsum("ij,ij->i", asked, asked)
        distances.append(np.sqrt(np.maximum(least, 0)))
        scores.append(expected[nearest].mean(axis=1))
    return np.concatenate(distances), np.concatenate(scores)


def _zero_shot_there(seen: Seen, place: Place) -> np.ndarray:
    """(S,) mean zero-shot score of the points of a good part nearest to each point of the scan, 0 where it has none."""
    from scipy.spatial import cKDTree

    there = place.part.seen
    tree = cKDTree(there.surface.xyz, balanced_tree=False, compact_nodes=False)
    reach = WITHIN * there.surface.size
    asked = moved(place.part_from_scan, seen.surface.xyz)
    distance, row = tree.query(asked, k=min(AROUND, len(there.zero_shot)), distance_upper_bound=reach, workers=-1)
    found = np.isfinite(distance)
    return np.where(found, there.zero_shot[np.where(found, row, 0)], 0).sum(axis=1) / np.maximum(found.sum(axis=1), 1)


def _least(found: Sequence[Deviation]) -> np.ndarray:
    """(S,) the signed deviation that is nearest to 0; nan where every good part has ended."""
    signed = np.stack([one.signed for one in found])
    best = np.argmin(np.where(np.isnan(signed), np.inf, np.abs(signed)), axis=0)
    return np.take_along_axis(signed, best[None], axis=0)[0]


def _sheet(surface: Surface) -> Sheet:
    return sheet_of(surface.xyz, surface.normals, surface.spacing, surface.size, oriented=surface.oriented)
