"""Random scalar fields in space: relief, irregular outlines, textures."""

from collections.abc import Callable

import numpy as np

Field = Callable[[np.ndarray], np.ndarray]  # (N, 3) float -> (N,) float


def waves(rng: np.random.Generator, wavelength: float, count: int = 20, spread: float = 0.5) -> Field:
    """Sum of plane waves in random directions, about zero mean and unit variance.

    wavelength: mean; `spread` is the half-range of its logarithm.
    """
    direction = rng.normal(size=(3, count))
    direction /= np.linalg.norm(direction, axis=0)
    k = direction * (2 * np.pi / (wavelength * np.exp(rng.uniform(-spread, spread, count))))
    k, phase = k.astype(np.float32), rng.uniform(0, 2 * np.pi, count).astype(np.float32)
    gain = np.full(count, np.sqrt(2 / count), np.float32)
    return lambda xyz: np.cos(np.asarray(xyz, np.float32) @ k + phase) @ gain


def fractal(rng: np.random.Generator, wavelength: float, octaves: int = 3, roughness: float = 0.5) -> Field:
    """Waves at wavelength, half of it, .. each octave weaker by `roughness`; about unit variance."""
    parts = [(roughness**i, waves(rng, wavelength / 2**i, 12)) for i in range(octaves)]
    norm = np.sqrt(sum(a * a for a, _ in parts))
    return lambda xyz: sum(a * f(xyz) for a, f in parts) / norm


def ridged(rng: np.random.Generator, wavelength: float) -> Field:
    """Wrinkles: creases along the zero lines of a smooth field, about zero mean."""
    base = waves(rng, wavelength, 16)
    return lambda xyz: 1.2 * (np.abs(base(xyz)) - 0.8)


def pimples(rng: np.random.Generator, wavelength: float) -> Field:
    """Isolated dimples or grains: only the peaks of a smooth field remain."""
    base = waves(rng, wavelength, 24, 0.25)
    return lambda xyz: np.maximum(base(xyz) - 0.7, 0) * 1.5


def weave(rng: np.random.Generator, wavelength: float) -> Field:
    """A regular lattice of humps along two perpendicular directions."""
    frame = np.linalg.qr(rng.normal(size=(3, 3)))[0] * (2 * np.pi / wavelength)
    u, v = frame[0].astype(np.float32), frame[1].astype(np.float32)
    return lambda xyz: np.cos(np.asarray(xyz, np.float32) @ u) * np.cos(np.asarray(xyz, np.float32) @ v) * 1.4


def scaled(field: Field, amplitude: float) -> Field:
    """The field times a factor."""
    return lambda xyz: amplitude * field(xyz)


RELIEFS = {"waves": waves, "fractal": fractal, "ridged": ridged, "pimples": pimples, "weave": weave}
