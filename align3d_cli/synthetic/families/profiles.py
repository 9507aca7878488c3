"""Long sections: extrusions, ribbed brackets, finned bodies, wings, stepped bars."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families.details import chance, pick, proportion
from align3d_cli.synthetic.sdf import Sdf
from align3d_cli.synthetic.solid import Solid


def extrusion(rng: np.random.Generator) -> Solid:
    """Profiles by the metre: L, U, C, H, T, Z, hat, tube and T-slot, with holes, mitres, notches, end plates."""
    size, h = proportion(rng, 0.08, 0.35), rng.uniform(0.5, 1.0)
    section = _t_slot(rng) if chance(rng, 0.35) else _walls(rng, h)
    body = warp.scale(sdf.extrude(section, 0.94 / size, rng.uniform(0.0, 0.03)), size)
    if chance(rng, 0.4):
        holes = warp.along(sdf.cylinder(size * rng.uniform(0.1, 0.3), 1), pick(rng, 0, 1))
        body = sdf.subtract(body, warp.grid(holes, (9, 9, rng.uniform(0.15, 0.5)), (1, 1, int(rng.integers(1, 5)))))
    if chance(rng, 0.3):
        mitre = sdf.halfspace((pick(rng, 0.0, 1.0), 1.0, pick(rng, 1.0, 1.7)), 0.75)
        body = sdf.intersect(body, mitre)
    if chance(rng, 0.3):
        notch = sdf.box((size, 2 * size, rng.uniform(0.05, 0.4)))
        body = sdf.subtract(body, warp.move(notch, (size * rng.uniform(0.9, 1.5), 0, -0.95)))
    wide = size
    if chance(rng, 0.2):
        wide = size * rng.uniform(1.1, 1.4)
        plate = sdf.subtract(sdf.box((wide, wide, 0.03), 0.005), _corner_holes(0.85 * wide, 0.08 * wide))
        body = sdf.union(body, warp.move(plate, (0, 0, -0.91)))
    return Solid(body, (wide + 0.02, wide + 0.02, 0.97))


def _corner_holes(at: float, radius: float) -> Sdf:
    return warp.mirror(warp.mirror(warp.move(sdf.cylinder(radius, 1), (at, at, 0)), 0), 1)


def _walls(rng: np.random.Generator, h: float) -> outlines.Outline:
    """A section of straight walls within [-1, 1] x [-h, h], as rectangles: centre and half sides each."""
    t = proportion(rng, 0.05, 0.2)
    foot, lid = (0, -h + t, 1, t), (0, h - t, 1, t)
    left, right, web = (-1 + t, 0, t, h), (1 - t, 0, t, h), (0, 0, t, h)
    lips = ((-0.8, h - t, 0.2, t), (0.8, h - t, 0.2, t))
    feet = ((-0.75, -h + t, 0.25, t), (0.75, -h + t, 0.25, t))
    hat = ((0, h - t, 0.5, t), (-0.5 + t, 0, t, h), (0.5 - t, 0, t, h), *feet)
    zed = ((-0.5, h - t, 0.5, t), web, (0.5, -h + t, 0.5, t))
    shapes = ((foot, left), (foot, left, right), (foot, left, right, *lips), (foot, lid, web), (lid, web))
    walls = pick(rng, *shapes, (foot, lid, left, right), (foot, lid, left, right, web), hat, zed)
    profiles = [_rectangle_at(*wall) for wall in walls]
    return lambda x, y: np.min([profile(x, y) for profile in profiles], axis=0)


def _rectangle_at(x: float, y: float, half_x: float, half_y: float) -> outlines.Outline:
    profile = outlines.rectangle(half_x, half_y)
    return lambda u, v: profile(u - np.float32(x), v - np.float32(y))


def _t_slot(rng: np.random.Generator) -> outlines.Outline:
    """A square section with a T-shaped slot in each side, a bore, and hollows in the corners."""
    mouth, deep = rng.uniform(0.16, 0.26), rng.uniform(0.35, 0.5)
    lip, cavity = rng.uniform(0.1, 0.18), rng.uniform(0.4, 0.55)
    slot = _rectangle_at(1, 0, deep, mouth)
    inner = _rectangle_at(1 - lip - (deep - lip) / 2, 0, (deep - lip) / 2, cavity)
    bore, outer = outlines.circle(rng.uniform(0.12, 0.22)), outlines.rectangle(1, 1, rng.uniform(0.02, 0.15))
    corner = _rectangle_at(0.8, 0.8, 0.1, 0.1)

    def profile(x, y):
        u, v = np.maximum(np.abs(x), np.abs(y)), np.minimum(np.abs(x), np.abs(y))
        cuts = np.minimum(np.minimum(slot(u, v), inner(u, v)), np.minimum(bore(x, y), corner(u, v)))
        return np.maximum(outer(x, y), -cuts)

    return profile


def ribbed(rng: np.random.Generator) -> Solid:
    """Long brackets: a foot and a wall with a row of ribs, raised pads, slots and holes."""
    t, wide, high = proportion(rng, 0.025, 0.07), proportion(rng, 0.15, 0.45), proportion(rng, 0.15, 0.5)
    foot = warp.move(sdf.box((0.95, wide, t), 0.2 * t), (0, 0, -high + t))
    wall = warp.move(sdf.box((0.95, t, high), 0.2 * t), (0, pick(rng, 0.0, t - wide), 0))
    slope = rng.uniform(0.5, 1.6) * high / wide
    count = int(rng.integers(2, 8))
    rib = sdf.box((t * rng.uniform(0.4, 0.9), wide, high * rng.uniform(0.7, 1.0)))
    padded = chance(rng, 0.5)
    pitch = (1.2 if padded else 1.7) / count
    ribs = warp.grid(rib, (pitch, 9, 9), (count, 1, 1))
    ribs = sdf.intersect(ribs, warp.mirror(sdf.halfspace((0, slope, 1), 0.2 * high), 1), sdf.box((0.95, wide, high)))
    parts = [foot, wall, ribs]
    if padded:
        pad = sdf.section(0.0, t * rng.uniform(2.3, 4), 0.3 * wide, 0.02)
        parts.append(warp.mirror(warp.mirror(warp.move(pad, (0.85 - 0.3 * wide, 0.6 * wide, -high)), 0), 1))
    body = sdf.blend(rng.uniform(0.005, 0.03), *parts)
    hole = sdf.cylinder(min(0.16 * wide, 0.18 * pitch), t * 5)
    between = pick(rng, count + 1, count - 1)  # as many ribs more or less: the holes come to lie between them
    holes = warp.grid(hole, (pitch, 1.2 * wide, 9), (between, 2, 1))
    body = sdf.subtract(body, warp.move(holes, (0, 0, -high)))
    if chance(rng, 0.4):
        body = sdf.intersect(body, sdf.halfspace((pick(rng, -0.5, 0.5), 0, 1), high * rng.uniform(0.5, 0.9)))
    return Solid(body, (0.97, wide + 0.02, high + 0.02))


def fins(rng: np.random.Generator) -> Solid:
    """Finned cylinders, star-shaped heat sinks, bodies with swept tail fins."""
    return pick(rng, _finned_tube, _finned_tube, _star, _tail)(rng)


def _finned_tube(rng: np.random.Generator) -> Solid:
    """A tube about z with discs on a part of it, a flange, a neck."""
    r, count = proportion(rng, 0.08, 0.25), int(rng.integers(4, 18))
    out, low, high = r * rng.uniform(1.3, 2.2), rng.uniform(-0.8, -0.4), rng.uniform(0.3, 0.85)
    pitch = (high - low) / count
    disc = sdf.cylinder(out, pitch * rng.uniform(0.12, 0.3), 0.02 * pitch)
    row = warp.move(warp.grid(disc, (9, 9, pitch), (1, 1, count)), (0, 0, (low + high) / 2))
    neck = sdf.section(0.0, 0.95, r * rng.uniform(0.5, 0.95), 0.05 * r)
    core = sdf.union(sdf.section(-0.95, high, r, 0.05 * r), neck)
    parts = [core, row]
    if chance(rng, 0.6):
        square, disc = sdf.box((1.1 * out, 1.1 * out, 0.03), 0.01), sdf.section(-0.03, 0.03, 1.3 * out, 0.01)
        flange = pick(rng, square, disc)
        flange = sdf.subtract(flange, _corner_holes(0.75 * out, 0.1 * r))
        parts.append(warp.move(flange, (0, 0, -0.91)))
    body = sdf.union(*parts)
    if chance(rng, 0.6):
        body = sdf.subtract(body, warp.move(sdf.cylinder(0.4 * r, 1), (0, 0, pick(rng, 0.0, 0.6))))
    return Solid(body, (1.3 * out + 0.02, 1.3 * out + 0.02, 0.97))


def _star(rng: np.random.Generator) -> Solid:
    """Straight fins around a core along z, stepped at one end."""
    r, count = proportion(rng, 0.07, 0.18), int(rng.integers(6, 20))
    out, thick = r * rng.uniform(1.8, 3), r * 2.2 / count * rng.uniform(0.4, 0.8)
    fin = warp.move(sdf.box(((out - 0.8 * r) / 2, thick, 0.9), 0.3 * thick), ((out + 0.8 * r) / 2, 0, 0))
    body = sdf.union(sdf.section(-0.95, 0.95, r, 0.05 * r), warp.ring(fin, count))
    if chance(rng, 0.6):
        step = sdf.subtract(sdf.cylinder(2 * out, 0.5), sdf.cylinder(out * rng.uniform(0.6, 0.85), 2))
        body = sdf.subtract(body, warp.move(step, (0, 0, 0.5 + rng.uniform(0.1, 0.7))))
    if chance(rng, 0.5):
        body = sdf.subtract(body, sdf.cylinder(0.5 * r, 2))
    return Solid(body, (out + 0.02, out + 0.02, 0.97))


def _tail(rng: np.random.Generator) -> Solid:
    """A slender body about z with a nose, steps and three or four swept fins."""
    r, nose = proportion(rng, 0.06, 0.14), rng.uniform(0.3, 0.7)
    body = sdf.blend(0.02, sdf.section(-0.95, nose, r, 0.02), sdf.capsule((0, 0, nose), (0, 0, 0.9), r, 0.3 * r))
    span, root, sweep = r * rng.uniform(2, 4), rng.uniform(0.2, 0.6), rng.uniform(0.0, 0.4)
    shape = [(0, -0.93 + sweep), (0, -0.93 + sweep + root), (span, -0.93 + root * 0.5), (span, -0.93)]
    fin = warp.rotate(sdf.extrude(outlines.polygon(np.array(shape)), 0.12 * r, 0.05 * r), warp.axis_rotation(0, 90))
    collar = sdf.section(nose - 0.1, nose, r * rng.uniform(1.05, 1.3), 0.02 * r)
    body = sdf.union(body, warp.ring(fin, int(rng.integers(3, 5))), collar)
    return Solid(body, (span + 0.02, span + 0.02, 0.97))


def wing(rng: np.random.Generator) -> Solid:
    """Wings, vanes, rudders: an aerofoil along z, tapered and swept, on a stepped root, with fences or a flap line."""
    chord, thick = proportion(rng, 0.15, 0.45), rng.uniform(0.08, 0.2)
    tip, sweep = rng.uniform(0.4, 1.0), rng.uniform(-0.1, 0.4)
    foil = sdf.extrude(outlines.polygon(_aerofoil(thick, rng.uniform(0.0, 0.08)) * chord), 0.88, 0.004)
    if chance(rng, 0.4):
        foil = sdf.engrave(foil, warp.move(sdf.box((0.008, 1, 1)), (-0.45 * chord, 0, 0)), 0.01)
    parts = [foil]
    if chance(rng, 0.4):
        fence = sdf.box((0.8 * chord, 1.6 * thick * chord, 0.008), 0.005)
        parts.append(warp.grid(fence, (9, 9, rng.uniform(0.3, 0.6)), (1, 1, int(rng.integers(1, 4)))))
    body = _sheared(warp.taper(sdf.union(*parts), 1.0, tip, 0.9), sweep)
    root = [sdf.box((chord * 1.1, chord * rng.uniform(0.25, 0.5), 0.03), 0.01)]
    if chance(rng, 0.5):
        root.append(warp.move(sdf.box((0.8 * chord, 0.12 * chord, 0.07), 0.01), (0, 0, -0.06)))
    body = sdf.blend(0.02, body, warp.move(sdf.union(*root), (-0.82 * sweep, 0, -0.82))) if chance(rng, 0.7) else body
    reach = 1.1 * chord + 0.9 * abs(sweep)
    return Solid(body, (reach + 0.02, 0.5 * chord + 0.03, 0.97))


def _sheared(shape: Sdf, slope: float) -> Sdf:
    """Moved along x by slope * z; the distance is scaled to stay a lower bound."""
    shrink = np.float32(1 / (1 + abs(slope)))
    return lambda p: shape(np.stack((p[0] - np.float32(slope) * p[2], p[1], p[2]))) * shrink


def _aerofoil(thick: float, camber: float) -> np.ndarray:
    """Outline (80, 2) of a NACA four-digit section (Jacobs 1933, eq. 1) with x in [-1, 1], its blunt tail closed."""
    x = (1 - np.cos(np.linspace(0, np.pi, 41))) / 2
    y = 5 * thick * (0.2969 * np.sqrt(x) - 0.126 * x - 0.3516 * x**2 + 0.2843 * x**3 - 0.1015 * x**4)
    middle = 4 * camber * x * (1 - x)
    upper, lower = np.stack((x, middle + y), axis=1), np.stack((x, middle - y), axis=1)[::-1]
    return (np.concatenate((upper, lower[1:-1])) * 2 - (1, 0)) * (-1, 1)


def staircase(rng: np.random.Generator) -> Solid:
    """Step gauges, stepped keys and rails: a bar whose height or width changes along its length, with holes."""
    count, wide, high = int(rng.integers(3, 9)), proportion(rng, 0.08, 0.3), proportion(rng, 0.1, 0.4)
    levels = high * rng.uniform(-0.6, 1.0, count)
    if chance(rng, 0.6):
        levels = np.sort(levels)
    ends = np.concatenate(([-0.95], np.sort(rng.uniform(-0.85, 0.85, count - 1)), [0.95]))
    widths = wide * (rng.uniform(0.6, 1.0, count) if chance(rng, 0.4) else np.ones(count))
    parts = []
    for i, level in enumerate(levels):
        half, middle = (ends[i + 1] - ends[i]) / 2, (ends[i + 1] + ends[i]) / 2
        block = sdf.box((half + 0.002, widths[i], (level + high) / 2), 0.002)
        parts.append(warp.move(block, (middle, 0, (level - high) / 2)))
    body = sdf.union(*parts)
    if chance(rng, 0.5):
        hole = sdf.cylinder(wide * rng.uniform(0.15, 0.35), 1)
        body = sdf.subtract(body, warp.grid(hole, (rng.uniform(0.3, 0.6), 9, 9), (int(rng.integers(1, 4)), 1, 1)))
    if chance(rng, 0.3):
        slot = sdf.box((2, wide * rng.uniform(0.15, 0.4), high * rng.uniform(0.1, 0.25)))
        body = sdf.subtract(body, warp.move(slot, (0, 0, -high)))
    return Solid(body, (0.97, wide + 0.02, high + 0.02))


FAMILIES = {"extrusion": extrusion, "ribbed": ribbed, "fins": fins, "wing": wing, "staircase": staircase}
