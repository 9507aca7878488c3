"""Grown, moulded and baked things: fruit, figures, shells, food, stones, sponges, ropes."""

import numpy as np

from align3d_cli.synthetic import fields, outlines, sdf, warp
from align3d_cli.synthetic.families.details import chance, pick
from align3d_cli.synthetic.families.household import soft
from align3d_cli.synthetic.solid import Solid


def fruit(rng: np.random.Generator) -> Solid:
    """Apples, lemons, bananas, potatoes, pumpkins: a smooth body with calyx, tip, lobes and skin."""
    radii = rng.uniform(0.55, 0.9, 3)
    lobes, depth = int(rng.integers(3, 12)), np.float32(rng.uniform(0, 0.06) if chance(rng, 0.4) else 0.0)
    pole = np.float32(rng.uniform(0.0, 0.35))
    base = (
        sdf.ellipsoid(radii)
        if chance(rng, 0.7)
        else sdf.superellipsoid(radii, rng.uniform(0.7, 1), rng.uniform(0.7, 1))
    )
    lumps = fields.waves(rng, rng.uniform(0.7, 1.8), 8)
    amount = np.float32(rng.uniform(0.0, 0.04))
    tips = [
        warp.move(sdf.sphere(rng.uniform(0.03, 0.12)), (0, 0, s * radii[2] * 0.95))
        for s in (1, -1)
        if chance(rng, 0.35)
    ]

    def f(p):
        around = sdf.length(p[0], p[1])
        dip = pole * np.exp(-np.float32(14.0) * around * around)
        lobed = depth * np.abs(np.sin(np.float32(lobes / 2) * np.arctan2(p[1], p[0]))) * np.minimum(around * 3, 1)
        return (base(p) + dip - lobed - amount * lumps(p.T)) * np.float32(0.75)

    body = sdf.blend(0.15, f, *tips) if tips else f
    if chance(rng, 0.4):
        body = sdf.union(
            body,
            sdf.tube(
                [(0, 0, radii[2] - 0.3), (0.02, 0, radii[2]), (rng.uniform(-0.15, 0.15), 0, radii[2] + 0.15)], 0.03
            ),
        )
    if chance(rng, 0.25):
        laid = warp.rotate(body, warp.axis_rotation(1, 90))
        body = warp.bend(warp.stretch(laid, (1.1, 0.45, 0.45)), rng.uniform(0.3, 0.8), 0.5)
        return Solid(body, (1.3, 0.6, 1.1), soft(rng, 0.01))
    return Solid(body, (1.0, 1.0, 1.15), soft(rng, 0.012))


def figure(rng: np.random.Generator) -> Solid:
    """Toy animals and people: a blended skeleton of capsules with eyes, ears, tails."""
    spine = np.cumsum(rng.normal(size=(4, 3)) * (0.28, 0.1, 0.15), axis=0)
    spine = (spine - spine.mean(axis=0)) * 0.9
    limbs, joints = [sdf.tube(spine, rng.uniform(0.12, 0.28, 4))], [spine]
    for _ in range(int(rng.integers(2, 6))):
        root = spine[rng.integers(4)]
        out = rng.normal(size=3) * (0.3, 0.4, 0.4)
        limb = np.array((root, root + out * 0.6, root + out + rng.normal(size=3) * 0.12))
        radii = (0.12, rng.uniform(0.06, 0.1), rng.uniform(0.05, 0.1))
        limbs += [sdf.tube(limb * (1, side, 1), radii) for side in (1, -1)]
        joints += [limb, limb * (1, -1, 1)]
    head = spine[-1] + np.array((0.15, 0, 0.2))
    limbs.append(warp.move(sdf.ellipsoid(rng.uniform(0.16, 0.3, 3)), head))
    body = sdf.blend(rng.uniform(0.04, 0.16), *limbs)
    eyes = [warp.move(sdf.sphere(0.04), head + np.array((0.16, s * 0.1, 0.1))) for s in (1, -1)]
    body = sdf.union(body, *eyes) if chance(rng, 0.5) else sdf.subtract(body, *eyes)
    points = np.concatenate([*joints, head[None]])
    low, high = points.min(axis=0) - 0.3, points.max(axis=0) + 0.3
    by = 2 / (high - low).max()
    half = (high - low) / 2 * by
    return Solid(warp.scale(warp.move(body, -(low + high) / 2), by), tuple(half), soft(rng, 0.008))


def seashell(rng: np.random.Generator) -> Solid:
    """Scallops, spirals and starfish: radial ribs and growth lines."""
    kind = rng.integers(3)
    ribs = int(rng.integers(9, 30))
    if kind == 0:
        base = sdf.shell(sdf.ellipsoid((0.9, 0.9, rng.uniform(0.3, 0.55))), 0.08)
        base = sdf.intersect(base, sdf.halfspace((0, 0, -1), -0.02))

        def ribbed(p):
            angle = np.arctan2(p[1], p[0] + np.float32(0.85))
            r = sdf.length(p[0] + np.float32(0.85), p[1])
            wave = np.float32(0.02) * np.cos(angle * ribs * 2) * np.minimum(r, 1) + np.float32(0.006) * np.cos(r * 40)
            return base(np.stack((p[0], p[1], p[2] + wave))) * np.float32(0.7)

        return Solid(ribbed, (0.95, 0.95, 0.6), soft(rng))
    if kind == 1:
        arms = int(rng.integers(5, 8))
        arm = sdf.capsule((0, 0, 0), (0.9, 0, -0.05), rng.uniform(0.2, 0.28), 0.06)
        star = warp.ring(warp.bend(arm, rng.uniform(-0.2, 0.2), 0.3), arms)
        bumps = warp.ring(
            sdf.union(*(warp.move(sdf.sphere(0.03), (0.15 * i, 0, 0.26 - 0.033 * i)) for i in range(1, 6))), arms
        )
        return Solid(warp.stretch(sdf.union(star, bumps), (1, 1, 0.7)), (1.0, 1.0, 0.35), soft(rng, 0.01))
    turns, count = rng.uniform(1.8, 3.0), 26
    t = np.linspace(0, 1, count)
    size = np.exp(-2.4 * t)
    angle = 2 * np.pi * turns * t
    path = np.stack((0.55 * size * np.cos(angle), 0.55 * size * np.sin(angle), 0.9 * (1 - size) * 1.4 - 0.45), axis=1)
    body = sdf.tube(path[:-6], 0.42 * size[:-6])
    return Solid(body, (1.0, 1.0, 1.0), soft(rng, 0.008))


def bakery(rng: np.random.Generator) -> Solid:
    """Doughnuts, bagels, loaves, rolls and chocolates: glaze, sprinkles, slashes, swirls."""
    kind = rng.integers(4)
    if kind == 0:
        tube = rng.uniform(0.22, 0.36)
        body = warp.stretch(sdf.torus(0.95 - tube, tube), (1, 1, rng.uniform(0.7, 1.0)))
        edge = fields.waves(rng, 0.5, 10)
        if chance(rng, 0.6):
            body = sdf.emboss(body, lambda p: 0.06 * edge(p.T) - p[2], 0.025, 0.01)
        count, half = int(rng.integers(0, 14)), (0.98, 0.98, tube + 0.08)
    elif kind == 1:
        half = (0.95, rng.uniform(0.4, 0.6), rng.uniform(0.3, 0.45))
        body = sdf.superellipsoid(np.array(half) - 0.02, rng.uniform(0.5, 1), rng.uniform(0.5, 1))
        cut = warp.rotate(sdf.box((0.02, 0.4, 0.2), 0.01), warp.axis_rotation(2, rng.uniform(-40, 40)))
        slashes = warp.move(warp.grid(cut, (0.4, 9, 9), (int(rng.integers(2, 5)), 1, 1)), (0, 0, half[2]))
        body = sdf.subtract(body, slashes, k=0.06)
        count = 0
    elif kind == 2:
        lobes, z_turn = int(rng.integers(5, 10)), rng.uniform(0.1, 0.4)
        rose = outlines.polygon(outlines.chaikin(outlines.regular(lobes, 0.9, 0.8), 2))
        body = warp.taper(warp.twist(sdf.extrude(rose, 0.55, 0.1), z_turn, 0.9), 1.0, rng.uniform(0.15, 0.7), 0.55)
        count, half = 0, (0.98, 0.98, 0.6)
    else:
        size = rng.uniform(0.5, 0.9, 2)
        body = warp.taper(sdf.box((*size, 0.35), 0.08), 1.0, 0.75, 0.35)
        wave = np.float32(rng.uniform(8, 25))
        body = sdf.emboss(body, lambda p: np.sin(p[0] * wave + p[1] * 5) - np.float32(0.3), 0.02, 0.02)
        count, half = 0, (0.98, 0.98, 0.45)
    grains = []
    for _ in range(count):
        angle = rng.uniform(0, 2 * np.pi)
        at = np.array((np.cos(angle), np.sin(angle), 0)) * (0.95 - half[2] + 0.08) + (0, 0, half[2] - 0.1)
        along = np.append(rng.normal(size=2), 0) * 0.05
        grains.append(sdf.capsule(at - along, at + along, 0.025))
    return Solid(sdf.union(body, *grains) if grains else body, half, soft(rng, 0.01))


def stone(rng: np.random.Generator) -> Solid:
    """Pebbles and rocks: rounded or broken faces, everywhere rough."""
    count = int(rng.integers(6, 18))
    normals = rng.normal(size=(count, 3))
    offsets = rng.uniform(0.45, 0.8, count)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    n32, o32, k = normals.astype(np.float32), offsets.astype(np.float32)[:, None], np.float32(rng.uniform(12, 60))
    if chance(rng, 0.5):
        chipped = lambda p: np.log(np.exp(np.clip(k * (n32 @ p - o32), -60, 60)).sum(axis=0) + 1e-9) / k  # noqa: E731 - the soft maximum of planes
    else:
        chipped = lambda p: (n32 @ p - o32).max(axis=0)  # noqa: E731 - the intersection of planes
    body = sdf.intersect(chipped, sdf.sphere(rng.uniform(0.8, 0.95)))
    rough = (rng.uniform(0.003, 0.025), fields.fractal(rng, rng.uniform(0.15, 0.6), 4, rng.uniform(0.4, 0.7)))
    fine = (rng.uniform(0.001, 0.004), fields.RELIEFS[pick(rng, *fields.RELIEFS)](rng, rng.uniform(0.03, 0.1)))
    return Solid(body, (0.97, 0.97, 0.97), (rough, fine) if chance(rng, 0.6) else (rough,))


def gemstone(rng: np.random.Generator) -> Solid:
    """Cut stones: facets in rings, crown and pavilion, or irregular crystals."""
    normals, offsets = [], []
    sides = int(rng.integers(5, 12))
    for tier in range(int(rng.integers(2, 5))):
        rise = rng.uniform(-75, 75) if tier else 0
        turn = rng.uniform(0, 1)
        for i in range(sides):
            a = 2 * np.pi * (i + turn) / sides
            normals.append(
                (np.cos(np.radians(rise)) * np.cos(a), np.cos(np.radians(rise)) * np.sin(a), np.sin(np.radians(rise)))
            )
            offsets.append(0.8 if not tier else rng.uniform(0.55, 0.78))
        offsets[-sides:] = [offsets[-sides]] * sides
    normals += [(0, 0, 1), (0, 0, -1)]
    offsets += [rng.uniform(0.3, 0.6), rng.uniform(0.5, 0.8)]
    n32, o32 = np.array(normals, np.float32), np.array(offsets, np.float32)[:, None]
    return Solid(sdf.grow(lambda p: (n32 @ p - o32).max(axis=0), pick(rng, 0.0, 0.02)), (0.95, 0.95, 0.85))


def sponge(rng: np.random.Generator) -> Solid:
    """Foam and sponge: a soft block full of irregular pores."""
    half = rng.uniform(0.35, 0.9, 3)
    half[rng.integers(3)] = 0.93
    body = sdf.box(half, rng.uniform(0.03, 0.2))
    count = int(rng.integers(25, 60))
    centres = rng.uniform(-1, 1, (count, 3)) * half
    face = rng.integers(3, size=count)
    centres[np.arange(count), face] = half[face] * rng.choice((-1, 1), count)
    radii = rng.uniform(0.02, 0.11, count)
    c32, r32 = centres.astype(np.float32), radii.astype(np.float32)[:, None]

    def pores(p):
        square = (p * p).sum(axis=0) - 2 * (c32 @ p) + (c32 * c32).sum(axis=1)[:, None]
        return (np.sqrt(np.maximum(square, 0)) - r32).min(axis=0)

    body = sdf.subtract(body, pores, k=pick(rng, 0.0, 0.02))
    return Solid(body, tuple(half + 0.03), soft(rng, 0.012))


def rope(rng: np.random.Generator) -> Solid:
    """Twisted strands: ropes, cables, licorice, drills, springs."""
    strands, turns = int(rng.integers(2, 6)), rng.uniform(0.4, 1.6)
    core = rng.uniform(0.12, 0.25)
    section = warp.ring(warp.move(sdf.cylinder(core * pick(rng, 0.8, 1.0), 2), (core, 0, 0)), strands)
    if chance(rng, 0.3):
        star = outlines.polygon(outlines.chaikin(outlines.regular(strands + 1, 2 * core, 0.6), int(rng.integers(1, 3))))
        section = sdf.extrude(star, 2)
    twisted = sdf.intersect(warp.twist(section, turns, 2 * core), sdf.cylinder(1, 0.93, 0.02))
    body = warp.along(twisted, 0)
    if chance(rng, 0.5):
        body = warp.bend(body, rng.uniform(-0.9, 0.9), 2 * core)
    return Solid(body, (1.0, 0.6, 0.95), soft(rng, 0.003))


def spring(rng: np.random.Generator) -> Solid:
    """Coil springs: a wire wound about z, its ends cut flat."""
    pitch, coil = rng.uniform(0.22, 0.5), rng.uniform(0.4, 0.8)
    wire = min(rng.uniform(0.06, 0.14), pitch * 0.38)
    rise = pitch / (2 * np.pi)
    shrink = np.float32(coil / np.hypot(coil, rise))
    cone = np.float32(rng.uniform(-0.25, 0.25) if chance(rng, 0.3) else 0.0)

    def coiled(p):
        z = p[2] - np.float32(rise) * np.arctan2(p[1], p[0])
        z = z - np.float32(pitch) * np.round(z / np.float32(pitch))
        return sdf.length(sdf.length(p[0], p[1]) - np.float32(coil) - cone * p[2], z * shrink) - np.float32(wire)

    wide = coil + wire + 0.3 * abs(float(cone)) * 3 + 0.02
    return Solid(sdf.intersect(coiled, sdf.box((2, 2, 0.9))), (wide, wide, 0.93))


FAMILIES = {
    "fruit": fruit,
    "figure": figure,
    "seashell": seashell,
    "bakery": bakery,
    "stone": stone,
    "gemstone": gemstone,
    "sponge": sponge,
    "rope": rope,
    "spring": spring,
}
