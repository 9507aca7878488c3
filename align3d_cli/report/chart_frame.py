"""The frame of a chart of parts in their order: places of values, ticks and levels.

x runs over the baseline's parts and then over those compared; y is the charts' own scale, upwards.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 1100.0  # of a drawing, in its own units; a page scales it
LEFT, RIGHT, TOP, BOTTOM = 58.0, 84.0, 16.0, 26.0  # margins: ticks, names of limits, rules above points, part numbers
LEAST_TICKS = 24.0  # between ticks, so that they can be read
SCORES = (  # at which the axis of logits may have a tick
    1e-6, 1e-5, 1e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5,
    0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 0.99999, 0.999999,
)  # fmt: skip
ROOM = 0.08  # of the height, above and below what is drawn
LEAST_NUMBERS, CLOSE = 34.0, 20.0  # between numbers of parts, and between the first of them and the next
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)  # of those numbers
NAMES_APART = 13.0  # between names of levels


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line with its name. kind: "mean", "limit" or "threshold"; name_y: where the name stands"""

    y: float
    name_y: float
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where values are drawn. low, high: values at the ends; n_then, n_now: parts along x"""

    low: float
    high: float
    n_then: int
    n_now: int
    height: float

    def x(self, place: float) -> float:
        """Of the place-th part, those of the baseline first."""
        return round(LEFT + self.step * (place + 0.5 + (place >= self.n_then)), 1)

    def y(self, value: float) -> float:
        """Of a value on the chart's scale."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.height - BOTTOM - share * (self.height - TOP - BOTTOM), 1)

    @property
    def step(self) -> float:
        """Width of a part; one is left free between both."""
        return (WIDTH - LEFT - RIGHT) / (self.n_then + self.n_now + 1)

    @property
    def divide(self) -> float:
        """x between the baseline and the parts compared."""
        return (self.x(self.n_then - 1) + self.x(self.n_then)) / 2


def framed(values: Sequence[float], n_then: int, n_now: int, height: float, floor: float = -math.inf) -> Frame:
    """A frame around values, with room; floor: the least value that can be"""
    low, high = min(values), max(values)
    room = ROOM * max(high - low, 1e-9)
    return Frame(max(low - room, floor), high + room, n_then, n_now, height)


def levels_of(frame: Frame, wanted: Sequence[tuple[float, str, str]]) -> list[Level]:
    """Levels with names that keep a distance. wanted: value, name and kind of each"""
    found: list[Level] = []
    for value, name, kind in sorted(wanted, reverse=True):
        y = frame.y(value)
        found.append(Level(y, max(y, found[-1].name_y + NAMES_APART) if found else y, name, kind))
    return found


def score_ticks(frame: Frame) -> list[tuple[float, str]]:
    """Scores at places of their logits, short ones before long ones, none nearer to another than can be read."""
    found: list[tuple[float, str]] = []
    for score in sorted(SCORES, key=lambda score: (len(f"{score:g}"), abs(score - 0.5))):
        value = math.log(score / (1 - score))
        if frame.low <= value <= frame.high and all(abs(frame.y(value) - y) >= LEAST_TICKS for y, _ in found):
            found.append((frame.y(value), f"{score:.6f}".rstrip("0")))
    return found


def plain_ticks(frame: Frame) -> list[tuple[float, str]]:
    """Round numbers at their places, five or fewer."""
    step = 10 ** math.floor(math.log10(max(frame.high - frame.low, 1e-9)))
    step = next(step * m for m in (0.2, 0.5, 1, 2) if (frame.high - frame.low) / (step * m) <= 5 or m == 2)
    first = math.ceil(frame.low / step)
    return [(frame.y(n * step), f"{n * step:g}") for n in range(first, math.floor(frame.high / step) + 1)]


def x_ticks(frame: Frame) -> list[tuple[float, str]]:
    """Numbers of the parts compared, from 1, at round steps."""
    step = next((step for step in STEPS if step * frame.step >= LEAST_NUMBERS), frame.n_now + 1)
    numbers = sorted({1, *range(step, frame.n_now + 1, step)})
    places = [(frame.x(frame.n_then + number - 1), str(number)) for number in numbers]
    return [places[0], *(place for place in places[1:] if place[0] - places[0][0] >= CLOSE)]
