"""Bodies with thin fins, and wings."""

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick, proportion
from align3d_cli.synthetic.sdf import Sdf
from align3d_cli.synthetic.solid import Solid


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
        square = sdf.box((1.1 * out, 1.1 * out, 0.03), 0.01)
        flange = pick(rng, square, sdf.section(-0.03, 0.03, 1.3 * out, 0.01))
        flange = sdf.subtract(flange, details.corner_holes(0.75 * out, 0.1 * r))
        parts.append(warp.move(flange, (0, 0, -0.91)))
    body = sdf.union(*parts)
    if chance(rng, 0.6):
        body = sdf.subtract(body, warp.move(sdf.cylinder(0.4 * r, 1), (0, 0, pick(rng, 0.0, 0.6))))
    return Solid(body, (1.3 * out + 0.02, 1.3 * out + 0.02, 0.97), thin=0.12 * pitch)


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
    return Solid(body, (out + 0.02, out + 0.02, 0.97), thin=min(thick, 0.25 * r))


def _tail(rng: np.random.Generator) -> Solid:
    """A slender body about z with a nose, steps and three or four swept fins."""
    r, nose = proportion(rng, 0.06, 0.14), rng.uniform(0.3, 0.7)
    body = sdf.blend(0.02, sdf.section(-0.95, nose, r, 0.02), sdf.capsule((0, 0, nose), (0, 0, 0.9), r, 0.3 * r))
    span, root, sweep = r * rng.uniform(2, 4), rng.uniform(0.2, 0.6), rng.uniform(0.0, 0.4)
    shape = [(0, -0.93 + sweep), (0, -0.93 + sweep + root), (span, -0.93 + root * 0.5), (span, -0.93)]
    fin = warp.rotate(sdf.extrude(outlines.polygon(np.array(shape)), 0.12 * r, 0.05 * r), warp.axis_rotation(0, 90))
    collar = sdf.section(nose - 0.1, nose, r * rng.uniform(1.05, 1.3), 0.02 * r)
    body = sdf.union(body, warp.ring(fin, int(rng.integers(3, 5))), collar)
    return Solid(body, (span + 0.02, span + 0.02, 0.97), thin=0.12 * r)


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
    return Solid(body, (reach + 0.02, 0.5 * chord + 0.03, 0.97), thin=0.2 * thick * tip * chord)


def _sheared(shape: Sdf, slope: float) -> Sdf:
    """Moved along x by slope * z; the distance is scaled to stay a lower bound."""
    shrink = np.float32(1 / (1 + abs(slope)))
    return lambda p: shape(np.stack((p[0] - np.float32(slope) * p[2], p[1], p[2]))) * shrink


def _aerofoil(thick: float, camber: float) -> np.ndarray:
    """Outline (80, 2), x in [-1, 1]: the thickness of NACA's four-digit sections (Report 460) about a parabola."""
    x = (1 - np.cos(np.linspace(0, np.pi, 41))) / 2
    y = 5 * thick * (0.2969 * np.sqrt(x) - 0.126 * x - 0.3516 * x**2 + 0.2843 * x**3 - 0.1015 * x**4)
    middle = 4 * camber * x * (1 - x)
    upper, lower = np.stack((x, middle + y), axis=1), np.stack((x, middle - y), axis=1)[::-1]
    return (np.concatenate((upper, lower[1:-1])) * 2 - (1, 0)) * (-1, 1)


FAMILIES = {"fins": fins, "wing": wing}
