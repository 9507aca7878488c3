"""Parts in an order of their own: who is named first decides nothing."""

from collections.abc import Sequence

import numpy as np

from align3d_cli.clouds.sample import position_hash
from align3d_cli.errors import InputRejected
from align3d_cli.reference.seen import diagonal


def fingerprint(xyz: np.ndarray) -> int:
    """Of the places of (N, 3) points, in whatever order they stand."""
    return int(position_hash(xyz).sum())


def own_order(clouds: Sequence[np.ndarray]) -> list[int]:
    """Rows of clouds (N, 3): the one of middle size first, on which the others are laid, then the rest by their points.

    Of an even number the smaller one of the middle.
    """
    prints = [fingerprint(xyz) for xyz in clouds]
    sizes = [diagonal(xyz) for xyz in clouds]
    by_size = sorted(range(len(clouds)), key=lambda row: (sizes[row], prints[row]))
    first = by_size[(len(clouds) - 1) // 2]
    return [first, *sorted((row for row in by_size if row != first), key=lambda row: prints[row])]


def refuse_copies(names: Sequence[str], clouds: Sequence[np.ndarray]) -> None:
    """Raise InputRejected for a scan that is there twice, naming both: a part would vouch for itself."""
    first: dict[tuple[int, int], str] = {}
    for name, xyz in zip(names, clouds, strict=True):
        key = len(xyz), fingerprint(xyz)
        if key in first:
            again = "is named twice" if first[key] == name else f"is the same scan as {first[key]}"
            raise InputRejected(f"{name}: {again}; name every scan once")
        first[key] = name
