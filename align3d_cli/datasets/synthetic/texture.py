"""Procedural colours for parts that have none."""

import colorsys

import numpy as np

from align3d_cli.datasets.synthetic import fields


def _colour(rng: np.random.Generator) -> np.ndarray:
    """(3,) in [0, 255]: metals and plastics, seldom glaring."""
    saturation = rng.uniform(0, 0.15) if rng.random() < 0.4 else rng.uniform(0.2, 0.9)
    return 255 * np.array(colorsys.hsv_to_rgb(rng.random(), saturation, rng.uniform(0.25, 0.95)))


def _pattern(rng: np.random.Generator, extent: float):
    """A field in [0, 1] that mixes two colours."""
    kind = rng.integers(6)
    if kind == 0:
        return lambda xyz: np.zeros(len(xyz))
    if kind in (1, 2):
        base, hard = fields.fractal(rng, extent * rng.uniform(0.05, 0.6)), rng.uniform(0.5, 8)
        return lambda xyz: 1 / (1 + np.exp(-np.clip(hard * base(xyz), -30, 30)))
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    if kind == 3:
        wavelength = extent * rng.uniform(0.04, 0.4)
        return lambda xyz: (np.sin(xyz @ direction * (2 * np.pi / wavelength)) > 0.2).astype(float)
    if kind == 4:
        return lambda xyz: np.clip(0.5 + xyz @ direction / extent, 0, 1)
    frame = np.linalg.qr(rng.normal(size=(3, 3)))[0] / (extent * rng.uniform(0.08, 0.4))
    return lambda xyz: (np.floor(xyz @ frame.T).astype(int).sum(axis=1) % 2).astype(float)


def paint(xyz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, 3) uint8 colours of a part: one or two mixed patterns over a plain colour, a little speckle."""
    extent = float(np.ptp(xyz, axis=0).max())
    colours = np.broadcast_to(_colour(rng), xyz.shape)
    for _ in range(int(rng.integers(1, 3))):
        mix = _pattern(rng, extent)(xyz)[:, None]
        colours = colours * (1 - mix) + _colour(rng) * mix
    speckle = rng.normal(size=(len(xyz), 1)) * rng.uniform(0, 10)
    return np.clip(colours + speckle, 0, 255).astype(np.uint8)
