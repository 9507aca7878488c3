"""What multiplies the families: deformed parts, design features on any part, parts put together from parts."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from align3d_cli.synthetic import outlines, sdf, warp
from align3d_cli.synthetic.families import details
from align3d_cli.synthetic.families.details import chance, pick
from align3d_cli.synthetic.sdf import Sdf
from align3d_cli.synthetic.solid import Solid

Family = Callable[[np.random.Generator], Solid]
DEEPEST = 0.3  # share of the thinnest member's half that one feature takes; two may meet, from both sides


def varied(part: Solid, rng: np.random.Generator) -> Solid:
    """The part as it is (half of the time), or stretched, tapered, twisted, bent, or with more design features."""
    if chance(rng, 0.5):
        return part
    if chance(rng, 0.6):
        part = _featured(part, rng)
    return _deformed(part, rng) if chance(rng, 0.6) else part  # after the features: it scales distances, and so depths


def _deformed(part: Solid, rng: np.random.Generator) -> Solid:
    half, shape = np.asarray(part.half, float), part.sdf
    kind = rng.integers(4)
    if kind == 0:
        by = rng.uniform(0.55, 1.0, 3)
        return replace(part, sdf=warp.stretch(shape, by), half=tuple(half * by))
    if kind == 1:
        bottom, top = rng.uniform(0.6, 1.0, 2)
        return replace(part, sdf=warp.taper(shape, bottom, top, half[2]))
    radius = float(np.hypot(half[0], half[1]))
    if kind == 2:
        wide = (radius, radius, half[2])
        return replace(part, sdf=warp.twist(shape, rng.uniform(-0.08, 0.08) / half[2], radius), half=wide)
    curve = rng.uniform(-0.5, 0.5) / max(half[0], half[2], 0.5)
    sag = abs(curve) * half[0] ** 2 * 0.6
    return replace(part, sdf=warp.bend(shape, curve, half[2]), half=(half[0], half[1], half[2] + sag + 0.02))


def _featured(part: Solid, rng: np.random.Generator) -> Solid:
    """One or two design features: writing, rings, a pattern of dimples or studs, a row of holes, a split line."""
    half = np.asarray(part.half, float)
    size, shape = float(half.max()), part.sdf
    for _ in range(int(rng.integers(1, 3))):
        axis = int(rng.integers(3))
        mask = warp.along(_mask(rng, size), axis)
        if chance(rng, 0.3):
            reach = half[axis] * rng.uniform(0.2, 0.8)
            mask = _within(mask, axis, reach)
        depth = size * float(np.exp(rng.uniform(np.log(0.006), np.log(0.04))))
        shape = details.marked(rng, shape, mask, min(depth, DEEPEST * part.thin))  # thin parts stay in one piece
    return replace(part, sdf=shape, half=tuple(half + 0.05 * size))


def _within(mask: Sdf, axis: int, reach: float) -> Sdf:
    return lambda p: np.maximum(mask(p), np.abs(p[axis]) - np.float32(reach))


def _mask(rng: np.random.Generator, size: float) -> Sdf:
    """A mask that is endless along z."""
    kind = rng.integers(6)
    if kind == 0:
        return details.writing(rng, size * rng.uniform(0.12, 0.4))
    if kind == 1:
        return details.bands(rng, -0.9 * size, 0.9 * size, axis=int(rng.integers(2)))
    if kind == 2:
        pitch = size * rng.uniform(0.08, 0.4)
        dot = sdf.column(outlines.polygon(details.outline(rng, pitch * rng.uniform(0.2, 0.4))))
        return warp.grid(dot, (pitch, pitch, 9), (*rng.integers(2, 12, 2), 1))
    if kind == 3:
        dot = sdf.column(outlines.circle(size * rng.uniform(0.02, 0.08)))
        return warp.ring(warp.move(dot, (size * rng.uniform(0.3, 0.7), 0, 0)), int(rng.integers(3, 14)))
    if kind == 4:
        loop = outlines.strokes(
            [_closed(details.outline(rng, size * rng.uniform(0.2, 0.7)))], size * rng.uniform(0.01, 0.03)
        )
        return sdf.column(loop)
    return sdf.column(outlines.polygon(details.outline(rng, size * rng.uniform(0.15, 0.5))))


def _closed(loop: np.ndarray) -> np.ndarray:
    return np.concatenate((loop, loop[:1]))


def kitbash(families: Mapping[str, Family]) -> Family:
    """A family that puts two or three shapes of other families together: stacked, stuck on, or one cut by another."""
    names = list(families)

    def make(rng: np.random.Generator) -> Solid:
        first = families[names[rng.integers(len(names))]](rng)
        shape, half = first.sdf, np.asarray(first.half, float)
        for _ in range(int(rng.integers(1, 3))):
            other = families[names[rng.integers(len(names))]](rng)
            by = rng.uniform(0.35, 0.8)
            size = np.asarray(other.half, float) * by
            axis, sign = int(rng.integers(3)), pick(rng, 1, -1)
            at = rng.uniform(-0.3, 0.3, 3) * half
            at[axis] = sign * (half[axis] + size[axis] * rng.uniform(0.0, 0.8))
            piece = warp.move(warp.scale(sdf.intersect(other.sdf, sdf.box(other.half)), by), at)
            k = pick(rng, 0.0, 0.0, rng.uniform(0.02, 0.1))
            shape = (
                sdf.subtract(shape, piece)
                if chance(rng, 0.15)
                else sdf.blend(k, shape, piece)
                if k
                else sdf.union(shape, piece)
            )
            half = np.maximum(half, np.abs(at) + size)
        return Solid(warp.scale(shape, 1 / half.max()), tuple(half / half.max() + 0.01), first.reliefs)

    return make
