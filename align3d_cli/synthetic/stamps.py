"""The kinds of defects as stamps: displacement fields and where they act.

Lengths are in part units; `extent` is the part's longest side. Sizes run from 3 % to 25 % of it, depths from just above
the sensor's noise to 6 %.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from align3d_cli.synthetic import fields
from align3d_cli.synthetic.fields import Field
from align3d_cli.synthetic.labelled_surface import LabelledSurface, tangents
from align3d_cli.synthetic.neighbourhood import irregular_distance, surface_path


@dataclass(frozen=True, slots=True)
class Site:
    """Where a defect goes.

    centre, normal: (3,) of a surface point; extent: longest side of the part; noise: standard deviation of the sensor
    room: radius up to which the surface around is wide enough for a round defect
    towards: (3,) unit vector to the eye, or None for a scan from all sides
    """

    centre: np.ndarray
    normal: np.ndarray
    extent: float
    noise: float
    room: float
    towards: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """A displacement of the surface near some centres.

    depth:    Field, signed displacement outwards
    envelope: Field in [0, 1], defective where above LABEL_SHARE
    centres:  (K, 3); points farther than `reach` from all of them stay
    rigid:    move along the site's normal, not along each point's own
    """

    depth: Field
    envelope: Field
    centres: np.ndarray
    reach: float
    rigid: bool = False


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(max(high, low)))))


def footprint_radius(rng: np.random.Generator, site: Site, low: float, high: float) -> float:
    """Half a size between shares `low` and `high` of the extent, no larger than the place has room for."""
    return min(0.5 * site.extent * _log_uniform(rng, low, high), max(site.room, 0.5 * low * site.extent))


def amplitude(rng: np.random.Generator, site: Site, low: float, high: float) -> float:
    """A depth between shares `low` and `high` of the extent, never lost in the noise."""
    return _log_uniform(rng, max(low * site.extent, 2.5 * site.noise), max(high * site.extent, 5 * site.noise))


def _profile(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Height over distance: 1 at 0, 0 from 1 on; bell, dome, cone-like or plateau."""
    edge = rng.uniform(0.25, 0.8)
    power = rng.uniform(1.0, 2.0)
    options: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
        lambda t: 0.5 + 0.5 * np.cos(np.pi * np.clip(t, 0, 1)),
        lambda t: np.clip(1 - t * t, 0, 1) ** 2,
        lambda t: np.clip(1 - t * t, 0, 1),
        lambda t: np.clip(1 - t, 0, 1) ** power,
        lambda t: _smoothstep((1 - t) / edge),
    )
    return options[rng.integers(len(options))]


def _smoothstep(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _raised(rng: np.random.Generator, site: Site, sign: int, sizes: tuple, depths: tuple) -> Stamp:
    radius = footprint_radius(rng, site, *sizes)
    depth = min(amplitude(rng, site, *depths), max(0.7 * radius, 3 * site.noise))
    away, profile = irregular_distance(rng, site.centre, site.normal, radius), _profile(rng)
    shape = lambda xyz: profile(away(xyz))  # noqa: E731 - shared by depth and envelope
    return Stamp(
        lambda xyz: sign * depth * shape(xyz), shape, site.centre[None], 2.2 * radius, bool(rng.random() < 0.4)
    )


def bump(rng: np.random.Generator, site: Site) -> Stamp:
    """Surface pushed outwards over some outline."""
    return _raised(rng, site, 1, (0.04, 0.25), (0.004, 0.06))


def dent(rng: np.random.Generator, site: Site) -> Stamp:
    """Surface pushed inwards over some outline."""
    return _raised(rng, site, -1, (0.04, 0.25), (0.004, 0.06))


def bulge(rng: np.random.Generator, site: Site) -> Stamp:
    """Large and shallow, outwards or sunken."""
    return _raised(rng, site, int(rng.choice((1, -1))), (0.2, 0.4), (0.008, 0.03))


def contamination(rng: np.random.Generator, site: Site) -> Stamp:
    """Grains, drops or spatter that stick to the surface within a region."""
    radius = 0.5 * site.extent * _log_uniform(rng, 0.04, 0.16)
    t, b = (v[0] for v in tangents(site.normal[None].astype(np.float32)))
    count = int(rng.integers(2, 12))
    spots = site.centre + radius * (rng.normal(size=(count, 1)) * t + rng.normal(size=(count, 1)) * b) * 0.6
    sizes = np.maximum(site.extent * rng.uniform(0.008, 0.025, count), 0.2 * radius)
    depth = amplitude(rng, site, 0.004, 0.02)

    def shape(xyz):
        distance = np.sqrt(((xyz[:, None] - spots) ** 2).sum(axis=-1)) / sizes
        return np.clip(1 - distance**2, 0, 1).max(axis=1) ** 0.7

    return Stamp(lambda xyz: depth * shape(xyz), shape, spots, 1.3 * float(sizes.max()))


def hole(rng: np.random.Generator, site: Site) -> Stamp:
    """A deep pit with steep walls; a quarter of them wide, with a rough bottom, as where material broke out."""
    if rng.random() < 0.25:
        return _crater(rng, site)
    radius = footprint_radius(rng, site, 0.035, 0.14)
    depth, edge = radius * rng.uniform(0.7, 2.2), rng.uniform(0.08, 0.35)
    away = irregular_distance(rng, site.centre, site.normal, radius, wobble=0.1)
    shape = lambda xyz: _smoothstep((1 - away(xyz)) / edge)  # noqa: E731 - shared by depth and envelope
    return Stamp(lambda xyz: -depth * shape(xyz), shape, site.centre[None], 2.0 * radius, True)


def _crater(rng: np.random.Generator, site: Site) -> Stamp:
    radius = footprint_radius(rng, site, 0.1, 0.5)
    depth, edge = radius * _log_uniform(rng, 0.08, 1.5), rng.uniform(0.15, 0.9)
    away = irregular_distance(rng, site.centre, site.normal, radius, wobble=0.3)
    shape = lambda xyz: _smoothstep((1 - away(xyz)) / edge)  # noqa: E731 - shared by depth and envelope
    bottom, uneven = fields.fractal(rng, radius * rng.uniform(0.3, 1.0)), rng.uniform(0.0, 0.3)
    return Stamp(
        lambda xyz: -depth * shape(xyz) * (1 + uneven * bottom(xyz)), shape, site.centre[None], 2.2 * radius, True
    )


def rough(rng: np.random.Generator, site: Site) -> Stamp:
    """A patch with high-frequency relief."""
    radius = footprint_radius(rng, site, 0.08, 0.28)
    away, edge = irregular_distance(rng, site.centre, site.normal, radius), rng.uniform(0.15, 0.5)
    window = lambda xyz: _smoothstep((1 - away(xyz)) / edge)  # noqa: E731 - shared by depth and envelope
    texture = fields.waves(rng, site.extent * _log_uniform(rng, 0.012, 0.05), 24)
    if rng.random() < 0.3:
        texture = fields.ridged(rng, site.extent * _log_uniform(rng, 0.03, 0.08))
    depth = 0.6 * amplitude(rng, site, 0.003, 0.012)
    return Stamp(lambda xyz: depth * window(xyz) * texture(xyz), window, site.centre[None], 2.2 * radius)


def _groove(rng: np.random.Generator, path: np.ndarray, width: float, depth: float, burr: float) -> Stamp:
    """A groove along path (K, 3) that runs out at both ends, with a burr (share of depth) on its sides."""
    tree = cKDTree(path)
    taper = np.sin(np.linspace(0.0, np.pi, len(path))) ** rng.uniform(0.3, 0.8)
    taper = np.maximum(taper, 0.15)

    def shape(xyz):
        away, at = tree.query(xyz, workers=1)
        t = away / (width * taper[at])
        side = burr * np.exp(-(((t - 1.35) / 0.3) ** 2)) if burr else 0.0
        return (np.clip(1 - t * t, 0, 1) - side) * np.sqrt(taper[at])

    return Stamp(lambda xyz: -depth * shape(xyz), lambda xyz: np.abs(shape(xyz)), path, 2.6 * width)


def scratch(rng: np.random.Generator, site: Site, surface: LabelledSurface) -> Stamp:
    """A thin curved groove."""
    path = surface_path(
        rng, surface, site.centre, site.extent * _log_uniform(rng, 0.1, 0.45), turning=rng.uniform(0, 1.2)
    )
    width = max(site.extent * _log_uniform(rng, 0.005, 0.016), 0.9 * surface.spacing)
    depth = min(amplitude(rng, site, 0.003, 0.015), width)  # steeper walls would swallow what a camera sees
    return _groove(rng, path, width, depth, _burr(rng))


def _burr(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.15, 0.5)) if rng.random() < 0.4 else 0.0


def crack(rng: np.random.Generator, site: Site, surface: LabelledSurface) -> Stamp:
    """A jagged, narrow, deep groove."""
    path = surface_path(rng, surface, site.centre, site.extent * _log_uniform(rng, 0.12, 0.4), turning=0.5, jagged=0.6)
    width = max(site.extent * _log_uniform(rng, 0.004, 0.009), 0.8 * surface.spacing)
    return _groove(rng, path, width, min(amplitude(rng, site, 0.008, 0.03), 1.5 * width), 0.0)


STAMPS = {"bump": bump, "dent": dent, "hole": hole, "rough": rough, "bulge": bulge, "contamination": contamination}
GROOVES = {"scratch": scratch, "crack": crack}  # run along the surface, so they need it
