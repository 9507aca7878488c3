"""Where a region begins: levels between the colour limits of the model, the same for every part."""

from dataclasses import dataclass

# Shares of the way from the start of the colour scale, which 98 % of the points of good parts stay below, to its end,
# which 99.95 % do.
EDGE = 0.1  # the outline: where a person sees colour. On the dented examples it overlaps the labels best (IoU 0.6, 0.8)
CORE = 0.5  # what a region must reach somewhere: the middle of the scale, which most good parts never do


@dataclass(frozen=True, slots=True)
class Levels:
    """A region is made of points with scores of at least `edge`, one of which at least has `core`."""

    edge: float
    core: float

    def __post_init__(self) -> None:
        if not self.edge <= self.core:
            raise ValueError(f"the outline of a region begins below its core, got {self.edge} and {self.core}")


def levels_between(colour_low: float, colour_high: float) -> Levels:
    """The levels of a model with these colour limits, in point scores."""
    span = colour_high - colour_low
    return Levels(colour_low + EDGE * span, colour_low + CORE * span)
