"""More things of the house and the bench: devices, toys, pliers, locks, pens, cloth, pots, wheels, lamps, brushes."""

import numpy as np

from align3d_cli.synthetic import fields, outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick
from align3d_cli.synthetic.families.household import soft
from align3d_cli.synthetic.solid import Solid


def device(rng: np.random.Generator) -> Solid:
    """Remotes, telephones, mice: a rounded slab with a screen, buttons, a battery lid, a loudspeaker grille."""
    hx, hy, hz = 0.95, rng.uniform(0.25, 0.8), rng.uniform(0.06, 0.25)
    body = sdf.box((hx, hy, hz), hz * rng.uniform(0.2, 0.95))
    if chance(rng, 0.3):
        body = sdf.superellipsoid((hx, hy, hz), rng.uniform(0.25, 0.7), rng.uniform(0.25, 0.8))
    screen = warp.move(sdf.column(outlines.rectangle(0.28, 0.7 * hy, 0.04)), (-0.5, 0, 0))
    body = sdf.engrave(body, details.above(screen), hz * rng.uniform(0.05, 0.25))
    counts = (int(rng.integers(2, 7)), int(rng.integers(2, 4)), 1)
    pitch = (1.0 / counts[0], 1.5 * hy / counts[1], 9)
    size = 0.5 * min(pitch[:2])
    button = pick(rng, outlines.circle(0.7 * size), outlines.rectangle(0.4 * pitch[0], 0.4 * pitch[1], 0.2 * size))
    buttons = warp.move(warp.grid(sdf.column(button), pitch, counts), (0.35, 0, 0))
    body = details.marked(rng, body, details.above(buttons), hz * rng.uniform(0.1, 0.3))
    if chance(rng, 0.5):
        lid = sdf.column(outlines.strokes([_loop(0.35, 0.7 * hy)], 0.012))
        body = sdf.engrave(body, lambda p: np.maximum(lid(p), p[2]), 0.02)
    if chance(rng, 0.4):
        slots = warp.move(warp.grid(sdf.box((0.15, 0.01, 1)), (9, 0.05, 9), (1, 5, 1)), (-0.8, 0, 1))
        body = sdf.subtract(body, slots)
    return Solid(body, (hx + 0.02, hy + 0.02, hz * 1.4 + 0.02), soft(rng, 0.003))


def _loop(half_x: float, half_y: float) -> np.ndarray:
    return np.array([(-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y), (-half_x, -half_y)])


def airplane(rng: np.random.Generator) -> Solid:
    """Toy aeroplanes and boats: a fuselage with wings, fins, propeller, canopy, wheels."""
    r = rng.uniform(0.1, 0.2)
    body = warp.along(sdf.superellipsoid((r, r * rng.uniform(0.8, 1.3), 0.9), rng.uniform(0.5, 1), 1.0), 0)
    span, chord = rng.uniform(0.6, 0.9), rng.uniform(0.12, 0.25)
    shape = [(-chord, 0), (chord, 0), (chord * rng.uniform(0, 1), span), (-chord, span)]
    wing = warp.mirror(sdf.extrude(outlines.polygon(np.array(shape)), rng.uniform(0.02, 0.04), 0.015), 1)
    tail = warp.move(warp.scale(wing, 0.4), (-0.75, 0, 0))
    fin = warp.move(
        warp.scale(warp.along(sdf.extrude(outlines.polygon(np.array(shape)), 0.06, 0.02), 0), 0.4), (-0.75, 0, 0.05)
    )
    parts = [body, warp.move(wing, (rng.uniform(-0.1, 0.3), 0, rng.uniform(-0.1, 0.1))), tail, fin]
    parts.append(warp.move(sdf.ellipsoid((0.2, r * 0.7, r * 0.9)), (0.25, 0, r * 0.7)))
    if chance(rng, 0.6):
        parts.append(warp.mirror(warp.move(warp.along(sdf.cylinder(0.1, 0.035, 0.02), 1), (0.3, 0.2, -r - 0.05)), 1))
    if chance(rng, 0.6):
        parts.append(warp.move(sdf.union(sdf.sphere(0.07), sdf.box((0.02, 0.04, 0.3), 0.02)), (0.92, 0, 0)))
    return Solid(sdf.blend(rng.uniform(0.01, 0.06), *parts), (1.0, 0.95, 0.55), soft(rng, 0.004))


def pliers(rng: np.random.Generator) -> Solid:
    """Scissors, pliers, clamps: two crossing halves around a rivet."""
    open_deg, t = rng.uniform(5, 35), rng.uniform(0.04, 0.09)
    bow = rng.uniform(0.12, 0.3)
    arm = np.array([(-0.9, bow), (-0.6, bow * 1.1), (-0.25, bow * 0.6), (0.0, 0.0), (0.3, -0.03), (0.85, 0.0)])
    width = rng.uniform(0.05, 0.08)
    half = sdf.extrude(outlines.strokes([outlines.chaikin(arm, 2, closed=False)], width), t, t * 0.5)
    if chance(rng, 0.5):
        eye = outlines.strokes([outlines.chaikin(outlines.regular(8, 0.17), 1)], 0.045)
        half = sdf.union(half, warp.move(sdf.extrude(eye, t, t * 0.4), (-0.8, bow + 0.1, 0)))
    turn = warp.axis_rotation(2, open_deg / 2)
    first = warp.move(warp.rotate(half, turn), (0, 0, t * 0.4))
    flip = np.diag((1.0, -1.0, -1.0))
    second = warp.move(warp.rotate(half, turn.T @ flip), (0, 0, -t * 0.4))
    rivet = sdf.cylinder(rng.uniform(0.06, 0.12), t * 1.8, 0.02)
    return Solid(sdf.union(first, second, rivet), (1.1, 0.75, 2 * t + 0.05), soft(rng, 0.003))


def padlock(rng: np.random.Generator) -> Solid:
    """Locks, handles, carabiners: a block with a bow, a keyhole and a laminated or plain body."""
    hx, hz = rng.uniform(0.4, 0.7), rng.uniform(0.15, 0.3)
    body = sdf.box((hx, 0.45, hz), rng.uniform(0.02, 0.15))
    if chance(rng, 0.4):
        body = sdf.engrave(body, details.bands(rng, -0.45, 0.45, axis=1), 0.02)
    r, wire = hx * rng.uniform(0.5, 0.7), rng.uniform(0.05, 0.1)
    arc = np.linspace(0, np.pi, 9)
    path = np.stack((r * np.cos(arc), 0.35 + r * np.sin(arc), 0 * arc), 1)
    path = np.concatenate(([(r, -0.2, 0)], path, [(-r, -0.2, 0)]))
    shackle = warp.move(sdf.tube(path, wire), (0, 0.15, 0))
    hole = warp.move(sdf.union(sdf.cylinder(0.06, 0.1), sdf.box((0.02, 0.12, 0.1))), (0, -0.15, hz))
    body = sdf.union(sdf.subtract(body, hole), shackle)
    if chance(rng, 0.6):
        body = details.marked(rng, body, details.above(details.writing(rng, 0.16, 3)), 0.015)
    return Solid(warp.move(body, (0, -0.3, 0)), (hx + 0.05, 1.0, hz + 0.05), soft(rng, 0.003))


def pen(rng: np.random.Generator) -> Solid:
    """Pens, markers, candles, batteries, cartridges: long round or faceted bodies with caps, clips and steps."""
    r = rng.uniform(0.07, 0.2)
    sides = pick(rng, 6, 8, 40, 40, 40)
    barrel = sdf.extrude(outlines.polygon(outlines.regular(sides, r)), 0.6, 0.01)
    cap = warp.move(sdf.frustum(r * 1.15, r * rng.uniform(0.8, 1.15), 0.28, 0.02), (0, 0, 0.65))
    tip = warp.move(sdf.frustum(r * 0.2, r * 0.9, 0.15), (0, 0, -0.74))
    parts = [barrel, cap, tip]
    if chance(rng, 0.7):
        parts.append(warp.move(sdf.box((0.025, 0.05, 0.22), 0.02), (r * 1.3, 0, 0.65)))
    if chance(rng, 0.5):
        parts[1] = sdf.engrave(cap, details.flutes(rng, r), 0.012)
    if chance(rng, 0.5):
        parts[0] = sdf.engrave(barrel, details.bands(rng, -0.55, 0.0), 0.012)
    return Solid(sdf.union(*parts), (2 * r + 0.02, 1.4 * r + 0.02, 0.96), soft(rng, 0.002))


def cloth(rng: np.random.Generator) -> Solid:
    """Bags, cushions, gloves, folded cloth: a soft slab with folds, seams and hems."""
    half = (rng.uniform(0.6, 0.9), rng.uniform(0.5, 0.9), rng.uniform(0.1, 0.4))
    body = sdf.superellipsoid(half, rng.uniform(0.6, 1.0), rng.uniform(0.25, 0.7))
    folds = fields.waves(rng, rng.uniform(0.3, 0.9), 10)
    depth = np.float32(rng.uniform(0.01, 0.06) * min(half[2] / 0.25, 1.0))
    soft_body = lambda p: (body(p) - depth * folds(p.T)) * np.float32(0.75)  # noqa: E731 - a distance
    if chance(rng, 0.6):
        seam = sdf.column(outlines.strokes([_loop(half[0] * 0.75, half[1] * 0.75)], 0.015))
        soft_body = details.marked(rng, soft_body, seam, 0.015)
    wrinkles = (rng.uniform(0.003, 0.012) * min(half[2] / 0.25, 1.0), fields.ridged(rng, rng.uniform(0.15, 0.5)))
    grain = (rng.uniform(0.0005, 0.003), fields.weave(rng, rng.uniform(0.02, 0.06)))
    outer = (half[0] + 0.1, half[1] + 0.1, half[2] + 0.1)
    return Solid(soft_body, outer, (wrinkles, grain) if chance(rng, 0.5) else (wrinkles,))


def teapot(rng: np.random.Generator) -> Solid:
    """Pots and jugs: a belly with spout, handle, lid and knob."""
    belly = sdf.ellipsoid((0.6, 0.6, rng.uniform(0.4, 0.6)))
    if chance(rng, 0.4):
        belly = sdf.revolve(outlines.polygon(outlines.smooth_loop(rng, 0.6, 0.25)))
    if chance(rng, 0.5):
        belly = details.marked(rng, belly, details.bands(rng, -0.4, 0.4), 0.015)
    spout = sdf.tube([(0.4, 0, -0.1), (0.7, 0, 0.05), (0.85, 0, 0.3), (0.97, 0, 0.4)], (0.16, 0.11, 0.08, 0.06))
    arc = np.linspace(-1.2, 1.2, 8)
    handle = sdf.tube(np.stack((-0.55 - 0.35 * np.cos(arc), 0 * arc, 0.3 * np.sin(arc)), 1), rng.uniform(0.04, 0.07))
    body = sdf.blend(rng.uniform(0.02, 0.08), belly, spout, handle)
    lid = warp.move(sdf.ellipsoid((0.3, 0.3, 0.1)), (0, 0, 0.48))
    knob = warp.move(sdf.sphere(rng.uniform(0.06, 0.1)), (0, 0, 0.62))
    body = sdf.union(body, lid, knob) if chance(rng, 0.7) else body
    return Solid(body, (1.05, 0.75, 0.78), soft(rng, 0.006))


def wheel(rng: np.random.Generator) -> Solid:
    """Wheels, handwheels, knobs and fans: a rim, spokes of any outline, a hub, bolts."""
    rim_r, tube = 0.8, rng.uniform(0.06, 0.15)
    rim = pick(
        rng, sdf.torus(rim_r, tube), sdf.subtract(sdf.cylinder(0.93, tube * 1.4, 0.03), sdf.cylinder(0.93 - tube, 2))
    )
    count = int(rng.integers(3, 10))
    spoke = pick(
        rng,
        sdf.capsule((0.1, 0, 0), (rim_r, 0, 0), 0.07, 0.05),
        warp.move(sdf.box((0.35, rng.uniform(0.03, 0.1), 0.04), 0.02), (0.45, 0, 0)),
        warp.move(warp.rotate(sdf.box((0.35, 0.15, 0.015), 0.01), warp.axis_rotation(0, 30)), (0.45, 0, 0)),
    )
    hub = sdf.cylinder(rng.uniform(0.15, 0.3), tube * rng.uniform(1.0, 2.0), 0.03)
    body = sdf.blend(rng.uniform(0.01, 0.06), rim, warp.ring(spoke, count), hub)
    body = sdf.subtract(body, sdf.cylinder(rng.uniform(0.04, 0.1), 2)) if chance(rng, 0.6) else body
    if chance(rng, 0.3):
        body = sdf.engrave(body, details.flutes(rng, 0.93), 0.02)
    return Solid(body, (0.98, 0.98, max(2 * tube, 0.15) + 0.03), soft(rng, 0.003))


def lamp(rng: np.random.Generator) -> Solid:
    """Lamps, stands, stools, tables: legs or a column under a shade or a top."""
    top_r, leg = rng.uniform(0.5, 0.9), rng.uniform(0.04, 0.09)
    if chance(rng, 0.5):
        top = warp.move(sdf.shell(sdf.frustum(top_r, top_r * rng.uniform(0.4, 0.8), 0.3), 0.04), (0, 0, 0.6))
        top = sdf.subtract(top, warp.move(sdf.box((2, 2, 0.1)), (0, 0, 0.27)))
    else:
        outline = outlines.polygon(details.outline(rng, top_r))
        top = warp.move(sdf.extrude(outline, rng.uniform(0.04, 0.1), 0.02), (0, 0, 0.8))
    if chance(rng, 0.5):
        foot = warp.move(sdf.cylinder(top_r * 0.8, 0.06, 0.03), (0, 0, -0.85))
        stand = sdf.union(sdf.cylinder(leg, 0.85), foot)
    else:
        stand = warp.ring(
            sdf.capsule((top_r * 0.5, 0, 0.75), (top_r * 0.75, 0, -0.9), leg, leg * 0.7), int(rng.integers(3, 6))
        )
        stand = sdf.union(stand, warp.move(sdf.torus(top_r * 0.6, leg * 0.6), (0, 0, -0.2)))
    return Solid(sdf.blend(0.03, top, stand), (0.98, 0.98, 0.98), soft(rng, 0.003))


def brush(rng: np.random.Generator) -> Solid:
    """Brushes, combs, pegboards, nail blocks: a handle or block with a field of pegs."""
    n, m = int(rng.integers(3, 12)), int(rng.integers(2, 6))
    pitch = rng.uniform(0.1, 0.16)
    hx, hy, high = n * pitch / 2 + 0.03, m * pitch / 2 + 0.03, rng.uniform(0.08, 0.25)
    block = sdf.box((hx, hy, 0.07), 0.04)
    peg = warp.move(sdf.capsule((0, 0, 0), (0, 0, high), pitch * rng.uniform(0.15, 0.3), pitch * 0.15), (0, 0, 0.07))
    pegs = warp.grid(peg, (pitch, pitch, 9), (n, m, 1))
    parts = [block, pegs]
    if chance(rng, 0.6):
        parts.append(sdf.capsule((hx, 0, 0), (hx + 0.7, 0, 0), 0.07, rng.uniform(0.05, 0.1)))
    shift = (hx + 0.7) / 2 - hx / 2 if len(parts) == 3 else 0.0
    body = warp.move(sdf.blend(0.02, *parts), (-shift, 0, 0))
    reach = hx + 0.85 - shift if len(parts) == 3 else hx + 0.02
    return Solid(body, (max(reach, hx + shift) + 0.02, hy + 0.05, high + 0.15), soft(rng, 0.003))


FAMILIES = {
    "device": device,
    "airplane": airplane,
    "pliers": pliers,
    "padlock": padlock,
    "pen": pen,
    "cloth": cloth,
    "teapot": teapot,
    "wheel": wheel,
    "lamp": lamp,
    "brush": brush,
}
