"""Families that no training run may see: what `benchmark --dataset synthetic` measures on."""

import numpy as np

from align3d_cli.synthetic import fields, outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick
from align3d_cli.synthetic.solid import Solid


def tyre(rng: np.random.Generator) -> Solid:
    """A tyre with tread blocks and sidewall writing."""
    wide, ring = rng.uniform(0.22, 0.4), 0.62
    body = sdf.revolve(lambda r, z: outlines.rectangle(0.3, wide, 0.15)(r - np.float32(ring), z))
    body = sdf.subtract(
        body, sdf.revolve(lambda r, z: outlines.rectangle(0.22, wide * 0.7, 0.1)(r - np.float32(ring - 0.14), z))
    )
    count, slant = int(rng.integers(14, 36)), np.float32(rng.uniform(-2, 2))

    def tread(p):
        turn = (np.arctan2(p[1], p[0]) + slant * np.abs(p[2])) * np.float32(count / (2 * np.pi))
        cross = (np.abs(turn - np.round(turn)) - np.float32(0.12)) * np.float32(5.0 / count)
        middle = np.abs(np.abs(p[2]) - np.float32(wide * 0.3)) - np.float32(0.02)
        return np.maximum(np.minimum(cross, middle), np.float32(0.85) - sdf.length(p[0], p[1]))

    return Solid(sdf.engrave(body, tread, rng.uniform(0.03, 0.06)), (0.96, 0.96, wide + 0.02))


def cookie(rng: np.random.Generator) -> Solid:
    """A round or fluted biscuit with stamped pattern, holes or chips."""
    body = sdf.cylinder(0.9, 0.12, 0.1)
    if chance(rng, 0.5):
        body = sdf.extrude(
            outlines.polygon(outlines.chaikin(outlines.regular(int(rng.integers(14, 30)), 0.93, 0.93), 2)), 0.12, 0.05
        )
    if chance(rng, 0.5):
        chips = [
            warp.move(sdf.ellipsoid(rng.uniform(0.04, 0.1, 3)), (*rng.uniform(-0.55, 0.55, 2), 0.12)) for _ in range(9)
        ]
        body = sdf.blend(0.02, body, *chips)
    else:
        body = sdf.subtract(
            body, warp.ring(warp.move(sdf.cylinder(0.03, 1), (0.45, 0, 0)), 8), sdf.cylinder(0.03, 1), k=0.03
        )
        body = details.marked(rng, body, details.above(details.writing(rng, 0.2, 4)), 0.025)
    grain = (rng.uniform(0.002, 0.006), fields.fractal(rng, rng.uniform(0.08, 0.25), 3))
    return Solid(body, (0.97, 0.97, 0.26), (grain,))


def impeller(rng: np.random.Generator) -> Solid:
    """Curved blades around a hub on a disc."""
    blades, sweep = int(rng.integers(4, 11)), rng.uniform(0.4, 1.2)
    angle = np.linspace(0, sweep, 7)
    r = np.linspace(0.18, 0.9, 7)
    line = np.stack((r * np.cos(angle), r * np.sin(angle)), 1)
    spokes = []
    for i in range(blades):
        turn = warp.axis_rotation(2, 360 * i / blades)[:2, :2]
        spokes.append(line @ turn.T)
    vanes = warp.move(sdf.extrude(outlines.strokes(spokes, rng.uniform(0.02, 0.035)), 0.22, 0.015), (0, 0, 0.15))
    vanes = sdf.intersect(vanes, warp.move(sdf.frustum(1.1, 0.5, 0.35), (0, 0, 0.2)))
    hub = sdf.revolve(lambda r, z: outlines.rectangle(0.2, 0.3, 0.1)(r, z - np.float32(0.1)))
    body = sdf.blend(0.03, sdf.cylinder(0.93, 0.04, 0.01), hub, vanes)
    return Solid(sdf.subtract(body, sdf.cylinder(0.08, 2)), (0.96, 0.96, 0.45))


def chessman(rng: np.random.Generator) -> Solid:
    """A turned base with collars and a head: sphere, crown, slit or cross."""
    collars = np.array(
        [
            (0, -0.95),
            (0.42, -0.95),
            (0.42, -0.85),
            (0.3, -0.78),
            (0.34, -0.7),
            (0.15, -0.4),
            (0.11, 0.2),
            (0.22, 0.28),
            (0.1, 0.34),
            (0.13, 0.5),
            (0, 0.5),
        ]
    )
    collars[1:-1, 0] *= rng.uniform(0.8, 1.2, 9)
    line = outlines.chaikin(collars, 2, closed=False)
    body = sdf.revolve(outlines.polygon(np.concatenate((line, line[::-1] * (-1, 1)))))
    head = warp.move(sdf.ellipsoid((0.2, 0.2, rng.uniform(0.2, 0.35))), (0, 0, 0.6))
    kind = rng.integers(3)
    if kind == 0:
        head = sdf.subtract(
            head, warp.move(warp.rotate(sdf.box((0.5, 0.5, 0.02)), warp.axis_rotation(1, 40)), (0, 0, 0.65))
        )
    elif kind == 1:
        head = sdf.subtract(
            warp.move(sdf.frustum(0.15, 0.24, 0.2, 0.02), (0, 0, 0.65)),
            warp.move(warp.ring(warp.move(sdf.box((0.1, 0.04, 0.1)), (0.22, 0, 0)), 5), (0, 0, 0.9)),
        )
    else:
        head = sdf.union(head, warp.move(sdf.box((0.04, 0.15, 0.05)), (0, 0, 0.9)))
    return Solid(sdf.blend(0.02, body, head), (0.55, 0.55, 1.0))


def connector(rng: np.random.Generator) -> Solid:
    """Plugs and glands: a ribbed nut, a keyed shell, pins, a cable boot."""
    r = rng.uniform(0.35, 0.5)
    nut = sdf.extrude(outlines.polygon(outlines.regular(pick(rng, 6, 8, 12), r * 1.1)), 0.2, 0.02)
    barrel = sdf.engrave(sdf.cylinder(r, 0.4, 0.02), warp.helix(0.09, 1, 0.025), 0.03)
    parts = [warp.move(nut, (0, 0, -0.2)), warp.move(barrel, (0, 0, 0.35))]
    boot = sdf.frustum(r * 0.5, r * 0.85, 0.25, 0.02)
    parts.append(warp.move(sdf.engrave(boot, details.bands(rng, -0.2, 0.2), 0.03), (0, 0, -0.65)))
    body = sdf.union(*parts)
    body = sdf.subtract(body, warp.move(sdf.cylinder(r * 0.75, 0.35), (0, 0, 0.6)))
    pins = warp.ring(warp.move(sdf.capsule((0, 0, 0.2), (0, 0, 0.6), 0.04), (r * 0.4, 0, 0)), int(rng.integers(3, 7)))
    return Solid(sdf.union(body, pins), (r * 1.25 + 0.02, r * 1.25 + 0.02, 0.95))


FAMILIES = {"tyre": tyre, "cookie": cookie, "impeller": impeller, "chessman": chessman, "connector": connector}
