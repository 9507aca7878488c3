"""Stepped shafts: sections of several diameters and what is cut into them."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick, proportion
from align3d_cli.synthetic.sdf import Sdf
from align3d_cli.synthetic.solid import Solid


def shaft(rng: np.random.Generator) -> Solid:
    """Stepped shafts, axles, spindles: two to six diameters with keyways, circlip grooves, threads, splines, flats."""
    count = int(rng.integers(2, 7))
    radii = _steps(rng, count) * proportion(rng, 0.07, 0.3)
    share = 0.05 + rng.dirichlet(np.full(count, 1.5))  # collars beside long journals, none too narrow to be turned
    ends = -0.95 + 1.9 * np.concatenate(([0.0], np.cumsum(share) / share.sum()))
    body = stepped(radii, ends, radii.min() * rng.uniform(0.0, 0.2))
    for i in rng.permutation(count)[: rng.integers(0, 4)]:
        low, high = float(ends[i]), float(ends[i + 1])
        body = pick(rng, *FEATURES)(rng, body, low, high, float(radii[i]))
    if chance(rng, 0.4):
        body = sdf.subtract(body, *_centres(radii[0], radii[-1]))
    if chance(rng, 0.2):
        body = sdf.subtract(body, sdf.cylinder(float(radii.min()) * rng.uniform(0.3, 0.7), 2))
    wide = float(radii.max()) + 0.02
    return Solid(body, (wide, wide, 0.97), thin=0.15 * float(radii.min()))


def _steps(rng: np.random.Generator, count: int) -> np.ndarray:
    """Radii (count,) up to 1: mostly rising to the thickest one and falling again, so that bearings can be put on."""
    radii = np.sort(rng.uniform(0.35, 1.0, count))
    radii /= radii[-1]
    if chance(rng, 0.3):
        return rng.permutation(radii)
    left = rng.random(count) < 0.5
    return np.concatenate((radii[left], radii[~left][::-1]))


def stepped(radii: np.ndarray, ends: np.ndarray, chamfer: float) -> Sdf:
    """Sections about z, radii (K,) between ends (K + 1,); a thin one reaches into its thicker neighbours."""
    parts = []
    for i, radius in enumerate(radii):
        low, high = ends[i], ends[i + 1]
        if i and radii[i - 1] > radius:
            low = low - 2 * chamfer - 0.01
        if i + 1 < len(radii) and radii[i + 1] > radius:
            high = high + 2 * chamfer + 0.01
        parts.append(sdf.section(low, high, float(radius), chamfer))
    return sdf.union(*parts)


def _centres(first: float, last: float) -> tuple[Sdf, Sdf]:
    """Lathe centres: cones sunk into both ends."""
    lower = warp.move(sdf.frustum(0.35 * first, 0.02 * first, 0.2 * first), (0, 0, -0.95 + 0.15 * first))
    upper = warp.move(sdf.frustum(0.02 * last, 0.35 * last, 0.2 * last), (0, 0, 0.95 - 0.15 * last))
    return lower, upper


def _keyway(rng: np.random.Generator, body: Sdf, low: float, high: float, radius: float) -> Sdf:
    """A slot for a feather key, its ends round or square; two of them at times."""
    wide, long = radius * rng.uniform(0.16, 0.28), (high - low) * rng.uniform(0.25, 0.42)
    slot = outlines.rectangle(wide, max(long, wide), wide * pick(rng, 0.98, 0.98, 0.0))
    tool = warp.move(warp.along(sdf.extrude(slot, radius * rng.uniform(0.2, 0.4)), 0), (radius, 0, (low + high) / 2))
    return sdf.subtract(body, warp.ring(tool, pick(rng, 1, 1, 2)))


def _groove(rng: np.random.Generator, body: Sdf, low: float, high: float, radius: float) -> Sdf:
    """One or two circlip grooves or reliefs."""
    for at in rng.uniform(low, high, rng.integers(1, 3)):
        half, floor = proportion(rng, 0.008, 0.03), radius * rng.uniform(0.78, 0.92)
        ring = sdf.subtract(sdf.cylinder(2 * radius, half), sdf.cylinder(floor, 1))
        body = sdf.subtract(body, warp.move(ring, (0, 0, float(at))))
    return body


def within(mask: Sdf, low: float, high: float, radius: float) -> Sdf:
    """A mask that acts on the mantle of one section only, a little away from its shoulders."""
    middle, half = np.float32((low + high) / 2), np.float32(0.46 * (high - low))

    def f(p):
        inner = np.float32(0.7 * radius) - sdf.length(p[0], p[1])
        return np.maximum(np.maximum(mask(p), np.abs(p[2] - middle) - half), inner)

    return f


def _thread(rng: np.random.Generator, body: Sdf, low: float, high: float, radius: float) -> Sdf:
    """A screw thread along a section."""
    pitch = radius * rng.uniform(0.2, 0.4)
    groove = warp.helix(pitch, 1, pitch * rng.uniform(0.18, 0.28))
    return sdf.engrave(body, within(groove, low, high, radius), pitch * rng.uniform(0.3, 0.5), 0.1 * pitch)


def _spline(rng: np.random.Generator, body: Sdf, low: float, high: float, radius: float) -> Sdf:
    """Splines, a pinion cut into the shaft."""
    mask = within(details.flutes(rng, radius), low, high, radius)
    return sdf.engrave(body, mask, radius * rng.uniform(0.08, 0.18))


def _flats(rng: np.random.Generator, body: Sdf, low: float, high: float, radius: float) -> Sdf:
    """Flats for a spanner, or a square or hexagon."""
    count = pick(rng, 1, 2, 4, 6)
    apothem = radius * (rng.uniform(0.7, 0.9) if count < 6 else 0.88)
    tool = sdf.box((radius, 2 * radius, (high - low) * rng.uniform(0.2, 0.45)))
    return sdf.subtract(body, warp.ring(warp.move(tool, (apothem + radius, 0, (low + high) / 2)), count))


def _cross_hole(rng: np.random.Generator, body: Sdf, low: float, high: float, radius: float) -> Sdf:
    """A hole for a pin, right through."""
    size = min(radius * rng.uniform(0.2, 0.45), 0.4 * (high - low))
    return sdf.subtract(body, warp.move(warp.along(sdf.cylinder(size, 1), 0), (0, 0, (low + high) / 2)))


def _knurl(rng: np.random.Generator, body: Sdf, low: float, high: float, radius: float) -> Sdf:
    """A knurled grip."""
    field = details.knurl(radius, int(rng.integers(14, 36)), radius * rng.uniform(0.03, 0.07))
    return details.with_field(body, details.between(field, low, high))


# what is cut into one section; keyways and grooves twice, since hardly a shaft is without
FEATURES = (_keyway, _keyway, _groove, _groove, _thread, _spline, _flats, _cross_hole, _knurl)
FAMILIES = {"shaft": shaft}
