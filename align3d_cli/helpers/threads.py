"""Work that holds no lock, spread over the cores this process may use."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

from align3d_cli.helpers.cpus import usable_cpus

Item = TypeVar("Item")
Value = TypeVar("Value")


def each(work: Callable[[Item], Value], items: Iterable[Item]) -> list[Value]:
    """What the work gives of every item, in their order, whichever was done first. The first error is raised."""
    items = list(items)
    if len(items) < 2 or usable_cpus() == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(usable_cpus(), len(items))) as pool:
        return list(pool.map(work, items))


def spans(n: int, pieces: int) -> list[tuple[int, int]]:
    """0..n in about equal pieces, (first, last) each, the last not included; fewer where n is small."""
    bounds = [round(n * i / pieces) for i in range(pieces + 1)]
    return [(first, last) for first, last in pairwise(bounds) if last > first]
