"""Parts that turn one motion into another: cranks, crankshafts, connecting rods, chain links."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families.details import chance, pick, proportion
from align3d_cli.synthetic.families.shafts import stepped
from align3d_cli.synthetic.sdf import Sdf
from align3d_cli.synthetic.solid import Solid


def crank(rng: np.random.Generator) -> Solid:
    """Hand cranks, crankshafts and cranked rods."""
    return pick(rng, _hand_crank, _crankshaft, _cranked_rod)(rng)


def _hand_crank(rng: np.random.Generator) -> Solid:
    """An arm between a bored hub and a grip that stands on its other end."""
    hub, far = proportion(rng, 0.12, 0.24), proportion(rng, 0.07, 0.14)
    t, high = proportion(rng, 0.03, 0.08), rng.uniform(0.3, 0.8)
    end = 0.93 - far
    arm = sdf.extrude(outlines.tapered((-0.9 + hub, 0), (end, 0), hub * rng.uniform(0.5, 0.9), 0.9 * far), t, 0.3 * t)
    deep = t * rng.uniform(1.3, 3.5)
    boss = warp.move(sdf.section(-t, deep, hub, 0.08 * hub), (-0.9 + hub, 0, 0))
    ends = np.array([-t, t, 0.2 + 0.1 * high, 0.9 * high, high])
    grip = stepped(far * np.array((0.6, 0.95, rng.uniform(0.6, 0.85), 0.95)), ends, 0.1 * far)
    body = sdf.union(sdf.blend(0.5 * t, arm, boss), warp.move(grip, (end, 0, 0)))
    bore = pick(rng, outlines.circle(0.5 * hub), outlines.rectangle(0.4 * hub, 0.4 * hub))
    body = sdf.subtract(body, warp.move(sdf.extrude(bore, 1), (-0.9 + hub, 0, 0)))
    middle = (max(high, deep) - t) / 2
    half = (0.97, max(hub, far) + 0.02, middle + t + 0.02)
    return Solid(warp.move(body, (0, 0, -middle)), half, thin=min(t, 0.4 * hub))


def _crankshaft(rng: np.random.Generator) -> Solid:
    """Journals, webs and pins about z, the throws turned against each other."""
    throws, r, throw = int(rng.integers(1, 5)), proportion(rng, 0.05, 0.11), proportion(rng, 0.12, 0.3)
    pitch = 1.5 / throws
    web, pin = pitch * rng.uniform(0.07, 0.13), pitch * rng.uniform(0.13, 0.22)
    counterweight = -throw * rng.uniform(0.1, 0.8)
    arm = sdf.extrude(outlines.tapered((counterweight, 0), (throw, 0), 1.6 * r, 1.4 * r), web, 0.15 * web)
    pins = warp.move(sdf.cylinder(0.9 * r, pin + web), (throw, 0, 0))
    one = sdf.union(warp.mirror(warp.move(arm, (0, 0, pin + web)), 2), pins)
    turn = pick(rng, 180, 120, 90)
    journals = r * np.array((rng.uniform(0.6, 1), 1, rng.uniform(0.6, 1.5)))
    axle = stepped(journals, np.array((-0.95, -0.8, 0.85, 0.95)), 0.1 * r)
    parts, gaps = [], []
    for i in range(throws):
        at = (0, 0, (i - (throws - 1) / 2) * pitch)
        parts.append(warp.move(warp.rotate(one, warp.axis_rotation(2, turn * i)), at))
        gaps.append(warp.move(sdf.cylinder(2 * r, pin), at))
    wide = throw + 1.6 * r + 0.02
    return Solid(sdf.union(sdf.subtract(axle, *gaps), *parts), (wide, wide, 0.97), thin=min(web, 0.6 * r))


def _cranked_rod(rng: np.random.Generator) -> Solid:
    """A rod bent to and fro in one plane, with collars on its straight ends."""
    r, rise = proportion(rng, 0.03, 0.08), rng.uniform(0.15, 0.5)
    first, last = rng.uniform(-0.6, -0.2), rng.uniform(0.0, 0.5)
    back = pick(rng, 0.0, rise, -0.5 * rise)
    path = np.array([(-0.93, 0), (first, 0), (first + 0.08, rise), (last, rise), (last + 0.08, back), (0.93, back)])
    line = outlines.chaikin(_bends(path - (0, rise / 2), rng.uniform(0.03, 0.07)), 3, closed=False)
    body = sdf.tube(np.column_stack((line, 0 * line[:, 0])), r)
    collar = warp.along(sdf.section(-0.03, 0.03, 1.6 * r, 0.2 * r), 0)
    body = sdf.union(body, warp.move(collar, (rng.uniform(-0.9, first - 0.1), -rise / 2, 0)))
    return Solid(body, (0.95 + r, rise * 1.1 + 2 * r, 1.6 * r + 0.02), thin=r)


def _bends(path: np.ndarray, reach: float) -> np.ndarray:
    """The path (K, 2) with a point before and one after every corner, `reach` away: rounding then stays near it."""
    points = [path[0]]
    for before, corner, after in zip(path[:-2], path[1:-1], path[2:], strict=True):
        for end in (before, corner, after):
            away = end - corner
            points.append(corner + away * min(reach / max(float(np.hypot(*away)), 1e-9), 0.45))
    return np.array([*points, path[-1]])


def conrod(rng: np.random.Generator) -> Solid:
    """Connecting rods: a split big end with bolts, a shank that is an I in section, a bushed small end."""
    big, small, t = proportion(rng, 0.17, 0.34), proportion(rng, 0.09, 0.16), proportion(rng, 0.04, 0.1)
    left, right = -0.93 + big, 0.93 - small
    bar = outlines.tapered((left, 0), (right, 0), 0.55 * big, 0.8 * small)
    shank = sdf.extrude(bar, t * rng.uniform(0.6, 0.9), 0.01)
    if chance(rng, 0.7):
        start, end = (left + 1.25 * big, 0.0), (right - 1.5 * small, 0.0)
        flute = outlines.tapered(start, end, 0.28 * big, 0.4 * small)
        shank = sdf.engrave(shank, sdf.column(flute), t * rng.uniform(0.2, 0.45), 0.01)
    eyes = [
        warp.move(sdf.cylinder(big, t, 0.1 * t), (left, 0, 0)),
        warp.move(sdf.cylinder(small, t * rng.uniform(0.8, 1.3), 0.1 * t), (right, 0, 0)),
    ]
    body = sdf.blend(rng.uniform(0.01, 0.06), shank, *eyes)
    high = big
    if chance(rng, 0.6):
        high = big * rng.uniform(1.1, 1.3)
        ear = sdf.union(
            sdf.box((0.35 * big, 0.25 * big, 0.8 * t), 0.1 * t),
            warp.along(sdf.section(-0.5 * big, 0.5 * big, 0.5 * t, 0.1 * t), 0),
        )
        body = sdf.union(body, warp.mirror(warp.move(ear, (left, high - 0.2 * big, 0)), 1))
        body = sdf.engrave(body, warp.move(sdf.box((0.008, 1, 1)), (left, 0, 0)), 0.012)
    bores = [
        warp.move(sdf.cylinder(r * rng.uniform(0.55, 0.78), 1), (x, 0, 0)) for r, x in ((big, left), (small, right))
    ]
    return Solid(sdf.subtract(body, *bores), (0.97, high * 1.08 + 0.02, 1.3 * t + 0.02), thin=min(0.3 * t, 0.1 * small))


def chain(rng: np.random.Generator) -> Solid:
    """Links of roller chains and of welded chains, one to five in a row."""
    return pick(rng, _roller_chain, _welded_chain)(rng)


def _roller_chain(rng: np.random.Generator) -> Solid:
    """Pairs of waisted plates, inner and outer ones in turn, on pins with rollers."""
    links = int(rng.integers(1, 5))
    pitch = 1.9 / (links + rng.uniform(0.6, 0.9))
    r, t = pitch * rng.uniform(0.28, 0.38), pitch * proportion(rng, 0.04, 0.1)
    gap = pitch * rng.uniform(0.12, 0.35)
    ends = (-pitch / 2, 0.0), (pitch / 2, 0.0)
    waist = outlines.tapered(ends[0], ends[1], r * rng.uniform(0.5, 0.95), r * 0.7)
    eyes = [outlines.tapered(end, end, r, r) for end in ends]
    plate = sdf.extrude(lambda x, y: np.minimum(np.minimum(eyes[0](x, y), eyes[1](x, y)), waist(x, y)), t, 0.2 * t)
    parts = []
    for i in range(links):
        level = gap + t + (2.1 * t if i % 2 else 0.0)
        parts.append(warp.move(warp.mirror(warp.move(plate, (0, 0, level)), 2), ((i - (links - 1) / 2) * pitch, 0, 0)))
    pin = sdf.union(sdf.cylinder(0.35 * r, gap + 4.8 * t, 0.3 * t), sdf.cylinder(0.65 * r, gap * 0.95, 0.02 * r))
    parts.append(warp.grid(pin, (pitch, 9, 9), (links + 1, 1, 1)))
    return Solid(sdf.union(*parts), (links * pitch / 2 + r + 0.02, r + 0.02, gap + 4.9 * t + 0.02), thin=t)


def _welded_chain(rng: np.random.Generator) -> Solid:
    """Ovals of wire, each a quarter turn about x from the one before, with a stud across at times."""
    links = int(rng.integers(1, 6))
    straight, ring = rng.uniform(0.6, 1.6), 1.0  # in units of an oval's own radius
    wire = rng.uniform(0.22, 0.36)
    step = 2 * (straight + ring) - 2 * wire
    size = 1.9 / ((links - 1) * step + 2 * (straight + ring + wire))
    oval = _oval(straight, ring, wire)
    if chance(rng, 0.4):
        oval = sdf.union(oval, warp.along(sdf.cylinder(0.6 * wire, ring), 1))
    parts = []
    for i in range(links):
        link = warp.rotate(oval, warp.axis_rotation(0, 90 * (i % 2)))
        parts.append(warp.move(link, ((i - (links - 1) / 2) * step, 0, 0)))
    wide = (ring + wire) * size + 0.02
    half = (0.97, wide, wide if links > 1 else wire * size + 0.02)
    return Solid(warp.scale(sdf.union(*parts), size), half, thin=0.6 * wire * size)


def _oval(straight: float, ring: float, wire: float) -> Sdf:
    """A round wire along two straight runs and two half circles, in the xy plane."""

    def f(p):
        x = np.maximum(np.abs(p[0]) - np.float32(straight), 0)
        return sdf.length(sdf.length(x, p[1]) - np.float32(ring), p[2]) - np.float32(wire)

    return f


FAMILIES = {"crank": crank, "conrod": conrod, "chain": chain}
