"""Things of the house: bottles, cups, cartons, dishes, cutlery, tools, building bricks, dice, brushes."""

import numpy as np

from align3d_cli.synthetic import fields, outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick
from align3d_cli.synthetic.solid import Solid


def soft(rng: np.random.Generator, strength: float = 0.006) -> tuple:
    """Reliefs of hand-made or scanned things: long shallow waves, at times a fine grain."""
    out = []
    if chance(rng, 0.6):
        wavelength = rng.uniform(0.15, 0.7)
        amplitude = min(strength * rng.uniform(0.2, 1.5), rng.uniform(0.005, 0.03) * wavelength)
        out.append((amplitude, fields.waves(rng, wavelength)))
    if chance(rng, 0.25):
        kind = fields.RELIEFS[pick(rng, *fields.RELIEFS)]
        wavelength = rng.uniform(0.04, 0.15)
        out.append((min(strength * rng.uniform(0.1, 0.6), 0.03 * wavelength), kind(rng, wavelength)))
    return tuple(out)


def _vessel_outline(rng: np.random.Generator) -> np.ndarray:
    """Right half (K, 2) of a vessel from the bottom axis to the top: radius and height."""
    z = np.linspace(-0.95, 0.95, int(rng.integers(4, 8)))
    r = np.clip(rng.uniform(0.3, 0.6) + 0.12 * np.cumsum(rng.normal(size=len(z))), 0.15, 0.7)
    return np.stack((r, z), axis=1)


def bottle(rng: np.random.Generator) -> Solid:
    """Body, shoulder, neck and cap, round or flattened, with grip rings, label edges and fluted caps."""
    body_r, neck_r = rng.uniform(0.28, 0.5), rng.uniform(0.09, 0.2)
    shoulder, neck = rng.uniform(0.1, 0.5), rng.uniform(0.6, 0.75)
    waist = body_r * rng.uniform(0.75, 1.0)
    corners = [
        (0, -0.95),
        (body_r * 0.85, -0.95),
        (body_r, -0.85),
        (body_r, -0.4),
        (waist, rng.uniform(-0.3, 0.0)),
        (body_r, shoulder - 0.1),
        (body_r, shoulder),
        (neck_r, neck),
        (neck_r, 0.95),
        (0, 0.95),
    ]
    right = outlines.chaikin(np.array(corners), int(rng.integers(1, 3)), closed=False)
    body = sdf.revolve(outlines.polygon(np.concatenate((right, right[::-1] * (-1, 1)))))
    if chance(rng, 0.5):
        body = details.marked(rng, body, details.bands(rng, -0.8, shoulder), rng.uniform(0.006, 0.025))
    flat = rng.uniform(0.45, 0.9) if chance(rng, 0.45) else 1.0
    body = warp.stretch(body, (1, flat, 1))
    cap = sdf.cylinder(neck_r * rng.uniform(1.15, 1.5), 0.13, 0.02)
    if chance(rng, 0.7):
        cap = sdf.engrave(cap, details.flutes(rng, neck_r), 0.015)
    parts = [body, warp.move(cap, (0, 0, 0.84))]
    wide = body_r
    if chance(rng, 0.25):
        parts.append(sdf.capsule((-0.1, 0, 0.93), (0.35, 0, 0.81), 0.07, 0.04))  # a spray nozzle
    if chance(rng, 0.3):
        label = details.above(warp.rotate(details.writing(rng, 0.16, 4), warp.axis_rotation(0, 90)), -2)
        parts[0] = sdf.emboss(parts[0], lambda p: np.maximum(label(p), p[1]), 0.012)
    return Solid(sdf.blend(0.02, *parts), (wide * 1.1 + 0.02, wide * 1.1 + 0.02, 1.02), soft(rng))


def vessel(rng: np.random.Generator) -> Solid:
    """Open vases, cups and bowls with thick walls, handles, feet and flutes."""
    line = outlines.chaikin(_vessel_outline(rng), 3, closed=False)
    wall = rng.uniform(0.03, 0.07)
    right = np.concatenate(
        ([(0.0, -0.95)], line, (line - (wall, 0))[::-1][:-1], [(line[0, 0] - wall, -0.9 + wall), (0.0, -0.9 + wall)])
    )
    body = sdf.revolve(outlines.polygon(np.concatenate((right, right[::-1] * (-1, 1)))))
    wide = float(line[:, 0].max())
    if chance(rng, 0.3):
        body = sdf.engrave(body, details.flutes(rng, wide), rng.uniform(0.1, 0.25) * wall, 0.01)
    elif chance(rng, 0.4):
        body = details.marked(rng, body, details.bands(rng, -0.8, 0.8), wall * 0.3)
    if chance(rng, 0.5):
        arc = np.linspace(-1.3, 1.3, 9)
        size = rng.uniform(0.2, 0.4)
        at = np.interp(0.0, line[:, 1], line[:, 0])
        loop = np.stack((at - 0.02 + 1.1 * size * np.cos(arc) - 0.25 * size, 0 * arc, size * 1.3 * np.sin(arc)), 1)
        handle = sdf.subtract(sdf.tube(loop, rng.uniform(0.04, 0.075)), sdf.cylinder(at - wall / 2, 0.9))
        body = sdf.blend(0.04, body, handle)
        wide = max(wide, at + size)
    body = warp.twist(body, rng.uniform(-0.3, 0.3), wide) if chance(rng, 0.15) else body
    return Solid(body, (wide + 0.06, wide + 0.06, 0.98), soft(rng))


def carton(rng: np.random.Generator) -> Solid:
    """Boxes: creased, slightly bulged, with flaps, seams, embossed print."""
    half = rng.uniform(0.25, 0.95, 3)
    half[rng.integers(3)] = 0.95
    body = sdf.box(half, rng.uniform(0.005, 0.12))
    bulge = rng.uniform(-0.04, 0.05)

    def puffed(p):
        q = [1 - (p[i] / np.float32(half[i])) ** 2 for i in range(3)]
        swell = q[0] * q[1] + q[1] * q[2] + q[2] * q[0]
        return (body(p) - np.float32(bulge) * np.clip(swell, 0, 2)) * np.float32(0.85)

    shape = puffed if chance(rng, 0.6) else body
    size = min(half[0], half[1])
    if chance(rng, 0.5):
        shape = details.marked(rng, shape, details.above(details.writing(rng, 0.35 * size)), rng.uniform(0.006, 0.02))
    if chance(rng, 0.5):
        seam = rng.uniform(-0.3, 0.3) * half[0]
        shape = sdf.engrave(
            shape, lambda p: np.maximum(np.abs(p[0] - np.float32(seam)) - np.float32(0.008), -p[2]), 0.012
        )
    if chance(rng, 0.4):
        flap = warp.move(sdf.box((half[0] * 0.98, half[1] * rng.uniform(0.3, 0.9), 0.008)), (0, 0, half[2] + 0.012))
        shape = sdf.union(shape, flap)
    return Solid(shape, tuple(half + 0.12), soft(rng))


def dish(rng: np.random.Generator) -> Solid:
    """Plates, lids and shallow bowls: a bent profile turned about z, with rim, foot and knob."""
    count = int(rng.integers(3, 6))
    r = np.linspace(0, 0.92, count + 1)
    z = np.concatenate(([0.0], np.cumsum(np.abs(rng.normal(size=count)) * rng.uniform(0.03, 0.2)))) - 0.15
    line = outlines.chaikin(np.stack((r, z), 1), 3, closed=False)
    both = np.concatenate((line[::-1] * (-1, 1), line[1:]))
    body = sdf.revolve(outlines.strokes([both], rng.uniform(0.02, 0.045)))
    if chance(rng, 0.5):
        body = sdf.union(body, warp.move(sdf.torus(rng.uniform(0.3, 0.6), 0.035), (0, 0, float(z[1]) - 0.03)))
    if chance(rng, 0.35):
        knob = sdf.blend(0.05, warp.move(sdf.sphere(rng.uniform(0.1, 0.18)), (0, 0, 0.2)), sdf.cylinder(0.06, 0.15))
        body = sdf.blend(0.04, body, warp.move(knob, (0, 0, float(z[0]))))
    if chance(rng, 0.35):
        wavy = int(rng.integers(6, 30))
        amount = np.float32(rng.uniform(0.01, 0.04))
        inner = body

        def scalloped(p):
            lift = (
                amount
                * np.cos(np.float32(wavy) * np.arctan2(p[1], p[0]))
                * np.clip((p[0] ** 2 + p[1] ** 2) * 1.3 - 0.3, 0, 1)
            )
            return inner(np.stack((p[0], p[1], p[2] - lift))) * np.float32(0.8)

        body = scalloped
    top = float(max(z.max() + 0.12, 0.45))
    return Solid(body, (1.0, 1.0, top), soft(rng, 0.004))


def cutlery(rng: np.random.Generator) -> Solid:
    """Spoons, forks, knives, spatulas: flat outlines bent along their length."""
    kind = rng.integers(3)
    t = rng.uniform(0.02, 0.045)
    handle = sdf.box((0.55, rng.uniform(0.05, 0.11), t), t * 0.9)
    if chance(rng, 0.5):
        handle = sdf.union(
            warp.move(sdf.capsule((-0.3, 0, 0), (0.3, 0, 0), rng.uniform(0.07, 0.11), 0.06), (0, 0, 0)),
            sdf.box((0.55, 0.04, t)),
        )
    if kind == 0:
        bowl = sdf.shell(warp.move(sdf.ellipsoid((0.32, 0.2, rng.uniform(0.08, 0.2))), (0, 0, 0)), 0.04)
        head = sdf.intersect(bowl, sdf.halfspace((0, 0, 1), 0.0))
    elif kind == 1:
        tines = warp.grid(sdf.box((0.2, 0.018, t), 0.01), (1, 0.09, 1), (1, int(rng.integers(3, 5)), 1))
        head = sdf.union(warp.move(tines, (0.17, 0, 0)), sdf.box((0.1, 0.17, t), 0.02))
    else:
        blade = outlines.chaikin(np.array([(-0.3, -0.1), (0.3, -0.12), (0.42, 0.05), (0.2, 0.14), (-0.3, 0.1)]), 2)
        head = sdf.extrude(outlines.polygon(blade * (1, rng.uniform(0.7, 1.8))), t * 0.6, 0.004)
        if chance(rng, 0.4):
            head = sdf.subtract(head, warp.grid(sdf.box((0.02, 0.09, 1)), (0.1, 1, 1), (4, 1, 1)))
    body = sdf.blend(0.05, warp.move(handle, (-0.4, 0, 0)), warp.move(head, (0.42, 0, 0)))
    body = warp.bend(body, rng.uniform(-0.5, 0.5), 0.25)
    return Solid(body, (1.0, 0.35, 0.42), soft(rng, 0.003))


def tool(rng: np.random.Generator) -> Solid:
    """Hand tools: gripped handles with shafts, jaws, hammer heads, wrench outlines, clamps."""
    grip_r = rng.uniform(0.1, 0.17)
    grip = warp.along(sdf.superellipsoid((grip_r, grip_r * rng.uniform(0.7, 1), 0.45), rng.uniform(0.3, 0.8), 1.0), 0)
    if chance(rng, 0.7):
        mask = pick(rng, details.bands(rng, -0.35, 0.35, axis=0), warp.along(details.flutes(rng, grip_r), 0))
        grip = sdf.engrave(grip, mask, rng.uniform(0.01, 0.025), 0.008)
    shaft = sdf.capsule((0.3, 0, 0), (1.35, 0, 0), rng.uniform(0.035, 0.08))
    kind = rng.integers(4)
    if kind == 0:
        tip = warp.move(sdf.box((0.12, rng.uniform(0.05, 0.1), 0.025), 0.01), (1.35, 0, 0))
    elif kind == 1:
        tip = warp.move(
            warp.along(
                sdf.union(
                    sdf.cylinder(rng.uniform(0.1, 0.18), 0.3, 0.02),
                    warp.move(sdf.frustum(0.14, 0.05, 0.15), (0, 0, -0.35)),
                ),
                1,
            ),
            (1.3, 0, 0),
        )
    elif kind == 2:
        jaw = outlines.polygon(
            outlines.regular(24, 0.24), np.array([(0.0, -0.11), (0.3, -0.11), (0.3, 0.11), (0.0, 0.11)]) * 0.8
        )
        tip = warp.move(sdf.extrude(jaw, 0.06, 0.01), (1.35, 0, 0))
    else:
        tip = sdf.union(*(sdf.tube([(1.0, 0, 0), (1.15, s * 0.25, 0), (1.5, s * 0.12, 0)], 0.06) for s in (1, -1)))
    body = warp.move(sdf.blend(rng.uniform(0.01, 0.05), grip, shaft, tip), (-0.5, 0, 0))
    return Solid(body, (1.1, 0.6, 0.4), soft(rng, 0.004))


def brick(rng: np.random.Generator) -> Solid:
    """Toy bricks with studs, slopes and hollow undersides."""
    nx, ny = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    pitch = 1.8 / max(nx, ny)
    hx, hy, hz = nx * pitch / 2, ny * pitch / 2, pitch * rng.uniform(0.2, 0.7)
    body = sdf.box((hx, hy, hz), pitch * 0.02)
    if chance(rng, 0.3):
        body = sdf.intersect(body, sdf.halfspace((rng.uniform(0.5, 1.5), 0, 1), hz * 0.9))
    stud = warp.move(
        sdf.cylinder(pitch * rng.uniform(0.25, 0.36), pitch * 0.12, pitch * 0.02), (0, 0, hz + pitch * 0.08)
    )
    if chance(rng, 0.4):
        stud = sdf.subtract(stud, warp.move(sdf.cylinder(pitch * 0.18, 1), (0, 0, hz + 1.0)))
    body = sdf.union(body, warp.grid(stud, (pitch, pitch, 1), (nx, ny, 1)))
    inner = warp.move(sdf.box((hx - 0.1 * pitch, hy - 0.1 * pitch, hz)), (0, 0, -0.15 * pitch))
    body = sdf.subtract(body, inner)
    if nx > 1 and ny > 1:
        post = sdf.subtract(sdf.cylinder(0.3 * pitch, hz), sdf.cylinder(0.22 * pitch, 2))
        body = sdf.union(body, warp.grid(post, (pitch, pitch, 1), (nx - 1, ny - 1, 1)))
    return Solid(body, (hx + 0.02, hy + 0.02, hz + 0.25 * pitch), soft(rng, 0.002))


def dice(rng: np.random.Generator) -> Solid:
    """Rounded cubes and blocks with pips or letters on their faces."""
    body = sdf.box((0.9, 0.9, 0.9), rng.uniform(0.02, 0.35))
    if chance(rng, 0.35):
        body = sdf.intersect(body, sdf.sphere(rng.uniform(1.1, 1.4)))
    for axis in range(3):
        for sign in (1, -1):
            if chance(rng, 0.5):
                n = int(rng.integers(1, 4))
                pip = warp.grid(
                    warp.move(sdf.sphere(0.5 / (n + 1)), (0, 0, 0)),
                    (1.3 / n, 1.3 / n, 9),
                    (n, int(rng.integers(1, n + 1)), 1),
                )
                at = np.zeros(3)
                at[axis] = sign * (0.9 + rng.uniform(0.0, 0.2) / (n + 1))
                body = sdf.subtract(body, warp.move(warp.along(pip, axis), at))
            else:
                face = (
                    details.above(details.writing(rng, rng.uniform(0.5, 1.0), 1))
                    if sign > 0
                    else _below(details.writing(rng, 0.9, 1))
                )
                body = details.marked(rng, body, warp.along(face, axis), rng.uniform(0.02, 0.06))
    return Solid(body, (0.98, 0.98, 0.98), soft(rng, 0.003))


def _below(mask):
    return lambda p: np.maximum(mask(p), p[2])


def can(rng: np.random.Generator) -> Solid:
    """Cans and jars: rims, beads, pull tabs, lids."""
    r, h = rng.uniform(0.4, 0.9), rng.uniform(0.3, 0.95)
    body = sdf.cylinder(r, h, rng.uniform(0.01, 0.08))
    rim = np.float32(rng.uniform(0.02, 0.05))
    inset = sdf.column(lambda x, y: np.hypot(x, y) - np.float32(r) + rim)
    body = sdf.engrave(body, details.above(inset), rng.uniform(0.02, 0.08), 0.01)
    if chance(rng, 0.6):
        body = details.marked(rng, body, details.bands(rng, -0.7 * h, 0.7 * h), rng.uniform(0.008, 0.02))
    if chance(rng, 0.5):
        ring = np.float32(r * rng.uniform(0.4, 0.8))
        rings = sdf.column(lambda x, y: np.abs(np.hypot(x, y) - ring) - np.float32(0.02))
        body = details.marked(rng, body, rings, 0.012)
    if chance(rng, 0.4):
        tab = warp.move(
            sdf.subtract(sdf.box((0.16, 0.08, 0.012), 0.012), warp.move(sdf.cylinder(0.045, 1), (0.08, 0, 0))),
            (0.1, 0, h),
        )
        body = sdf.union(body, tab)
    return Solid(body, (r + 0.04, r + 0.04, h + 0.05), soft(rng, 0.004))


FAMILIES = {
    "bottle": bottle,
    "vessel": vessel,
    "carton": carton,
    "dish": dish,
    "cutlery": cutlery,
    "tool": tool,
    "brick": brick,
    "dice": dice,
    "can": can,
}
