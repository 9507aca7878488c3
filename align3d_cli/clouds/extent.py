"""Whether points spread over a surface at all: a broken scanner repeats one place, or one line."""

import numpy as np

NARROW = 1e-3  # width over length; a view of 336 px would show less than a pixel of it
STEPS = 2.0  # of the coordinates' resolution: less spread is rounding
LOOKED_AT = 50_000  # points, drawn at random from larger clouds: 10 ms
TOLD_APART = 5000  # of them, to count places
TINY = 1e-11  # of any unit; squares of smaller lengths are lost in float32, and a thousandth of it changes scores
PLACES = 50  # different ones, as many as a scan has points at least


def lacking_extent(xyz: np.ndarray) -> str | None:
    """What is wrong with the spread of points, in words, or None when they spread over two dimensions.

    xyz: (N >= 1, 3) finite. A plane is fine; one place, one line and a handful of places are not. Spreads are root mean
    squares along principal axes; below the resolution of the coordinates (far from the origin, float32 has few steps)
    there is none.
    """
    n = len(xyz)
    if n > LOOKED_AT:
        xyz = xyz[np.random.default_rng(0).integers(n, size=LOOKED_AT)]
    length, width = _spreads(xyz)
    step = STEPS * _resolution(xyz)
    if length <= step:
        return "all points lie at one place"
    if length < TINY:
        return f"its extent of {np.ptp(xyz, axis=0).max():.2g} is too small for any unit of length"
    if width <= max(NARROW * length, step):
        return "all points lie on one line"
    places = len(np.unique(xyz[:: -(-len(xyz) // TOLD_APART)], axis=0))
    if places < min(PLACES, n):
        return f"its {n} points lie at {places} places only"
    return None


def _spreads(xyz: np.ndarray) -> tuple[float, float]:
    """Root mean squares along the first and second principal axis."""
    centred = xyz - xyz[0]  # exact for copies of one point, which a mean is not
    centred -= centred.mean(axis=0)
    scale = np.abs(centred).max() or 1.0
    centred /= scale  # squares neither overflow nor vanish
    moments = np.linalg.eigvalsh(centred.T @ centred / len(xyz))
    _, second, first = (float(scale * np.sqrt(max(moment, 0.0))) for moment in moments)
    return first, second


def _resolution(xyz: np.ndarray) -> float:
    """Least difference that coordinates of this size can have: of float32 where they are all float32 numbers."""
    kind = np.float32 if (xyz == xyz.astype(np.float32)).all() else np.float64
    return float(np.finfo(kind).eps * np.abs(xyz).max())
