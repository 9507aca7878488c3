"""Moving, repeating and bending signed distance functions (see sdf.py for what those are)."""

import numpy as np

from align3d_cli.synthetic.sdf import Sdf, length

TURN = np.float32(2 * np.pi)


def move(shape: Sdf, by) -> Sdf:
    """The shape moved by a vector (3,)."""
    t = np.asarray(by, np.float32)[:, None]
    return lambda p: shape(p - t)


def rotate(shape: Sdf, rotation: np.ndarray) -> Sdf:
    """rotation (3, 3) takes the shape's frame to the part's."""
    inverse = np.ascontiguousarray(np.asarray(rotation, np.float32).T)
    return lambda p: shape(inverse @ p)


def scale(shape: Sdf, by: float) -> Sdf:
    """The shape larger by one factor."""
    return lambda p: shape(p / np.float32(by)) * np.float32(by)


def stretch(shape: Sdf, by) -> Sdf:
    """Different factors along x, y, z; the distance stays a lower bound."""
    s = np.asarray(by, np.float32)[:, None]
    return lambda p: shape(p / s) * s.min()


def axis_rotation(axis: int, angle_deg: float) -> np.ndarray:
    """(3, 3) right-handed rotation about x, y or z."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out = np.eye(3)
    out[i, i], out[i, j], out[j, i], out[j, j] = c, -s, s, c
    return out


def along(shape: Sdf, axis: int) -> Sdf:
    """A shape made along z, laid along x (0), y (1) or z (2)."""
    order = {0: [1, 2, 0], 1: [2, 0, 1], 2: [0, 1, 2]}[axis]
    return lambda p: shape(p[order])


def ring(shape: Sdf, count: int, phase: float = 0.0) -> Sdf:
    """`count` copies about z; the shape is drawn around the +x axis and must stay within its sector."""
    sector = TURN / np.float32(count)

    def f(p):
        angle = np.arctan2(p[1], p[0]) - np.float32(phase)
        angle = angle - sector * np.round(angle / sector)
        r = length(p[0], p[1])
        return shape(np.stack((r * np.cos(angle), r * np.sin(angle), p[2])))

    return f


def grid(shape: Sdf, pitch, counts) -> Sdf:
    """Copies on a lattice centred at the origin; the shape must stay within its cell. pitch, counts: (3,)."""
    step = np.asarray(pitch, np.float32)[:, None]
    n = np.asarray(counts)
    shift = np.where(n % 2 == 0, 0.5, 0.0).astype(np.float32)[:, None]
    low = np.where(n[:, None] % 2 == 0, -n[:, None] / 2, -(n[:, None] - 1) / 2).astype(np.float32)
    high = low + (n[:, None] - 1).astype(np.float32)

    def f(p):
        cell = np.clip(np.round(p / step - shift), low, high) + shift
        return shape(p - cell * step)

    return f


def mirror(shape: Sdf, axis: int) -> Sdf:
    """The half of the shape on the positive side of an axis, and its mirror image on the other."""

    def f(p):
        q = p.copy()
        q[axis] = np.abs(q[axis])
        return shape(q)

    return f


def twist(shape: Sdf, turns_per_unit: float, radius: float) -> Sdf:
    """Turn about z as z grows; `radius` is the largest distance from the axis (it bounds the stretch)."""
    rate = np.float32(2 * np.pi * turns_per_unit)
    shrink = np.float32(1 / np.hypot(1, float(rate) * radius))

    def f(p):
        c, s = np.cos(rate * p[2]), np.sin(rate * p[2])
        return shape(np.stack((c * p[0] + s * p[1], -s * p[0] + c * p[1], p[2]))) * shrink

    return f


def bend(shape: Sdf, per_unit: float, reach: float) -> Sdf:
    """Curve a shape that lies along x towards +z with curvature `per_unit`; |z| <= reach bounds the stretch."""
    if abs(per_unit) < 1e-3:
        return shape
    radius = np.float32(1 / per_unit)
    shrink = np.float32(max(1 - abs(per_unit) * reach, 0.3))

    def f(p):
        up = radius - p[2]
        sign = np.sign(radius)
        angle = np.arctan2(p[0] * sign, up * sign)
        return shape(np.stack((angle * radius, p[1], radius - sign * length(p[0], up)))) * shrink

    return f


def taper(shape: Sdf, bottom: float, top: float, half: float) -> Sdf:
    """Scale x and y linearly from `bottom` at z = -half to `top` at z = half."""
    low = np.float32(min(bottom, top, 1.0) * 0.8)

    def f(p):
        t = np.clip(p[2] / np.float32(2 * half) + np.float32(0.5), 0, 1)
        s = np.float32(bottom) + np.float32(top - bottom) * t
        return shape(np.stack((p[0] / s, p[1] / s, p[2]))) * low

    return f


def helix(pitch: float, starts: int, width: float, handed: int = 1) -> Sdf:
    """A groove mask for engrave or emboss: negative within `width` of a helix about z."""
    rise = np.float32(pitch * starts / (2 * np.pi) * handed)

    def f(p):
        z = p[2] - rise * np.arctan2(p[1], p[0])
        return (np.abs(z - np.float32(pitch) * np.round(z / np.float32(pitch))) - np.float32(width)) * np.float32(0.9)

    return f
