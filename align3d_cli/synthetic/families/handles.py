"""Long round things held in the hand: tool handles, needles."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick, proportion
from align3d_cli.synthetic.families.shafts import stepped, within
from align3d_cli.synthetic.sdf import Sdf
from align3d_cli.synthetic.solid import Solid


def handle(rng: np.random.Generator) -> Solid:
    """Handles of drivers, files, chisels, awls: a fluted grip, a collar, a ferrule, a stepped shank with a tip."""
    r, top = proportion(rng, 0.1, 0.26), rng.uniform(-0.25, 0.35)
    grip = _fluted(rng, _grip(rng, r, top), r, top)
    if chance(rng, 0.35):
        grip = sdf.subtract(grip, warp.move(warp.along(sdf.cylinder(0.22 * r, 1), 0), (0, 0, -0.95 + 0.6 * r)))
    count = int(rng.integers(1, 4))
    radii = r * np.sort(rng.uniform(0.2, 0.65, count))[::-1]
    ends = np.concatenate(([top - 0.05], np.sort(rng.uniform(top + 0.1, 0.75, count - 1)), [0.8]))
    shank = stepped(radii, ends, 0.1 * radii[-1])
    parts = [grip, shank, _tip(rng, float(radii[-1]))]
    if chance(rng, 0.7):
        parts.append(sdf.section(top - 0.03, top + rng.uniform(0.02, 0.08), r * rng.uniform(0.75, 1.25), 0.06 * r))
    if chance(rng, 0.4):
        parts.append(warp.move(sdf.frustum(0.8 * r, float(radii[0]), 0.08, 0.01), (0, 0, top + 0.08)))
    wide = 1.3 * r + 0.02
    return Solid(sdf.union(*parts), (wide, wide, 0.98), thin=0.25 * float(radii[-1]))


def _grip(rng: np.random.Generator, r: float, top: float) -> Sdf:
    """A waisted, faceted or flat grip about z, from -0.95 to `top`."""
    middle, half = (top - 0.95) / 2, (top + 0.95) / 2
    kind = rng.integers(3)
    if kind == 0:
        side = outlines.regular(int(rng.integers(4, 9)), 1.05 * r)
        facets = sdf.extrude(outlines.polygon(outlines.chaikin(side, int(rng.integers(0, 2)))), half, 0.25 * r)
        return warp.move(facets, (0, 0, middle))
    if kind == 1:
        flat = sdf.superellipsoid((r, r * rng.uniform(0.55, 0.9), half), rng.uniform(0.2, 0.6), rng.uniform(0.5, 1.0))
        return warp.move(flat, (0, 0, middle))
    z = np.linspace(-0.95, top, int(rng.integers(4, 7)))
    line = np.stack((r * rng.uniform(0.7, 1.0, len(z)), z), axis=1)
    line = np.concatenate(([(0.0, -0.95)], line, [(0.0, top)]))
    line = np.concatenate((line[:1], outlines.chaikin(line[1:-1], 2, closed=False), line[-1:]))
    return sdf.revolve(outlines.polygon(np.concatenate((line, line[::-1] * (-1, 1)))))


def _fluted(rng: np.random.Generator, grip: Sdf, r: float, top: float) -> Sdf:
    """The grip with deep flutes, fine flutes, rings, or as it is."""
    low, high = -0.95 + rng.uniform(0.05, 0.3), top - rng.uniform(0.03, 0.2)
    kind = rng.integers(4)
    if kind == 0:
        return grip
    if kind == 1:
        count, size = int(rng.integers(4, 10)), rng.uniform(0.18, 0.3) * r
        flute = sdf.capsule((1.08 * r, 0, low), (1.08 * r, 0, high), size)
        return sdf.subtract(grip, warp.ring(flute, count), k=0.1 * size)
    fine = kind == 2
    mask = within(details.flutes(rng, r), low, high, 0.7 * r) if fine else details.bands(rng, low, high)
    return sdf.engrave(grip, mask, r * rng.uniform(0.05, 0.12), 0.03 * r)


def _tip(rng: np.random.Generator, r: float) -> Sdf:
    """What a shank ends in, from about 0.7 to 0.95: blade, cross, hexagon, square, point, hook, fork."""
    kind = rng.integers(6)
    if kind == 0:
        blade = sdf.box((r * rng.uniform(1.0, 2.0), 0.35 * r, 0.12), 0.1 * r)
        return warp.move(warp.taper(blade, 0.7, 1.0, 0.12), (0, 0, 0.83))
    if kind == 1:
        cross = sdf.union(sdf.box((r, 0.25 * r, 0.08)), sdf.box((0.25 * r, r, 0.08)))
        return warp.move(sdf.intersect(cross, sdf.frustum(r, 0.3 * r, 0.08)), (0, 0, 0.86))
    if kind == 2:
        side = outlines.regular(pick(rng, 4, 6), r * rng.uniform(1.2, 1.7))
        return warp.move(sdf.extrude(outlines.polygon(side), 0.1, 0.1 * r), (0, 0, 0.85))
    if kind == 3:
        return warp.move(sdf.frustum(r, 0.15 * r, 0.09), (0, 0, 0.86))
    if kind == 4:
        top = 0.95 - 0.5 * r
        return sdf.tube([(0, 0, 0.75), (0, 0, top - 0.1), (0.7 * r, 0, top), (1.2 * r, 0, top - 0.06)], 0.5 * r)
    prong = sdf.capsule((0.5 * r, 0, 0.78), (0.9 * r, 0, 0.94), 0.35 * r, 0.2 * r)
    return sdf.union(warp.mirror(prong, 0), sdf.section(0.7, 0.82, r, 0.1 * r))


def needle(rng: np.random.Generator) -> Solid:
    """Needles, rods, eye bolts, tent pegs: a thin rod with an eye, a hook or a head, collars, a point."""
    r, neck = proportion(rng, 0.02, 0.06), rng.uniform(0.4, 0.75)
    point, end = rng.uniform(-0.85, -0.5), r * rng.uniform(0.15, 0.9)
    rod = sdf.capsule((0, 0, point), (0, 0, neck), r, r * rng.uniform(0.7, 1.0))
    taper = sdf.capsule((0, 0, point), (0, 0, -0.95 + end), r, end)
    head, reach = _eye(rng, r, neck)
    parts = [sdf.blend(0.5 * r, rod, head), taper]
    for at in rng.uniform(point, neck, rng.integers(0, 4)):
        top = min(at + proportion(rng, 0.02, 0.25), neck + 0.02)
        parts.append(sdf.section(at, top, r * rng.uniform(1.3, 2.2), 0.2 * r))
    return Solid(sdf.union(*parts), (max(reach, 2.2 * r) + 0.02, 2.2 * r + 0.02, 0.97), thin=0.5 * r)


def _eye(rng: np.random.Generator, r: float, neck: float) -> tuple[Sdf, float]:
    """The head of a rod from `neck` to about 0.95, and how far it reaches sideways."""
    kind, half = rng.integers(4), (0.95 - neck) / 2
    middle = neck + half
    if kind == 0:
        wide = r * rng.uniform(1.5, 2.5)
        leaf = sdf.superellipsoid((wide, r, half), 0.8, 0.8)
        slot = warp.along(sdf.extrude(outlines.rectangle(0.62 * half, 0.4 * wide, 0.39 * wide), 1), 1)
        return warp.move(sdf.subtract(leaf, slot), (0, 0, middle)), wide
    if kind == 1:
        wire = r * rng.uniform(0.8, 1.2)
        ring = max(half - wire, 1.5 * wire)
        eye = warp.stretch(warp.along(sdf.torus(ring, wire), 1), (rng.uniform(0.5, 1.0), 1, 1))
        return warp.move(eye, (0, 0, 0.95 - ring - wire)), ring + wire
    if kind == 2:
        arc = np.linspace(np.pi, -0.3, 9)
        path = np.stack((half + half * np.cos(arc), 0 * arc, middle - 0.2 * half + half * np.sin(arc)), axis=1)
        return sdf.tube(np.concatenate(([(0, 0, neck)], path)), r), 2 * half + r
    wide, high = r * rng.uniform(1.6, 2.2), half * rng.uniform(0.3, 1.0)
    side = outlines.polygon(outlines.regular(pick(rng, 4, 6, 8), wide))
    head = warp.move(sdf.extrude(side, high, 0.1 * r), (0, 0, 0.95 - high))
    return sdf.union(head, sdf.section(neck, 0.96 - high, 0.7 * r)), wide


FAMILIES = {"handle": handle, "needle": needle}
