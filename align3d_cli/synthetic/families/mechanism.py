"""Parts of mechanisms: bearings, flanges, brackets, linkages, cams, clips."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick
from align3d_cli.synthetic.solid import Solid


def bearing(rng: np.random.Generator) -> Solid:
    """Two rings with balls or rollers between, open, caged or capped; plain washers and bushes too."""
    half, bore = rng.uniform(0.1, 0.35), rng.uniform(0.3, 0.6)
    wall = (0.93 - bore) * rng.uniform(0.22, 0.32)
    ring = lambda outer, inner: sdf.subtract(sdf.cylinder(outer, half, 0.02), sdf.cylinder(inner, 2))  # noqa: E731
    parts = [ring(0.93, 0.93 - wall), ring(bore + wall, bore)]
    middle, gap = (0.93 + bore) / 2, (0.93 - bore) / 2 - wall
    kind = rng.integers(3)
    if kind < 2:
        size = min(gap * 1.25, half * 0.95)
        count = max(int(np.pi * middle / (size * rng.uniform(1.05, 1.6))), 4)
        roller = sdf.sphere(size) if kind == 0 else sdf.cylinder(gap * 0.98, half * 0.85, 0.01)
        parts.append(warp.ring(warp.move(roller, (middle, 0, 0)), min(count, 26)))
    else:
        cover = sdf.subtract(sdf.cylinder(0.93 - wall * 0.7, half * 0.85), sdf.cylinder(bore + wall * 0.7, 2))
        bead = sdf.column(lambda x, y: np.abs(np.hypot(x, y) - np.float32(middle)) - np.float32(gap * 0.4))
        parts.append(details.marked(rng, cover, bead, half * 0.08))
    body = sdf.union(*parts)
    if chance(rng, 0.4):
        body = details.marked(
            rng, body, warp.move(details.above(details.writing(rng, wall * 0.6, 4)), (0.93 - wall / 2, 0, 0)), 0.01
        )
    return Solid(body, (0.96, 0.96, half + 0.03))


def flange(rng: np.random.Generator) -> Solid:
    """Pipe flanges, hubs, glands: a disc with bolt holes, a raised face, a neck, a bore."""
    half, bore = rng.uniform(0.06, 0.18), rng.uniform(0.15, 0.4)
    neck, high = bore + rng.uniform(0.08, 0.2), rng.uniform(0.1, 0.6)
    outline = outlines.circle(0.93)
    if chance(rng, 0.3):
        outline = outlines.polygon(outlines.chaikin(outlines.regular(int(rng.integers(3, 6)), 1.0), 2))
    disc = sdf.extrude(outline, half, half * rng.uniform(0.02, 0.4))
    tower = warp.move(sdf.frustum(neck * rng.uniform(1.0, 1.3), neck, high / 2, 0.01), (0, 0, half + high / 2 - 0.02))
    body = sdf.blend(rng.uniform(0.01, 0.08), disc, tower)
    face = sdf.column(outlines.circle(neck * rng.uniform(1.2, 1.5)))
    body = sdf.emboss(body, lambda p: np.maximum(face(p), p[2]), half * 0.3)
    if chance(rng, 0.4):
        rings = sdf.column(lambda x, y: np.abs(np.hypot(x, y) - np.float32(bore * 1.3)) - np.float32(0.02))
        body = sdf.engrave(body, lambda p: np.maximum(rings(p), p[2]), half * 0.2)
    tools = [details.bolt_circle(rng, min((0.93 + neck) / 2 + 0.05, 0.8), rng.uniform(0.04, 0.09), half)]
    if chance(rng, 0.8):
        tools.append(sdf.cylinder(bore, 3))
    if chance(rng, 0.3):
        tools.append(warp.move(sdf.cylinder(bore * 1.2, high), (0, 0, half + high)))
    return Solid(sdf.subtract(body, *tools), (0.98, 0.98, half * 1.5 + high + 0.03))


def bracket(rng: np.random.Generator) -> Solid:
    """Angle brackets and bearing blocks: two plates, gussets, holes, a boss."""
    t, wide = rng.uniform(0.06, 0.15), rng.uniform(0.35, 0.9)
    foot = warp.move(sdf.box((0.9, wide, t), 0.02), (0, 0, -0.6))
    wall = warp.move(sdf.box((t, wide, 0.7), 0.02), (-0.9 + t, 0, 0.05))
    parts = [foot, wall]
    if chance(rng, 0.6):
        web = warp.along(
            sdf.extrude(outlines.polygon(np.array([(-0.85, -0.6), (0.5, -0.6), (-0.85, 0.6)])), t * 0.5), 2
        )
        web = warp.rotate(web, warp.axis_rotation(0, 90))
        places = pick(rng, (0.0,), (-0.8, 0.8))
        parts += [warp.move(web, (0, at * wide, 0)) for at in places]
    tools = [warp.move(details.hole_grid(rng, 0.6, 0.8 * wide, 0.4), (0.15, 0, -0.6))]
    if chance(rng, 0.7):
        boss = warp.along(sdf.cylinder(rng.uniform(0.2, 0.32), t * rng.uniform(1.5, 3), 0.02), 0)
        parts.append(warp.move(boss, (-0.9 + t, 0, 0.3)))
        tools.append(warp.move(warp.along(sdf.cylinder(rng.uniform(0.08, 0.16), 1), 0), (-0.9, 0, 0.3)))
    body = sdf.blend(rng.uniform(0.01, 0.1), *parts)
    return Solid(sdf.subtract(body, *tools), (1.15, wide + 0.03, 0.85))


def linkage(rng: np.random.Generator) -> Solid:
    """Rods, levers, cranks, spanners: eyes joined by bars, with recesses and oil holes."""
    count = int(rng.integers(2, 4))
    at = np.zeros((count, 2))
    at[:, 0] = np.linspace(-0.7, 0.7, count)
    at[:, 1] = rng.uniform(-0.3, 0.3, count)
    radii, t = rng.uniform(0.14, 0.27, count), rng.uniform(0.06, 0.15)
    bar = outlines.strokes([at], rng.uniform(0.06, 0.12))
    body = sdf.extrude(bar, t * rng.uniform(0.6, 1.0), 0.02)
    eyes = [
        warp.move(sdf.cylinder(r, t * rng.uniform(1.0, 1.8), 0.02), (*p, 0)) for p, r in zip(at, radii, strict=True)
    ]
    body = sdf.blend(rng.uniform(0.01, 0.12), body, *eyes)
    tools = [warp.move(sdf.cylinder(r * rng.uniform(0.4, 0.75), 1), (*p, 0)) for p, r in zip(at, radii, strict=True)]
    if chance(rng, 0.5):
        groove = sdf.column(outlines.strokes([at * 0.75], 0.035))
        body = sdf.engrave(body, groove, t * 0.3, pick(rng, 0.0, 0.02))
    return Solid(sdf.subtract(body, *tools), (1.0, 0.62, 2 * t + 0.03))


def cam(rng: np.random.Generator) -> Solid:
    """Shafts with eccentric lobes, splines, keyways, journals."""
    r = rng.uniform(0.1, 0.18)
    parts = [sdf.cylinder(r, 0.95, 0.02)]
    for z in np.linspace(-0.7, 0.7, int(rng.integers(2, 6))):
        wide = rng.uniform(0.05, 0.12)
        if chance(rng, 0.6):
            angle = rng.uniform(0, 2 * np.pi)
            nose = np.array((np.cos(angle), np.sin(angle))) * rng.uniform(0.1, 0.2)
            lobe = outlines.strokes([np.array([(0.0, 0.0), nose])], r * 1.4)
            parts.append(warp.move(sdf.extrude(lobe, wide, 0.015), (0, 0, z)))
        else:
            parts.append(warp.move(sdf.cylinder(r * rng.uniform(1.2, 2.2), wide, 0.015), (0, 0, z)))
    body = sdf.blend(0.015, *parts)
    if chance(rng, 0.5):
        spline = details.flutes(rng, r)
        body = sdf.engrave(body, lambda p: np.maximum(spline(p), np.float32(0.72) - p[2]), 0.025)
    if chance(rng, 0.5):
        body = sdf.subtract(body, warp.move(sdf.box((0.03, 0.05, 0.12), 0.02), (r, 0, rng.uniform(-0.8, 0.8))))
    return Solid(body, (0.45, 0.45, 0.97))


def clip(rng: np.random.Generator) -> Solid:
    """Bent strips and wires: hooks, springs, paper clips, hinges."""
    count = int(rng.integers(4, 8))
    points = np.cumsum(rng.normal(size=(count, 2)) * (0.5, 0.4), axis=0)
    points = (points - points.mean(axis=0)) / np.abs(points - points.mean(axis=0)).max() * 0.88
    line = outlines.chaikin(points, int(rng.integers(1, 4)), closed=False)
    t = rng.uniform(0.03, 0.09)
    wide = t if chance(rng, 0.4) else rng.uniform(0.1, 0.6)
    body = sdf.extrude(outlines.strokes([line], t), wide, t * rng.uniform(0.1, 0.9))
    if chance(rng, 0.5) and wide > 0.15:
        body = sdf.subtract(body, warp.along(sdf.cylinder(wide * 0.4, 3), int(rng.integers(2))))
    return Solid(body, (1.0, 1.0, wide + 0.03))


FAMILIES = {"bearing": bearing, "flange": flange, "bracket": bracket, "linkage": linkage, "cam": cam, "clip": clip}
