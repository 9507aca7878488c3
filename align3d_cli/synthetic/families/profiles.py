"""Long sections: extrusions, ribbed brackets, stepped bars."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick, proportion
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
        plate = sdf.subtract(sdf.box((wide, wide, 0.03), 0.005), details.corner_holes(0.85 * wide, 0.08 * wide))
        body = sdf.union(body, warp.move(plate, (0, 0, -0.91)))
    return Solid(body, (wide + 0.02, wide + 0.02, 0.97), thin=0.05 * size)


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
    return Solid(body, (0.97, wide + 0.02, high + 0.02), thin=0.4 * t)


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
    return Solid(body, (0.97, wide + 0.02, high + 0.02), thin=0.07 * min(wide, high))


FAMILIES = {"extrusion": extrusion, "ribbed": ribbed, "staircase": staircase}
