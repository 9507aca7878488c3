"""Patterned things: balls, plaques and coins, keys, assemblies without a name, reliefs of roads and walls, boards."""

import numpy as np

from align3d_cli.synthetic import fields, outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick
from align3d_cli.synthetic.families.household import soft
from align3d_cli.synthetic.solid import Solid


def ball(rng: np.random.Generator) -> Solid:
    """Balls with dimples, seams, panels or grains."""
    body = sdf.sphere(0.93)
    kind = rng.integers(4)
    if kind == 0:
        count = int(rng.integers(60, 260))
        nearest = details.nearest_direction(details.sphere_directions(count))
        size = np.float32(np.sqrt(4 / count) * rng.uniform(0.6, 0.95))
        depth = np.float32(rng.uniform(0.1, 0.3)) * size
        shape = details.with_field(body, lambda p: depth * np.clip(1 - (nearest(p) / size) ** 2, 0, 1))
    elif kind == 1:
        wave, width = np.float32(rng.uniform(0.35, 0.6)), np.float32(rng.uniform(0.012, 0.03))
        seam = lambda p: np.abs(p[2] - wave * np.sin(2 * np.arctan2(p[1], p[0]))) * np.float32(0.6) - width  # noqa: E731 - a mask
        shape = details.marked(rng, body, seam, rng.uniform(0.01, 0.03))
    elif kind == 2:
        panels = details.sphere_directions(int(rng.integers(8, 32))).astype(np.float32)
        width = np.float32(rng.uniform(0.01, 0.03))

        def seams(p):
            near = np.partition(panels @ p, -2, axis=0)[-2:]
            return (near[1] - near[0]) * np.float32(0.7) - width

        shape = sdf.engrave(body, seams, rng.uniform(0.01, 0.04), 0.015)
    else:
        shape = body
    if chance(rng, 0.25):
        shape = warp.stretch(shape, (1, 1, rng.uniform(0.6, 0.95)))
    reliefs = soft(rng, 0.003)
    if kind == 3 and chance(rng, 0.7):
        reliefs += (
            (rng.uniform(0.002, 0.008), fields.RELIEFS[pick(rng, *fields.RELIEFS)](rng, rng.uniform(0.05, 0.2))),
        )
    return Solid(shape, (0.97, 0.97, 0.97), reliefs)


def plaque(rng: np.random.Generator) -> Solid:
    """Coins, medals, signs: a rim, writing, an emblem, raised or sunk."""
    half = rng.uniform(0.04, 0.15)
    round_one = chance(rng, 0.6)
    outline = outlines.circle(0.93) if round_one else outlines.rectangle(0.95, rng.uniform(0.4, 0.8), 0.1)
    body = sdf.extrude(outline, half, half * 0.3)
    rim = np.float32(rng.uniform(0.03, 0.1))
    inner = lambda p: outline(p[0], p[1]) + rim  # noqa: E731 - a mask
    depth = half * rng.uniform(0.15, 0.4)
    if chance(rng, 0.8):
        body = sdf.engrave(body, details.above(inner), depth)
    emblem = sdf.column(outlines.polygon(details.outline(rng, rng.uniform(0.2, 0.4))))
    text = details.writing(rng, rng.uniform(0.12, 0.25))
    marks = sdf.union(warp.move(emblem, (0, 0.1, 0)), warp.move(text, (0, -0.45 if round_one else -0.3, 0)))
    if chance(rng, 0.5):
        dot = sdf.column(outlines.circle(rng.uniform(0.015, 0.035)))
        marks = (
            sdf.union(marks, warp.ring(warp.move(dot, (0.8, 0, 0)), int(rng.integers(12, 40)))) if round_one else marks
        )
    body = details.marked(
        rng, body, lambda p: np.maximum(details.above(marks)(p), inner(p)), depth * rng.uniform(0.5, 1.0)
    )
    if chance(rng, 0.3) and round_one:
        reeds = details.flutes(rng, 0.93)
        body = sdf.engrave(body, lambda p: np.maximum(reeds(p), np.float32(0.85) - sdf.length(p[0], p[1])), 0.015)
    return Solid(body, (0.97, 0.97, half + 0.08), soft(rng, 0.003))


def _primitive(rng: np.random.Generator, size: float):
    a, b, c = size * rng.uniform(0.4, 1.0, 3)
    return pick(
        rng,
        lambda: sdf.box((a, b, c), min(a, b, c) * rng.uniform(0, 0.6)),
        lambda: sdf.cylinder(a, b, min(a, b) * rng.uniform(0, 0.4)),
        lambda: sdf.frustum(a, a * rng.uniform(0.2, 0.9), b, 0.02),
        lambda: sdf.ellipsoid((a, b, c)),
        lambda: sdf.torus(a, a * rng.uniform(0.2, 0.5)),
        lambda: sdf.superellipsoid((a, b, c), rng.uniform(0.3, 1), rng.uniform(0.3, 1)),
        lambda: sdf.extrude(outlines.polygon(details.outline(rng, a)), b * 0.5, 0.02),
        lambda: sdf.capsule((-a * 0.7, 0, 0), (a * 0.7, 0, 0), b * 0.5, c * 0.5),
    )()


def _turn(rng: np.random.Generator) -> np.ndarray:
    """Mostly right angles, sometimes any."""
    if chance(rng, 0.6):
        return warp.axis_rotation(int(rng.integers(3)), 90 * int(rng.integers(4))) @ warp.axis_rotation(
            int(rng.integers(3)), 90
        )
    return np.linalg.qr(rng.normal(size=(3, 3)))[0]


def assembly(rng: np.random.Generator) -> Solid:
    """Primitives joined, blended and cut at random: parts nobody has a name for."""
    body = _primitive(rng, rng.uniform(0.5, 0.8))
    k = pick(rng, 0.0, rng.uniform(0.02, 0.2))
    for _ in range(int(rng.integers(1, 6))):
        piece = warp.move(warp.rotate(_primitive(rng, rng.uniform(0.15, 0.6)), _turn(rng)), rng.uniform(-0.6, 0.6, 3))
        choice = rng.random()
        if choice < 0.6:
            body = sdf.blend(k, body, piece) if k else sdf.union(body, piece)
        elif choice < 0.9:
            body = sdf.subtract(body, piece, k=k / 2)
        else:
            body = sdf.emboss(body, piece, rng.uniform(0.02, 0.06))
    if chance(rng, 0.3):
        body = warp.mirror(body, int(rng.integers(3)))
    if chance(rng, 0.25):
        body = warp.twist(body, rng.uniform(-0.2, 0.2), 1.0)
    if chance(rng, 0.3):
        body = sdf.shell(body, rng.uniform(0.04, 0.1))
        body = sdf.intersect(body, sdf.halfspace(rng.normal(size=3), rng.uniform(0.1, 0.4)))
    if chance(rng, 0.4):
        body = details.marked(rng, body, warp.rotate(details.writing(rng, 0.2), _turn(rng)), 0.02)
    return Solid(sdf.intersect(body, sdf.box((1.15, 1.15, 1.15), 0.1)), (1.17, 1.17, 1.17), soft(rng, 0.004))


def relief(rng: np.random.Generator) -> Solid:
    """A slab whose top is a surface of its own: asphalt, rock, plaster, leather, cloth, planks, tiles, tread."""
    top = rng.uniform(-0.05, 0.05)
    kind = rng.integers(4)
    slab = sdf.box((0.95, 0.95, 0.12), 0.01)
    body = slab
    if kind == 1:
        size = (rng.uniform(0.15, 0.5), rng.uniform(0.1, 0.35))
        gap, shift = rng.uniform(0.008, 0.03), np.float32(pick(rng, 0.0, 0.5))

        def joints(p):
            row = np.round(p[1] / np.float32(size[1]))
            x = p[0] / np.float32(size[0]) + shift * (row % 2)
            across = np.abs(x - np.floor(x) - np.float32(0.5)) - np.float32(0.5)
            up = np.abs(p[1] / np.float32(size[1]) - row) - np.float32(0.5)
            return -np.float32(gap) - np.maximum(across * np.float32(size[0]), up * np.float32(size[1]))

        mask = lambda p: np.maximum(-joints(p) - 2 * np.float32(gap), -p[2])  # noqa: E731 - a mask
        body = sdf.engrave(slab, mask, rng.uniform(0.01, 0.05), 0.01)
    elif kind == 2:
        body = details.marked(
            rng, slab, details.above(details.bands(rng, -0.9, 0.9, axis=int(rng.integers(2)))), rng.uniform(0.01, 0.05)
        )
    elif kind == 3:
        pattern = warp.grid(sdf.column(outlines.polygon(details.outline(rng, 0.08))), (0.24, 0.24, 9), (7, 7, 1))
        body = details.marked(rng, slab, details.above(pattern), rng.uniform(0.01, 0.05))
    reliefs = [
        (rng.uniform(0.0, 0.04), fields.waves(rng, rng.uniform(0.6, 2.5), 8)),
        (rng.uniform(0.001, 0.012), fields.RELIEFS[pick(rng, *fields.RELIEFS)](rng, rng.uniform(0.05, 0.3))),
    ]
    if chance(rng, 0.6):
        reliefs.append(
            (rng.uniform(0.001, 0.005), fields.RELIEFS[pick(rng, *fields.RELIEFS)](rng, rng.uniform(0.02, 0.08)))
        )
    return Solid(body, (0.96, 0.96, 0.18 + abs(top)), tuple(reliefs))


def board(rng: np.random.Generator) -> Solid:
    """Circuit boards and instrument panels: chips, cylinders, connectors, knobs in rows."""
    hx, hy = rng.uniform(0.6, 0.95), rng.uniform(0.5, 0.9)
    parts = [sdf.box((hx, hy, 0.03), 0.005)]
    high = 0.1
    for _ in range(int(rng.integers(4, 12))):
        at = (*(rng.uniform(-0.8, 0.8, 2) * (hx, hy)), 0.03)
        h = rng.uniform(0.02, 0.25)
        a, b = rng.uniform(0.04, 0.22, 2)
        piece = pick(
            rng,
            lambda a=a, b=b, h=h: sdf.box((a, b, h), 0.01),
            lambda a=a, b=b, h=h: sdf.cylinder(min(a, 0.14), h, 0.015),
            lambda a=a, b=b, h=h: warp.grid(
                sdf.box((0.015, 0.02, h * 0.5)), (0.05, 0.3, 1), (int(rng.integers(2, 7)), 2, 1)
            ),
            lambda a=a, b=b, h=h: sdf.subtract(
                sdf.box((a, b, h)), warp.move(sdf.box((a * 0.8, b * 0.7, h)), (0, 0, h))
            ),
        )()
        parts.append(warp.move(piece, at))
        high = max(high, h + 0.05)
    body = sdf.subtract(
        sdf.union(*parts), warp.mirror(warp.mirror(warp.move(sdf.cylinder(0.05, 1), (hx - 0.1, hy - 0.1, 0)), 0), 1)
    )
    return Solid(body, (hx + 0.02, hy + 0.02, high + 0.02))


def key(rng: np.random.Generator) -> Solid:
    """Keys, combs, saws and brackets cut from a flat blank, with grooves along the blade."""
    teeth = int(rng.integers(5, 16))
    x = np.linspace(-0.2, 0.92, teeth)
    lower = np.stack((x, rng.uniform(-0.18, -0.02, teeth)), 1)
    blade = np.concatenate((lower, [(0.95, 0.12), (-0.2, 0.14)]))
    t = rng.uniform(0.03, 0.07)
    bow = warp.move(sdf.extrude(outlines.polygon(details.outline(rng, 0.38)), t * 1.2, t * 0.4), (-0.55, 0, 0))
    body = sdf.union(sdf.extrude(outlines.polygon(blade), t), bow)
    body = sdf.subtract(body, warp.move(sdf.cylinder(rng.uniform(0.06, 0.15), 1), (-0.65, 0, 0)))
    groove = lambda p: np.maximum(np.abs(p[1] - np.float32(0.06)) - np.float32(0.02), np.float32(-0.15) - p[0])  # noqa: E731 - a mask
    body = sdf.engrave(body, groove, t * 0.4) if chance(rng, 0.7) else body
    return Solid(body, (1.0, 0.5, t * 1.2 + 0.02), soft(rng, 0.002))


FAMILIES = {"ball": ball, "plaque": plaque, "assembly": assembly, "relief": relief, "board": board, "key": key}
