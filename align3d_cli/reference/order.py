"""Parts in an order of their own: who is named first decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from align3d_cli.clouds.sample import position_hash
from align3d_cli.errors import InputRejected
from align3d_cli.reference.seen import diagonal


def fingerprint(xyz: np.ndarray) -> int:
    """Of the places of (N, 3) points, in whatever order they stand."""
    return int(position_hash(xyz).sum())


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What tells a scan from others without its points: name of its file, diagonal in its unit, number of points, and
    their fingerprint."""

    name: str
    size: float
    n: int
    print: int


def surveyed(name: str, xyz: np.ndarray) -> Surveyed:
    """Of a scan's prepared points (N, 3)."""
    return Surveyed(name, diagonal(xyz), len(xyz), fingerprint(xyz))


def own_order(scans: Sequence[Surveyed]) -> list[int]:
    """Rows of scans: the one of middle size first, on which the others are laid, then the rest by their points.

    Of an even number the smaller one of the middle.
    """
    by_size = sorted(range(len(scans)), key=lambda row: (scans[row].size, scans[row].print))
    first = by_size[(len(scans) - 1) // 2]
    return [first, *sorted((row for row in by_size if row != first), key=lambda row: scans[row].print)]


def refuse_copies(scans: Sequence[Surveyed]) -> None:
    """Raise InputRejected for a scan that is there twice, naming both: a part would vouch for itself."""
    first: dict[tuple[int, int], str] = {}
    for scan in scans:
        key = scan.n, scan.print
        if key in first:
            again = "is named twice" if first[key] == scan.name else f"is the same scan as {first[key]}"
            raise InputRejected(f"{scan.name}: {again}; name every scan once")
        first[key] = scan.name
