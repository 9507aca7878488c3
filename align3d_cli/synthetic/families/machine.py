"""Machine parts: plates, turned parts, gears, fasteners, sheet metal, housings, pipes, heat sinks."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick
from align3d_cli.synthetic.solid import Solid


def plate(rng: np.random.Generator) -> Solid:
    """A flat outline with rounded edges, holes, pockets, ribs or writing."""
    half = rng.uniform(0.05, 0.3)
    edge = half * pick(rng, 0.0, rng.uniform(0.05, 0.5))
    body = sdf.extrude(outlines.polygon(details.outline(rng, 0.95)), half, edge)
    if chance(rng, 0.6):
        body = sdf.subtract(body, details.bolt_circle(rng, rng.uniform(0.3, 0.6), rng.uniform(0.04, 0.1), half))
    if chance(rng, 0.5):
        middle = warp.move(sdf.cylinder(rng.uniform(0.08, 0.28), 1), (0, 0, pick(rng, 0.0, 1.0)))
        body = sdf.subtract(body, middle)
    if chance(rng, 0.35):
        pocket = outlines.rectangle(rng.uniform(0.15, 0.5), rng.uniform(0.1, 0.3), 0.05)
        body = details.marked(rng, body, details.above(sdf.column(pocket)), half * rng.uniform(0.2, 0.8))
    if chance(rng, 0.3):
        body = details.marked(rng, body, details.above(details.writing(rng, rng.uniform(0.15, 0.3))), half * 0.15)
    return Solid(body, (1.0, 1.0, half * 1.9 + 0.02))


def turned(rng: np.random.Generator) -> Solid:
    """A lathe part: steps, cones, grooves, fillets, knurls, a bore."""
    steps = int(rng.integers(2, 7))
    z = np.sort(np.concatenate(([-0.95, 0.95], rng.uniform(-0.85, 0.85, steps - 1))))
    r = rng.uniform(0.15, 0.75, steps) * rng.uniform(0.6, 1.2)
    corners = [(0.0, z[0])]
    for i in range(steps):
        lean = rng.uniform(0.8, 1.0) if chance(rng, 0.3) else 1.0
        corners += [(r[i], z[i]), (r[i] * lean, z[i + 1])]
    points = np.array([*corners, (0.0, z[-1])])
    if chance(rng, 0.4):
        points[1:-1] = outlines.chaikin(points[1:-1], 1, closed=False)[: len(points) - 2]
    right = outlines.chaikin(points, 1, closed=False) if chance(rng, 0.3) else points
    body = sdf.revolve(outlines.polygon(np.concatenate((right, right[::-1] * (-1, 1)))))
    top = float(r.max())
    if chance(rng, 0.5):
        body = sdf.engrave(body, details.bands(rng, -0.8, 0.8), rng.uniform(0.015, 0.05), pick(rng, 0.0, 0.01))
    if chance(rng, 0.25):
        low = rng.uniform(-0.8, 0.3)
        field = details.knurl(top, int(rng.integers(16, 40)), rng.uniform(0.008, 0.02))
        body = details.with_field(body, details.between(field, low, low + 0.5))
    if chance(rng, 0.4):
        body = sdf.subtract(
            body, warp.move(sdf.cylinder(float(r.min()) * rng.uniform(0.3, 0.8), 1), (0, 0, pick(rng, 0, 0.7, -0.8)))
        )
    if chance(rng, 0.3):
        body = sdf.subtract(body, warp.move(sdf.box((0.06, 0.06, 0.3)), (float(r[-1]), 0, 0.8)))
    return Solid(body, (top * 1.06 + 0.02, top * 1.06 + 0.02, 0.98))


def gear(rng: np.random.Generator) -> Solid:
    """Spur and helical gears and sprockets with hubs, spokes or lightening holes."""
    teeth, half = int(rng.integers(8, 42)), rng.uniform(0.08, 0.4)
    depth = min(4.5 / teeth, 0.25) * rng.uniform(0.5, 1.1)
    outline = outlines.gear(teeth, 0.95, depth, rng.uniform(0.25, 0.7))
    if chance(rng, 0.4):
        outline = outlines.chaikin(outline, 2)
    body = sdf.extrude(outlines.polygon(outline), half, half * rng.uniform(0.02, 0.12))
    rim = 0.95 - depth
    web = rim * rng.uniform(0.65, 0.85)
    hub = web * rng.uniform(0.3, 0.6)
    tools = []
    if chance(rng, 0.6):
        recess = sdf.column(lambda x, y: np.maximum(np.hypot(x, y) - np.float32(web), np.float32(hub) - np.hypot(x, y)))
        body = sdf.engrave(body, recess, half * rng.uniform(0.2, 0.6))
        tools.append(
            warp.ring(
                warp.move(sdf.cylinder((web - hub) * rng.uniform(0.2, 0.42), 1), ((web + hub) / 2, 0, 0)),
                int(rng.integers(3, 8)),
            )
        )
    tools.append(sdf.cylinder(hub * rng.uniform(0.3, 0.7), 1))
    if chance(rng, 0.5):
        tools.append(warp.move(sdf.box((0.07, 0.05, 1)), (hub * 0.6, 0, 0)))
    body = sdf.subtract(body, *tools)
    high = half
    if chance(rng, 0.4):
        high = half * rng.uniform(1.2, 2.2)
        boss = sdf.subtract(sdf.cylinder(hub, high, 0.02), sdf.cylinder(hub * 0.5, 2))
        body = sdf.union(body, boss)
    if chance(rng, 0.35):
        body = warp.twist(body, rng.uniform(-0.12, 0.12) / half, 1.0)
    return Solid(body, (0.98, 0.98, high + 0.03))


def fastener(rng: np.random.Generator) -> Solid:
    """Screws, bolts and nuts with threads, flanges and drives."""
    pitch, radius = rng.uniform(0.05, 0.14), rng.uniform(0.2, 0.35)
    sides = pick(rng, 4, 6, 6, 6, 60)
    head_r, head_h = radius * rng.uniform(1.5, 2.1), rng.uniform(0.12, 0.3)
    thread = warp.helix(pitch, 1, pitch * rng.uniform(0.18, 0.28))
    head = sdf.extrude(outlines.polygon(outlines.regular(sides, head_r)), head_h, 0.02)
    head = sdf.intersect(head, warp.move(sdf.sphere(head_r * 1.12), (0, 0, head_h - head_r * rng.uniform(0.5, 0.9))))
    if chance(rng, 0.3):
        nut = sdf.subtract(
            warp.scale(head, 0.95 / head_r), sdf.engrave(sdf.cylinder(radius * 0.95 / head_r, 2), thread, 0.05)
        )
        return Solid(nut, (0.98, 0.98, head_h * 0.95 / head_r + 0.02))
    shank = sdf.cylinder(radius, 0.8, 0.03)
    lower = rng.uniform(-0.6, 0.6)
    threaded = sdf.engrave(
        shank, lambda p: np.maximum(thread(p), p[2] - np.float32(lower)), pitch * rng.uniform(0.4, 0.7), 0.01
    )
    drive = pick(
        rng,
        sdf.box((head_r * 0.8, 0.05, 0.1)),
        sdf.union(sdf.box((head_r * 0.55, 0.05, 0.12)), sdf.box((0.05, head_r * 0.55, 0.12))),
        sdf.extrude(outlines.polygon(outlines.regular(6, head_r * 0.45)), 0.13),
        sdf.extrude(outlines.polygon(outlines.regular(6, head_r * 0.5, 0.7)), 0.13),
    )
    head = warp.move(head, (0, 0, 0.7))
    if chance(rng, 0.6) or sides == 60:
        head = sdf.subtract(head, warp.move(drive, (0, 0, 0.7 + head_h)))
    parts = [threaded, head]
    if chance(rng, 0.35):
        parts.append(warp.move(sdf.frustum(head_r * 1.4, head_r, 0.05, 0.02), (0, 0, 0.72 - head_h)))
    wide = head_r * 1.45
    return Solid(sdf.union(*parts), (wide, wide, 0.75 + head_h + 0.1))


def sheet(rng: np.random.Generator) -> Solid:
    """Bent sheet metal: flanges at angles, holes, slots, beads, louvres."""
    t, radius = rng.uniform(0.018, 0.05), rng.uniform(0.06, 0.15)
    count = int(rng.integers(2, 5))
    heading, at, corners = 0.0, np.zeros(2), [np.zeros(2)]
    for _ in range(count):
        at = at + rng.uniform(0.4, 1.0) * np.array((np.cos(heading), np.sin(heading)))
        corners.append(at)
        heading += np.radians(pick(rng, 90, -90, 60, 45, 120, -45))
    path = np.array(corners)
    path = (path - (path.max(0) + path.min(0)) / 2) / max(np.ptp(path, axis=0).max() / 1.8, 0.5)
    line = outlines.chaikin(path, 3, closed=False) if radius > 0.1 else outlines.chaikin(path, 1, closed=False)
    width = rng.uniform(0.35, 0.95)
    body = sdf.extrude(outlines.strokes([line], t), width)
    tools = []
    for axis in (0, 1):
        if chance(rng, 0.6):
            tools.append(
                warp.along(details.hole_grid(rng, 0.7, 0.8 * width, 3), axis)
                if axis
                else warp.along(details.hole_grid(rng, 0.8 * width, 0.6, 3), 0)
            )
    body = sdf.subtract(body, *tools[:1]) if tools else body
    if chance(rng, 0.4):
        bead = sdf.cylinder(rng.uniform(0.02, 0.05), width * 0.8)
        body = sdf.blend(0.04, body, warp.move(bead, (*((path[0] + path[1]) / 2), 0)))
    half = np.abs(path).max(axis=0) + t + 0.06
    return Solid(body, (float(half[0]), float(half[1]), width + 0.02))


def housing(rng: np.random.Generator) -> Solid:
    """An open shelled box with screw posts, ribs, vents and cut-outs."""
    hx, hy, hz = rng.uniform(0.5, 0.95), rng.uniform(0.4, 0.8), rng.uniform(0.2, 0.5)
    wall, corner = rng.uniform(0.03, 0.08), rng.uniform(0.02, 0.2)
    outer = sdf.box((hx, hy, hz), corner)
    inner = warp.move(sdf.box((hx - wall, hy - wall, hz), max(corner - wall, 0.0)), (0, 0, wall))
    body = sdf.subtract(outer, inner, warp.move(sdf.box((2, 2, hz)), (0, 0, 2 * hz - pick(rng, 0.0, 0.02) - wall)))
    post = sdf.subtract(sdf.cylinder(0.09, hz * 0.9), sdf.cylinder(0.04, 1))
    inside = [warp.mirror(warp.mirror(warp.move(post, (hx * 0.75, hy * 0.7, -0.1 * hz)), 0), 1)]
    if chance(rng, 0.6):
        inside.append(
            warp.move(
                warp.grid(sdf.box((0.015, hy, hz * 0.4)), (0.3, 1, 1), (int(rng.integers(2, 5)), 1, 1)),
                (0, 0, -0.55 * hz),
            )
        )
    body = sdf.union(body, sdf.intersect(sdf.union(*inside), outer))
    if chance(rng, 0.6):
        body = sdf.subtract(body, details.hole_grid(rng, hx * 0.6, hy * 0.5, 2))
    if chance(rng, 0.5):
        port = sdf.box((0.2, wall * 3, hz * 0.25), 0.03)
        body = sdf.subtract(body, warp.move(port, (rng.uniform(-0.4, 0.4), -hy, 0)))
    return Solid(body, (hx + 0.02, hy + 0.02, hz + 0.02))


def pipe(rng: np.random.Generator) -> Solid:
    """Pipe fittings: elbows, tees, crosses, flanges, valves."""
    r, wall = rng.uniform(0.18, 0.32), rng.uniform(0.04, 0.08)
    reach = 0.85
    ends = [(0, 1), (0, -1), (1, 1), (1, -1), (2, 1), (2, -1)]
    chosen = [ends[i] for i in rng.permutation(6)[: rng.integers(2, 5)]]
    outer, bore, rims = [sdf.sphere(r * 1.02)], [sdf.sphere(r - wall)], []
    for axis, sign in chosen:
        to = np.zeros(3)
        to[axis] = sign * reach
        outer.append(warp.move(warp.along(sdf.cylinder(r, reach / 2), axis), to / 2))
        bore.append(warp.move(warp.along(sdf.cylinder(r - wall, reach / 2 + 0.2), axis), to * 0.7))
        if chance(rng, 0.6):
            rim = sdf.cylinder(r * rng.uniform(1.3, 1.9), 0.06, 0.01)
            if chance(rng, 0.6):
                rim = sdf.subtract(rim, details.bolt_circle(rng, r * 1.45, 0.04, 0.06))
            rims.append(warp.move(warp.along(rim, axis), to * 0.95))
        elif chance(rng, 0.5):
            groove = warp.move(warp.along(sdf.cylinder(r * 1.15, 0.14, 0.03), axis), to * 0.85)
            rims.append(groove)
    body = sdf.blend(rng.uniform(0.02, 0.15), *outer)
    body = sdf.union(body, *rims) if rims else body
    return Solid(sdf.subtract(body, *bore), (0.98, 0.98, 0.98))


def heatsink(rng: np.random.Generator) -> Solid:
    """Fins or pins on a base."""
    hx, hy, base, high = rng.uniform(0.6, 0.95), rng.uniform(0.5, 0.95), rng.uniform(0.05, 0.15), rng.uniform(0.3, 0.8)
    foot = warp.move(sdf.box((hx, hy, base), 0.01), (0, 0, -high / 2))
    n = int(rng.integers(5, 14))
    pitch = 2 * hx / n
    thick = pitch * rng.uniform(0.15, 0.3)
    if chance(rng, 0.5):
        fins = warp.grid(sdf.box((thick, hy, high / 2), 0.01), (pitch, 1, 1), (n, 1, 1))
    else:
        m = max(int(2 * hy / pitch), 2)
        pin = pick(rng, sdf.box((thick, thick, high / 2)), sdf.frustum(thick * 1.2, thick * 0.8, high / 2, 0.01))
        fins = warp.grid(pin, (pitch, 2 * hy / m, 1), (n, m, 1))
    body = sdf.union(foot, fins)
    if chance(rng, 0.5):
        body = sdf.subtract(body, details.bolt_circle(rng, min(hx, hy) * 0.85, 0.06, 1.0))
    return Solid(body, (hx + 0.02, hy + 0.02, high / 2 + base + 0.02))


FAMILIES = {
    "plate": plate,
    "turned": turned,
    "gear": gear,
    "fastener": fastener,
    "sheet": sheet,
    "housing": housing,
    "pipe": pipe,
    "heatsink": heatsink,
}
