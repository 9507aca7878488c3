"""What a scan scores once something is known beside it: the place where references join in, whatever they are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.model.calibration import Calibration


@dataclass(frozen=True, slots=True)
class Twin:
    """A good part to look at beside the scan.

    name: of its file; xyz: (P, 3) some of its points, in its own frame
    scan_from_twin: (4, 4) pose that lays it onto the scan, None where it lies on none
    """

    name: str
    xyz: np.ndarray = field(repr=False)
    scan_from_twin: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The model's word and that of references in one, on a scan's M prepared points.

    points:    (M,) in [0, 1]; score: of the object in [0, 1]; raw: the same before any limit of good parts
    calibration: the limits that hold for it: threshold and colours
    account:   who spoke and how much, as JSON
    deviation: (M,) signed distance from a reference in the file's unit, positive outside, nan where none goes on;
               None where the scan was laid onto none
    twin:      one of the references, None where they are of something else
    notes:     what the user should know of it, a sentence each; doubts: why a low score does not mean a good part
    """

    points: np.ndarray
    score: float
    raw: float
    calibration: Calibration
    account: dict[str, Any]
    deviation: np.ndarray | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    twin: Twin | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """What the model alone says of a prepared scan: point scores (M,), object score before calibration, and how many of
    its points no view saw."""

    points: np.ndarray = field(repr=False)
    raw: float
    n_unseen: int


Beside = Callable[[Prepared, np.ndarray, float], Joined]
"""From a prepared scan, its point scores (M,) and its raw object score by the model alone to both joined. Raises
InputRejected where a reference must be met and is not."""
