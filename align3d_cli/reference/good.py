"""Good parts: their points as a scan is compared with, laid onto each other where they are the same rigid body."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from align3d_cli.errors import InputRejected
from align3d_cli.matching.poses import inverse
from align3d_cli.matching.registration import register
from align3d_cli.reference.seen import Seen

LARGEST_RATIO = 1.5  # of diagonals; one-sided scans of one part in any pose differ by less


@dataclass(frozen=True, slots=True)
class GoodPart:
    """One good part.

    name, sha256: of its file
    first_from_part: (4, 4) pose that lays it onto the first good part, None where it is not the same rigid body
    """

    name: str
    sha256: str | None
    seen: Seen
    first_from_part: np.ndarray | None


@dataclass(frozen=True, slots=True)
class Place:
    """A scan laid onto one good part. part_from_scan: (4, 4)"""

    part: GoodPart
    part_from_scan: np.ndarray


def laid_out(named: Sequence[tuple[str, str | None, Seen]]) -> tuple[GoodPart, ...]:
    """Good parts from scans seen at one scale, the first first.

    Raises InputRejected for a part of another size, naming it.
    """
    first = named[0][2].surface
    parts = [GoodPart(*named[0], np.eye(4))]
    for name, sha256, seen in named[1:]:
        ratio = seen.surface.size / first.size
        if not 1 / LARGEST_RATIO <= ratio <= LARGEST_RATIO:
            text = f"{name}: {ratio:.3g} times the size of {named[0][0]}; name good parts of one kind and unit"
            raise InputRejected(text)
        found = register(seen.surface, first)
        parts.append(GoodPart(name, sha256, seen, None if found.failure else found.fixed_from_moving))
    return tuple(parts)


def places(seen: Seen, parts: Sequence[GoodPart]) -> tuple[list[Place], str]:
    """The scan laid onto every good part that lies on the first, and why on none where it is so."""
    fixed = next(part for part in parts if part.first_from_part is not None)
    found = register(seen.surface, fixed.seen.surface)
    if found.failure:
        return [], found.failure
    first_from_scan = fixed.first_from_part @ found.fixed_from_moving
    laid = [part for part in parts if part.first_from_part is not None]
    return [Place(part, inverse(part.first_from_part) @ first_from_scan) for part in laid], ""


def without(parts: Sequence[GoodPart], out: int) -> tuple[GoodPart, ...]:
    """The good parts without one of them, still laid onto each other: the first of the others is the first."""
    rest = [part for number, part in enumerate(parts) if number != out]
    base = next((part.first_from_part for part in rest if part.first_from_part is not None), None)
    if base is None:
        return (replace(rest[0], first_from_part=np.eye(4)), *rest[1:])
    moved = [None if p.first_from_part is None else inverse(base) @ p.first_from_part for p in rest]
    return tuple(replace(part, first_from_part=pose) for part, pose in zip(rest, moved, strict=True))
