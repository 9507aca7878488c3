"""Long flat things with an edge or with teeth: knives, combs, forks."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick, proportion
from align3d_cli.synthetic.families.shafts import stepped
from align3d_cli.synthetic.sdf import Sdf
from align3d_cli.synthetic.solid import Solid


def knife(rng: np.random.Generator) -> Solid:
    """Knives, chisels, saws, spatulas: a blade ground towards its edge, a guard, a handle of scales with rivets."""
    heel, t, deep = rng.uniform(-0.4, 0.1), proportion(rng, 0.012, 0.035), proportion(rng, 0.06, 0.2)
    grip, thick = deep * rng.uniform(0.5, 0.9), t * rng.uniform(1.5, 4)
    scales = sdf.box(((heel + 0.95) / 2, grip, thick), rng.uniform(0.3, 0.9) * min(thick, grip))
    pommel = 1.2 * grip - (heel + 0.95) / 2
    if chance(rng, 0.5):
        scales = sdf.blend(0.5 * grip, scales, warp.move(sdf.cylinder(grip * 1.15, thick, 0.3 * thick), (pommel, 0, 0)))
    scales = warp.move(scales, ((heel - 0.95) / 2, 0, 0))
    if chance(rng, 0.6):
        rivet = sdf.cylinder(grip * rng.uniform(0.15, 0.3), thick * pick(rng, 1.08, 0.9))
        count = int(rng.integers(2, 4))
        rivets = warp.grid(rivet, ((heel + 0.8) / count, 1, 1), (count, 1, 1))
        scales = details.marked(rng, scales, warp.move(rivets, ((heel - 0.95) / 2, 0, 0)), 0.2 * t)
    parts = [scales, _blade(rng, heel, t, deep)]
    if chance(rng, 0.6):
        guard = sdf.box((0.03, max(deep, grip) * rng.uniform(0.8, 1.3), thick * 1.15), 0.3 * t)
        parts.append(warp.move(guard, (heel, 0, 0)))
    return Solid(sdf.union(*parts), (0.97, 1.3 * max(deep, grip) + 0.02, 1.2 * thick + 0.02), thin=0.5 * t)


def _blade(rng: np.random.Generator, heel: float, t: float, deep: float) -> Sdf:
    """A blade along x from the heel to 0.95, its edge at -y, `t` half thick at the back and thin at the edge."""
    tip = 0.95 - deep * rng.uniform(0.0, 2.5)
    points = [(heel - 0.1, -deep), (tip, -deep), (0.95, deep * rng.uniform(-0.6, 0.9)), (tip, deep), (heel - 0.1, deep)]
    if chance(rng, 0.3):
        points = [(heel - 0.1, -deep), (0.95, -deep), (0.95, deep), (heel - 0.1, deep)]
    corners = outlines.chaikin(np.array(points), int(rng.integers(0, 3)))
    blade = sdf.extrude(outlines.polygon(corners), t)
    if chance(rng, 0.3):
        teeth = warp.grid(warp.rotate(sdf.box((0.02, 0.02, 1)), warp.axis_rotation(2, 45)), (0.06, 1, 1), (40, 1, 1))
        blade = sdf.subtract(blade, warp.move(teeth, (0, -deep, 0)))
    ground = deep * rng.uniform(0.3, 1.6)  # how far up from the edge the bevel reaches
    slope, edge = np.float32(0.8 * t / ground), np.float32(0.2 * t)
    blade = sdf.intersect(blade, lambda p: np.abs(p[2]) - edge - slope * np.maximum(p[1] + np.float32(deep), 0))
    if chance(rng, 0.25):
        blade = sdf.subtract(blade, warp.move(sdf.cylinder(0.2 * deep, 1), (0.9 - deep, 0.4 * deep, 0)))
    return blade


def comb(rng: np.random.Generator) -> Solid:
    """Combs, rakes, forks: a row of tines on a back, or long tines on a yoke with a stepped stem."""
    return pick(rng, _comb, _fork)(rng)


def _comb(rng: np.random.Generator) -> Solid:
    """A back along x with many teeth along y, the outermost ones broader."""
    count, t = int(rng.integers(8, 36)), proportion(rng, 0.02, 0.06)
    back, long = rng.uniform(0.04, 0.12), proportion(rng, 0.08, 0.3)
    pitch = 1.6 / count
    tooth = warp.taper(warp.along(sdf.box((0.3 * pitch, 0.8 * t, long), 0.2 * t), 2), 0.6, 1.0, long)
    teeth = warp.grid(warp.rotate(tooth, warp.axis_rotation(0, -90)), (pitch, 9, 9), (count, 1, 1))
    ends = warp.mirror(warp.move(sdf.box((0.06, long, t), 0.3 * t), (0.87, 0, 0)), 0)
    spine = warp.move(sdf.box((0.95, back, t * rng.uniform(1.0, 1.6)), 0.3 * t), (0, long, 0))
    parts = [teeth, ends, spine] if chance(rng, 0.7) else [teeth, spine]
    body = warp.move(sdf.union(*parts), (0, -0.5 * back, 0))
    return Solid(body, (0.97, long + 0.6 * back + 0.05, 1.6 * t + 0.02), thin=min(0.18 * pitch, 0.8 * t))


def _fork(rng: np.random.Generator) -> Solid:
    """Tapering tines along x on a yoke, a neck, and a stem with steps."""
    count, r = int(rng.integers(2, 6)), proportion(rng, 0.02, 0.045)
    pitch, root = r * rng.uniform(2.8, 5), rng.uniform(0.0, 0.4)
    wide = pitch * (count - 1) / 2
    tine = sdf.capsule((root, 0, 0), (0.93, 0, 0), r, r * rng.uniform(0.3, 0.9))
    tines = warp.grid(tine, (9, pitch, 9), (1, count, 1))
    yoke = warp.move(sdf.box((1.5 * r, wide + r, r), 0.6 * r), (root, 0, 0))
    radii = r * rng.uniform(0.9, 2.4, 3)
    stem = stepped(radii, np.array((-0.95, rng.uniform(-0.7, -0.4), rng.uniform(-0.3, -0.1), root)), 0.15 * r)
    body = sdf.blend(r, sdf.union(tines, yoke), warp.along(stem, 0))
    thick = max(float(radii.max()), r) + 0.02
    return Solid(body, (0.97, max(wide + r, thick) + 0.02, thick), thin=0.3 * r)


FAMILIES = {"knife": knife, "comb": comb}
