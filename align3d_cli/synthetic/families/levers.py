"""Parts that grip, swing and hold: levers with bosses, spanners, vice jaws, hinges."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick, proportion
from align3d_cli.synthetic.sdf import Sdf
from align3d_cli.synthetic.solid import Solid


def lever(rng: np.random.Generator) -> Solid:
    """Arms with bosses of several heights, at times cranked, ribbed, forked, slotted, with a pad at the end."""
    count = int(rng.integers(2, 4))
    at = np.stack((np.linspace(-0.76, 0.76, count), rng.uniform(-0.2, 0.2, count) * (count > 2)), axis=1)
    radii, t = np.array([proportion(rng, 0.09, 0.2) for _ in at]), proportion(rng, 0.03, 0.09)
    heights = t * rng.uniform(1.0, 3.5, count)
    arms = [_arm(rng, at[i : i + 2], radii[i : i + 2], t) for i in range(count - 1)]
    bosses, tools = [], []
    for place, r, high in zip(at, radii, heights, strict=True):
        low = pick(rng, -high, -t)
        bosses.append(warp.move(sdf.section(low, high, r, r * rng.uniform(0.0, 0.12)), (*place, 0)))
        tools.append(_bore(rng, r, place))
    body = sdf.blend(rng.uniform(0.01, 0.06), *arms, *bosses)
    if chance(rng, 0.25):
        r, place = radii[-1], at[-1]
        tools.append(warp.move(sdf.box((2 * r, 2 * r, heights[-1] * 0.35)), (place[0] + 1.6 * r, place[1], 0)))
    if chance(rng, 0.3):
        pad = sdf.box((0.08, radii[0] * 1.1, 0.8 * t), 0.3 * t)
        body = sdf.blend(0.02, body, warp.move(pad, (-0.86, at[0, 1], 0)))
    thin = min(0.3 * t, 0.15 * float(radii.min()))
    return Solid(sdf.subtract(body, *tools), (0.98, 0.42, float(heights.max()) + 0.03), thin=thin)


def _arm(rng: np.random.Generator, ends: np.ndarray, radii: np.ndarray, t: float) -> Sdf:
    """One arm between two bosses (2, 2): flat, stepped to half its thickness, with a rib, or with a recess."""
    start, end = tuple(ends[0]), tuple(ends[1])
    first, last = radii * rng.uniform(0.45, 0.95, 2)
    arm = sdf.extrude(outlines.tapered(start, end, first, last), t * rng.uniform(0.7, 1.0), 0.15 * t)
    kind = rng.integers(4)
    if kind == 1:
        cut = sdf.box((1, 1, 0.5))
        at = (ends[0] + (ends[1] - ends[0]) * rng.uniform(0.3, 0.7))[0]
        return sdf.subtract(arm, warp.move(cut, (at + 1.0, 0, 0.5 + t * rng.uniform(-0.3, 0.4))))
    if kind == 2:
        rib = sdf.extrude(outlines.tapered(start, end, 0.2 * first, 0.2 * last), t * rng.uniform(1.2, 2.0), 0.1 * t)
        return sdf.blend(0.2 * t, arm, rib)
    if kind == 3:
        inner = (ends - ends.mean(axis=0)) * 0.5 + ends.mean(axis=0)
        recess = outlines.tapered(tuple(inner[0]), tuple(inner[1]), 0.5 * first, 0.5 * last)
        return sdf.engrave(arm, sdf.column(recess), t * rng.uniform(0.2, 0.5), 0.1 * t)
    return arm


def _bore(rng: np.random.Generator, r: float, place: np.ndarray) -> Sdf:
    """What is cut through a boss: a round, square or hexagonal hole, a hole with a keyway, a slot."""
    hole = r * rng.uniform(0.35, 0.7)
    kind = rng.integers(5)
    tool = sdf.cylinder(hole, 1)
    if kind == 1:
        tool = sdf.extrude(outlines.polygon(outlines.regular(pick(rng, 4, 6), hole)), 1)
    elif kind == 2:
        tool = sdf.union(tool, warp.move(sdf.box((0.3 * hole, 0.2 * hole, 1)), (hole, 0, 0)))
    elif kind == 3:
        tool = sdf.extrude(outlines.rectangle(0.8 * r, 0.35 * r, 0.34 * r), 1)
    return warp.move(tool, (*place, 0))


def spanner(rng: np.random.Generator) -> Solid:
    """Spanners: a flat or fluted shank between open jaws, rings and plain ends with a hole."""
    left, right = proportion(rng, 0.13, 0.27), proportion(rng, 0.13, 0.27)
    t = proportion(rng, 0.025, 0.06)
    ends = (-0.95 + left, 0.0), (0.95 - right, 0.0)
    shank = outlines.tapered(*ends, left * rng.uniform(0.3, 0.55), right * rng.uniform(0.3, 0.55))
    body = sdf.extrude(shank, t, t * rng.uniform(0.1, 0.9))
    if chance(rng, 0.5):
        panel = outlines.tapered((-0.5, 0.0), (0.45, 0.0), 0.2 * left, 0.2 * right)
        body = sdf.engrave(body, sdf.column(panel), t * rng.uniform(0.15, 0.5), 0.1 * t)
    if chance(rng, 0.4):
        word = details.above(details.writing(rng, 0.35 * min(left, right), 4))
        body = details.marked(rng, body, word, 0.12 * t)
    tools, high = [], 0.0
    for side, r, (x, _) in ((180, left, ends[0]), (0, right, ends[1])):
        thick = t * rng.uniform(1.1, 2.2)
        head, tool = pick(rng, _open_end, _ring_end, _hole_end)(rng, r, thick)
        turn = warp.axis_rotation(2, side + pick(rng, 0, 15, -15, 30))
        body = sdf.blend(0.02, body, warp.move(warp.rotate(head, turn), (x, 0, 0)))
        tools.append(warp.move(warp.rotate(tool, turn), (x, 0, 0)))
        high = max(high, thick)
    half = (0.97, 1.05 * max(left, right) + 0.02, high + 0.02)
    return Solid(sdf.subtract(body, *tools), half, thin=min(0.5 * t, 0.1 * min(left, right)))


def _open_end(rng: np.random.Generator, r: float, thick: float) -> tuple[Sdf, Sdf]:
    """A head and the slot of its jaws, open towards +x."""
    wide = r * rng.uniform(0.38, 0.55)
    slot = sdf.extrude(outlines.rectangle(r, wide, 0.3 * wide), 1)
    return sdf.cylinder(r, thick, 0.2 * thick), warp.move(slot, (r * rng.uniform(0.75, 0.95), 0, 0))


def _ring_end(rng: np.random.Generator, r: float, thick: float) -> tuple[Sdf, Sdf]:
    """A head and a hexagon, a double hexagon or a square in it."""
    sides, star = pick(rng, (6, 1.0), (12, 0.9), (4, 1.0))
    hole = outlines.regular(sides, r * rng.uniform(0.6, 0.75), star)
    return sdf.section(-thick, thick, 0.95 * r, 0.2 * thick), sdf.extrude(outlines.polygon(hole), 1)


def _hole_end(rng: np.random.Generator, r: float, thick: float) -> tuple[Sdf, Sdf]:
    """A plain end with a hole to hang it up."""
    return sdf.cylinder(0.6 * r, 0.8 * thick, 0.3 * thick), sdf.cylinder(r * rng.uniform(0.2, 0.4), 1)


def jaw(rng: np.random.Generator) -> Solid:
    """Vice and clamp jaws: stepped bars with serrations, V grooves and counterbored holes."""
    hy, hz = proportion(rng, 0.12, 0.35), proportion(rng, 0.08, 0.3)
    body = sdf.box((0.95, hy, hz), 0.1 * hz * rng.random())
    step_y, step_z = hy * rng.uniform(0.2, 1.0), hz * rng.uniform(0.3, 1.2)
    body = sdf.subtract(body, warp.move(sdf.box((2, step_y, step_z)), (0, hy, hz)))
    if chance(rng, 0.5):
        teeth = details.bands(rng, -0.9, 0.9, axis=0)
        face = lambda p: np.maximum(teeth(p), np.float32(0.5 * hy) + p[1])  # noqa: E731 - a mask
        body = sdf.engrave(body, face, hy * rng.uniform(0.04, 0.1))
    if chance(rng, 0.5):
        vee = warp.rotate(sdf.box((0.4 * hz, 0.4 * hz, 2)), warp.axis_rotation(2, 45))
        vee = warp.along(vee, 0) if chance(rng, 0.5) else vee
        body = sdf.subtract(body, warp.move(vee, (pick(rng, 0.0, 0.3), -hy, 0)))
    if chance(rng, 0.4):
        notch = sdf.box((rng.uniform(0.08, 0.4), 2, hz * rng.uniform(0.2, 0.6)), 0.01)
        body = sdf.subtract(body, warp.move(notch, (rng.uniform(-0.5, 0.5), 0, -hz)))
    hole = 0.3 * min(hy, hz)
    bolt = sdf.union(sdf.cylinder(hole, 2), warp.move(sdf.cylinder(1.7 * hole, 1), (0, 0, 1)))
    bolts = warp.mirror(warp.move(bolt, (rng.uniform(0.4, 0.75), -0.3 * hy, 0)), 0)
    body = sdf.subtract(body, bolts)
    return Solid(body, (0.97, hy + 0.02, hz + 0.02), thin=0.1 * min(hy, hz))


def hinge(rng: np.random.Generator) -> Solid:
    """Butt and strap hinges: interleaved knuckles about z on a pin, two leaves with countersunk holes."""
    strap = chance(rng, 0.3)
    r, half = (proportion(rng, 0.06, 0.1), rng.uniform(0.12, 0.3)) if strap else (proportion(rng, 0.05, 0.13), 0.9)
    wide = rng.uniform(0.75, 0.85) if strap else rng.uniform(0.25, 0.7)
    t = r * rng.uniform(0.25, 0.6)
    count = 2 * int(rng.integers(1, 5)) + 1
    pitch, gap = 2 * half / count, 0.012
    first = _leaf(rng, r, wide, half, t, pick(rng, 1.0, rng.uniform(0.3, 0.9)) if strap else 1.0)
    second = _leaf(rng, r, wide * rng.uniform(0.4, 1.0), half, t, 1.0)
    odd = warp.grid(sdf.box((9, 9, pitch / 2 + gap)), (1, 1, 2 * pitch), (1, 1, count // 2 + 1))
    even = warp.grid(sdf.box((9, 9, pitch / 2 + gap)), (1, 1, 2 * pitch), (1, 1, count // 2))
    near = sdf.cylinder(1.25 * r, 2)
    first, second = sdf.subtract(first, sdf.intersect(near, even)), sdf.subtract(second, sdf.intersect(near, odd))
    opened = warp.axis_rotation(2, rng.uniform(60, 180))
    head = sdf.section(-half - 0.4 * r, half + 0.4 * r, 0.55 * r, 0.1 * r)
    body = sdf.union(first, warp.rotate(second, opened @ np.diag((1.0, -1.0, 1.0))), head)
    return Solid(body, (wide + 2 * r, wide + 2 * r, half + 0.45 * r + 0.02), thin=min(0.5 * t, 0.25 * r))


def _leaf(rng: np.random.Generator, r: float, wide: float, half: float, t: float, taper: float) -> Sdf:
    """A knuckle of radius r along all of z and a leaf from it along +x, tangent to it at -y, with holes."""
    end, low = r + wide, half * taper
    outline = np.array([(0.0, -half), (end, -low), (end, low), (0.0, half)])
    plate = warp.rotate(sdf.extrude(outlines.polygon(outline), t), warp.axis_rotation(0, 90))
    plate = warp.move(plate, (0, -r + t, 0))
    screw = sdf.union(sdf.cylinder(0.5 * t + 0.02, 1), warp.move(sdf.frustum(0.02, 0.07, 0.03), (0, 0, t - 0.01)))
    screw = warp.grid(screw, (wide * 0.5, 1.4 * half / 3, 9), (int(rng.integers(1, 3)), int(rng.integers(1, 4)), 1))
    screw = warp.move(warp.rotate(screw, warp.axis_rotation(0, 90)), (r + 0.5 * wide, -r + t, 0))
    return sdf.subtract(sdf.union(sdf.cylinder(r, half), sdf.subtract(plate, screw)), sdf.cylinder(0.45 * r, 2))


FAMILIES = {"lever": lever, "spanner": spanner, "jaw": jaw, "hinge": hinge}
