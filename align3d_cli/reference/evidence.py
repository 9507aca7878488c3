"""What good parts say of a scan, point by point, before any of it is weighed."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.reference.good import Usual


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of a scan's S even points; arrays (S,) float.

    zero_shot: the model's own score, [0, 1]
    unlike:    distance of the descriptor to the nearest of a good part, `lowest` over the parts, [0, 2]
    surprise:  zero-shot score less that of the points of good parts with the nearest descriptors, [-1, 1]
    shift:     zero-shot score less that at the same place of the good parts, [-1, 1]; nan where the scan lies on none
    signed:    deviation from the good part that deviates least there, in the file's unit, positive outside; nan where
               it lies on none or none goes on there
    missing:   how far material that is missing reaches from here, in the file's unit; nan where it lies on none
    missing_share: of what the scan should show, [0, 1]; nan likewise
    usual:     what of this is usual there; None before that was measured
    why_apart: why the scan could not be laid onto the good parts, empty where it was
    """

    zero_shot: np.ndarray
    unlike: np.ndarray
    surprise: np.ndarray
    shift: np.ndarray
    signed: np.ndarray
    missing: np.ndarray
    missing_share: float
    usual: Usual | None
    why_apart: str
