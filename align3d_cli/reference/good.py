"""Good parts: their points as a scan is compared with, laid onto each other where they are the same rigid body."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from align3d_cli.clouds.sample import hash_order
from align3d_cli.matching.bank import Bank, bank_of
from align3d_cli.matching.poses import inverse
from align3d_cli.matching.registration import Registration, register
from align3d_cli.matching.sheet import Sheet
from align3d_cli.reference.seen import Seen, sheet

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

BANK = 3000  # descriptors of a good part that a scan's are compared with; all of them find no more
COMMON = 0.88  # of points that lie on each other where two scans show the same side of a rigid body; other sides that
# resemble it share less, or share it one way only
LARGEST_RATIO = 1.5  # of diagonals; one-sided scans of one part in any pose differ by less


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual on a good part at each of its S even points, measured against other good parts; (S,) float32.

    unlike: distance of descriptors; shift: of zero-shot scores, without sign; deviation: of the surface, without sign,
    in the file's unit
    """

    unlike: np.ndarray
    shift: np.ndarray
    deviation: np.ndarray

    @property
    def values(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Its arrays, in the order of the fields."""
        return self.unlike, self.shift, self.deviation


@dataclass(frozen=True, slots=True)
class GoodPart:
    """One good part, and what every scan that is compared with it asks of it.

    name, sha256: of its file
    first_from_part: (4, 4) pose that lays it onto the first good part, None where it is not the same rigid body
    bank: some of its descriptors; sheet: its surface; tree: its even points, for searches
    triangles: (T, 3, 3) of a CAD model, from which deviations are measured then; None: from the points
    usual: None before anything was compared
    """

    name: str
    sha256: str | None
    seen: Seen
    first_from_part: np.ndarray | None
    bank: Bank
    sheet: Sheet
    tree: "cKDTree"
    triangles: np.ndarray | None = None
    usual: Usual | None = None


def good_part(
    name: str,
    sha256: str | None,
    seen: Seen,
    first_from_part: np.ndarray | None,
    triangles: np.ndarray | None = None,
    usual: Usual | None = None,
) -> GoodPart:
    """A good part from its scan; arguments as the fields."""
    from scipy.spatial import cKDTree

    surface = seen.surface
    bank = bank_of(surface.descriptors, hash_order(surface.xyz)[:BANK])
    tree = cKDTree(surface.xyz, balanced_tree=False, compact_nodes=False)
    return GoodPart(name, sha256, seen, first_from_part, bank, sheet(seen, triangles), tree, triangles, usual)


@dataclass(frozen=True, slots=True)
class Place:
    """A scan laid onto one good part. number: which of the parts; part_from_scan: (4, 4)"""

    number: int
    part_from_scan: np.ndarray


Laid = tuple[list[Place], str]  # on which good parts a scan lies, and why on none where it is so


def laid_out(named: Sequence[tuple[str, str | None, Seen]]) -> tuple[GoodPart, ...]:
    """Good parts from scans seen at one scale, laid onto the first."""
    first = named[0][2]
    parts = [good_part(*named[0], np.eye(4))]
    for name, sha256, seen in named[1:]:
        found = register(seen.surface, first.surface)
        pose = None if _why_apart(found, seen, first, COMMON) else found.fixed_from_moving
        parts.append(good_part(name, sha256, seen, pose))
    return tuple(parts)


def lay(seen: Seen, parts: Sequence[GoodPart], common: float = COMMON) -> Laid:
    """A scan laid onto every good part that lies on the first, and why on none where it is so.

    common: share of the scan's points that must lie on it, in [0, 1]
    """
    number, first_from_fixed = _that_lie(parts)[0]
    fixed = parts[number].seen
    found = register(seen.surface, fixed.surface)
    why = _why_apart(found, seen, fixed, common)
    return ([], why) if why else _onto_all(parts, first_from_fixed @ found.fixed_from_moving)


def _why_apart(found: Registration, seen: Seen, other: Seen, common: float) -> str:
    """Why a registration is no place-by-place word; empty where it is. Of two scans of one side, both count."""
    one_sided = seen.surface.view is not None and other.surface.view is not None
    overlap = min(found.overlap_moving, found.overlap_fixed) if one_sided else found.overlap_moving
    if found.failure or overlap >= common:
        return found.failure
    share = f"{overlap:.0%}".replace("%", " %")
    return f"only {share} of it lies on the same places"


def lay_known(part: GoodPart, others: Sequence[GoodPart]) -> Laid:
    """A good part laid onto the others."""
    if part.first_from_part is None or not _that_lie(others):
        return [], "it is not the same rigid body as the other good parts"
    return _onto_all(others, part.first_from_part)


def _that_lie(parts: Sequence[GoodPart]) -> list[tuple[int, np.ndarray]]:
    """Which of the parts lie on the first one, and how."""
    return [(number, part.first_from_part) for number, part in enumerate(parts) if part.first_from_part is not None]


def _onto_all(parts: Sequence[GoodPart], first_from_scan: np.ndarray) -> Laid:
    return [Place(number, inverse(pose) @ first_from_scan) for number, pose in _that_lie(parts)], ""
