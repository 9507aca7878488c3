"""Colours: procedural ones for parts that have none, and the light that photographs have in them."""

import colorsys
from dataclasses import dataclass, replace

import numpy as np

from align3d_cli.synthetic import fields
from align3d_cli.synthetic.labelled_surface import LabelledSurface


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


@dataclass(frozen=True, slots=True)
class Lamp:
    """direction: (3,) unit vector to the lamp; ambient: share of the light from everywhere; gloss: 0 is dull."""

    direction: np.ndarray
    ambient: float
    gloss: float


def random_lamp(rng: np.random.Generator, eye: np.ndarray | None) -> Lamp | None:
    """A lamp on the camera's side (anywhere for eye None), or none: many textures show no light at all."""
    direction = rng.normal(size=3)
    if eye is not None:
        direction = direction + 1.5 * eye / np.linalg.norm(eye)
    ambient, gloss = rng.uniform(0.25, 0.9), rng.uniform(0, 0.5)
    return Lamp(direction / np.linalg.norm(direction), ambient, gloss) if rng.random() < 0.7 else None


def lit(surface: LabelledSurface, lamp: Lamp | None) -> LabelledSurface:
    """The surface with the lamp's light and gloss in its colours (Lambert, Blinn without a viewer)."""
    if lamp is None:
        return surface
    straight = np.clip(surface.normals @ lamp.direction.astype(np.float32), 0, 1)[:, None]
    shade = lamp.ambient + (1 - lamp.ambient) * straight
    bright = surface.colours * shade + 255 * lamp.gloss * straight**24
    return replace(surface, colours=np.clip(bright, 0, 255).astype(np.uint8))
