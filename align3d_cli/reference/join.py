"""Evidence weighed: one logit for every even point, from what the model says and what good parts say beside it.

A logistic regression over eleven measures, fitted by `benchmarks/fit_join.py` on other objects than it is
measured on.
What is usual on the good parts themselves brings every measure to one scale, so the same weights serve all parts.
"""

from dataclasses import dataclass

import numpy as np

from align3d_cli.reference.evidence import Evidence
from align3d_cli.reference.seen import Seen

AROUND = 8  # even points that a logit is the mean of
STRANGE = {True: 1.55, False: 1.35}  # times the usual distance of descriptors, of scans that were laid and were not:
# other sides of the part are seen, or another part
TOP_SHARE = 0.02  # of the surface, whose mean logit is the object's: a defect of any size is in it, and little else
ROUNDING = 1e-6  # of logits; where nothing stands out, no channel is said to have spoken
FLOOR_UNLIKE = 0.02  # of descriptors: below, they differ by rounding
FLOOR_SCORE = 0.05  # of zero-shot scores in logarithms: below, none is suspicious
FLOOR_SHIFT = 0.02  # of zero-shot scores
FLOOR_DEVIATION = 2e-4  # of the size: a fifth of what scanners are off
FAR = 0.05  # of the size: a hole that reaches farther is missing as much
ENDS = 0.03  # of the size: what deviates where no good part goes on

CHANNELS = {
    "zero-shot": (0, 10),
    "descriptors": (1, 2, 3, 9),
    "same place": (4, 5),
    "deviation": (6, 7, 8),
}  # by which an account is given, the measures of each


def measures(found: Evidence, size: float) -> np.ndarray:
    """(S, MEASURES) of every even point; those that need a place on a good part are 0 where the scan lies on none.

    size: diagonal of the good parts in the file's unit
    """
    usual = found.usual
    if usual is None:
        raise ValueError("evidence is weighed by what is usual on the good parts: measure that first")
    zeros = np.zeros(len(found.unlike))
    columns = [
        found.zero_shot,
        found.surprise,
        np.log(found.unlike + FLOOR_UNLIKE),
        np.log((found.unlike + FLOOR_UNLIKE) / (usual.unlike + FLOOR_UNLIKE)),
    ]
    if found.why_apart:
        columns += [zeros] * 5
    else:
        off = np.abs(found.signed) / size
        off = np.where(np.isnan(off), ENDS, off)
        columns += [
            found.shift,
            found.shift / (usual.shift + FLOOR_SHIFT),
            np.log((off + FLOOR_DEVIATION) / (np.median(off) + FLOOR_DEVIATION)),
            np.log((off + FLOOR_DEVIATION) / (usual.deviation / size + FLOOR_DEVIATION)),
            np.minimum(found.missing / size, FAR) / FAR,
        ]
    relative = np.log((found.unlike + FLOOR_UNLIKE) / (np.median(found.unlike) + FLOOR_UNLIKE))
    return np.stack([*columns, relative, np.log(found.zero_shot + FLOOR_SCORE)], axis=1)


def strangeness(found: Evidence) -> float:
    """How much more unlike the good parts a scan's surface is, in its middle, than they are among each other."""
    if found.usual is None:
        raise ValueError("evidence is weighed by what is usual on the good parts: measure that first")
    return float(np.median(found.unlike) / max(np.median(found.usual.unlike), FLOOR_UNLIKE))


def smoothed(values: np.ndarray, seen: Seen) -> np.ndarray:
    """Values (S, ..) of even points as means over the points around each."""
    from scipy.spatial import cKDTree

    xyz = seen.surface.xyz
    return values[cKDTree(xyz).query(xyz, k=min(AROUND, len(xyz)))[1]].mean(axis=1)


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the eleven measures, and the logit without any."""

    each: tuple[float, ...]
    offset: float


WEIGHTS = {
    ("one", "apart"): Weights((3.276, 5.290, 0.564, 2.622, 0, 0, 0, 0, 0, 0.510, 0), -2.545),
    ("one", "laid"): Weights((2.976, 1.786, 0.577, 1.976, 1.979, 0.045, 0.565, 0.401, 0, 0.150, 0), -2.956),
    ("one", "strange"): Weights((5.598, 2.203, 0, 0, 0, 0, 0, 0, 0, 0.583, 0.918), -1.413),
    ("several", "apart"): Weights((2.753, 6.341, 0.543, 3.000, 0, 0, 0, 0, 0, 0.516, 0), -2.536),
    ("several", "laid"): Weights((2.365, 2.976, 0.448, 2.171, 2.982, 0.043, 0.887, 0.241, 0, 0.414, 0), -3.093),
    ("several", "strange"): Weights((5.740, 1.255, 0, 0, 0, 0, 0, 0, 0, 0.773, 0.844), -1.611),
}  # by how many good parts there are, and how the scan lies to them


def regime(found: Evidence) -> str:
    """ "laid" onto the good parts, "apart" where that failed, "strange" where the scan shows another surface."""
    laid = not found.why_apart
    if strangeness(found) > STRANGE[laid]:
        return "strange"
    return "laid" if laid else "apart"


def weights_for(n_parts: int, how: str) -> Weights:
    """The weights for as many good parts and a `regime`: a lone one knows what is usual by its noise alone."""
    return WEIGHTS["one" if n_parts == 1 else "several", how]


def logits(found: Evidence, seen: Seen, size: float, n_parts: int) -> tuple[np.ndarray, dict[str, float]]:
    """(S,) logit of every even point, higher where a defect is likelier, and by channel how much of the logits of the
    highest points, above the scan's middle, it gave."""
    weights = weights_for(n_parts, regime(found))
    parts = smoothed(measures(found, size), seen) * np.array(weights.each)
    logit = parts.sum(axis=1) + weights.offset
    high = logit >= np.quantile(logit, 1 - TOP_SHARE)
    gains = parts[high].mean(axis=0) - np.median(parts, axis=0)
    given = {name: max(float(gains[list(rows)].sum()), 0.0) for name, rows in CHANNELS.items()}
    total = sum(given.values())
    return logit, {name: round(gain / total, 3) if total > ROUNDING else 0.0 for name, gain in given.items()}


def object_logit(logit: np.ndarray) -> float:
    """Mean of the highest logits (S,) over TOP_SHARE of the surface."""
    n = max(1, round(TOP_SHARE * len(logit)))
    return float(np.partition(logit, len(logit) - n)[len(logit) - n :].mean())
