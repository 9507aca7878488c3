"""Parts with one defect whose size is known: a base in two parameters, and a profile along its normal."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

APART = 1.0  # density ** -0.5 of all parts here, so lengths are in distances of points


@dataclass(frozen=True)
class Part:
    """xyz: (N, 3); label: (N,) bool, the defect; outward: (N, 3) unit normals of the base; the truth in numbers."""

    xyz: np.ndarray
    label: np.ndarray
    outward: np.ndarray
    depth: float
    area: float
    length: float
    width: float


def spread(length: float, width: float, how: str, rng: np.random.Generator) -> np.ndarray:
    """(N, 2) places in a rectangle about 0, one a unit of area, on a turned grid or at random."""
    if how == "random":
        return (rng.random((round(length * width), 2)) - 0.5) * [length, width]
    half = int(length + width) // 2 + 2
    grid = np.stack(np.meshgrid(np.arange(-half, half), np.arange(-half, half)), -1).reshape(-1, 2) + rng.random(2)
    c, s = np.cos(0.3), np.sin(0.3)
    grid = grid @ np.array([[c, -s], [s, c]])
    return grid[(np.abs(grid) <= [length / 2, width / 2]).all(axis=1)]


def plate(uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A flat base: points and normals of (N, 2) places."""
    zero = np.zeros(len(uv))
    return np.stack([*uv.T, zero], 1), np.stack([zero, zero, zero + 1], 1)


def cylinder(uv: np.ndarray, radius: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """A tube along x, v once around it."""
    angle = uv[:, 1] / radius
    normal = np.stack([np.zeros(len(uv)), np.sin(angle), np.cos(angle)], 1)
    return normal * radius + np.stack([uv[:, 0], 0 * angle, 0 * angle], 1), normal


def sphere(uv: np.ndarray, radius: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """A ball: u the distance from the top along the surface, v the angle; a map that keeps areas."""
    r, phi = np.hypot(*uv.T), np.arctan2(uv[:, 1], uv[:, 0])
    theta = 2 * np.arcsin(np.minimum(r / (2 * radius), 1))  # Lambert's azimuthal equal-area projection
    normal = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], 1)
    return normal * radius, normal


BASES: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "plate": plate,
    "cylinder": cylinder,
    "sphere": sphere,
}


def part(base: str, defect: str, how: str = "grid", *, noise: float = 0.02, seed: int = 0) -> Part:
    """A part of some 8000 points with a defect at (3, 2) of its parameters: dent, bump, scratch, hole."""
    rng = np.random.default_rng(seed)
    uv = spread(100.0, 188.0 if base == "cylinder" else 100.0, how, rng)
    if base == "sphere":
        uv = uv[np.hypot(*uv.T) < 50]
    away = uv - [3.0, 2.0]
    r = np.hypot(*away.T)
    if defect == "scratch":
        c, s = np.cos(0.6), np.sin(0.6)
        along, across = np.abs(away @ [c, s]) / 14.0, np.abs(away @ [-s, c]) / 3.0
        label, lift = (along < 1) & (across < 1), -2.0 * np.clip(1.4 * (1 - across), 0, 1)
        depth, area, length, width = 2.0, 28.0 * 6.0, 28.0, 6.0
    elif defect == "hole":
        uv, r = uv[r > 6.0], r[r > 6.0]
        label, lift = r < 9.0, np.zeros(len(r))
        depth, area, length, width = 0.0, np.pi * 81, 18.0, 18.0
    else:
        sign = 1.0 if defect == "bump" else -1.0
        label, lift = r < 9.0, sign * 1.5 * np.cos(np.minimum(r / 9.0, 1) * np.pi / 2) ** 2
        depth, area, length, width = 1.5, np.pi * 81, 18.0, 18.0
    xyz, normal = BASES[base](uv)
    xyz = xyz + normal * (np.where(label, lift, 0.0) + rng.normal(0, noise, len(uv)))[:, None]
    return Part(xyz, label, normal, depth, area, length, width)
