"""Defects on a dense oriented surface, with the ground truth that their displacement gives."""

from dataclasses import replace

import numpy as np

from align3d_cli.synthetic.labelled_surface import LabelledSurface, concatenate, displace, tangents
from align3d_cli.synthetic.neighbourhood import irregular_distance, neighbourhood
from align3d_cli.synthetic.stamps import GROOVES, STAMPS, Site, Stamp, amplitude, footprint_radius

LABEL_SHARE = 0.1  # a point is defective where the displacement exceeds this share of the stamp's largest
COPIES = 5  # further points per point under a stamp, so that steep walls and thin grooves are sampled
KINDS = ("bump", "dent", "cut", "hole", "rough", "scratch", "crack", "bulge", "contamination")


def _copies(surface: LabelledSurface, rows: np.ndarray, rng: np.random.Generator) -> LabelledSurface:
    """COPIES points around each of the rows, spread within its tangent plane."""
    rows = np.repeat(rows, COPIES)
    near = surface.take(rows)
    t, b = tangents(near.normals)
    u, v = rng.uniform(-0.7, 0.7, (2, len(rows), 1)).astype(np.float32) * np.float32(surface.spacing)
    noise = None if near.noise is None else rng.normal(size=len(rows)).astype(np.float32)
    return replace(near, xyz=near.xyz + u * t + v * b, noise=noise)


def stamp_on(
    surface: LabelledSurface, stamp: Stamp, site: Site, rng: np.random.Generator, dense: bool
) -> LabelledSurface:
    """The surface with one stamp applied, labels included.

    dense: keep all further points under the stamp (for a virtual camera); otherwise only as many as the stretched area
    calls for, so that the density of the scan stays even.
    """
    rows = neighbourhood(surface, stamp.centres, stamp.reach, site)
    rows = rows[np.abs(stamp.depth(surface.xyz[rows])) + stamp.envelope(surface.xyz[rows]) > 1e-4]
    children = _copies(surface, rows, rng)
    direction = site.normal if stamp.rigid else None
    labels = surface.labels.copy()
    labels[rows] |= stamp.envelope(surface.xyz[rows]) > LABEL_SHARE
    child_labels = children.labels | (stamp.envelope(children.xyz) > LABEL_SHARE)
    moved, _ = displace(surface, stamp.depth, rows, direction)
    children, stretch = displace(replace(children, defect=child_labels), stamp.depth, None, direction)
    keep = np.ones(len(children), bool) if dense else rng.random(len(children)) < (stretch - 1.15) / COPIES
    return concatenate(replace(moved, defect=labels), children.take(keep & child_labels))


def missing(surface: LabelledSurface, site: Site, rng: np.random.Generator) -> LabelledSurface:
    """A hole right through: the points are gone, the rim is labelled."""
    radius = footprint_radius(rng, site, 0.035, 0.12)
    away = irregular_distance(rng, site.centre, site.normal, radius, wobble=0.2)
    rows = neighbourhood(surface, site.centre[None], 2 * radius, site)
    distance = away(surface.xyz[rows])
    rim = 1 + 2.5 * surface.spacing / radius
    labels, keep = surface.labels.copy(), np.ones(len(surface), bool)
    labels[rows[distance < rim]] = True
    keep[rows[distance < 1]] = False
    return replace(surface, defect=labels).take(keep)


def cut(surface: LabelledSurface, site: Site, rng: np.random.Generator) -> LabelledSurface:
    """A planar truncation: everything beyond a plane near the site lies on the plane."""
    for _ in range(6):
        tilt = rng.normal(size=3)
        normal = site.normal + 0.75 * tilt / np.linalg.norm(tilt)
        normal /= np.linalg.norm(normal)
        if site.towards is not None and normal @ site.towards < 0.15:
            normal = normal + 0.5 * site.towards
            normal /= np.linalg.norm(normal)
        height = surface.xyz @ normal.astype(np.float32)
        top = float(height.max())
        depth = amplitude(rng, site, 0.02, 0.15)
        share = float(np.mean(height > top - depth))
        if 0.002 < share < 0.12:
            break
    level = np.float32(max(top - depth, np.quantile(height, 0.88)))
    beyond = height - level
    labels = surface.labels | (beyond > LABEL_SHARE * (top - level) * 0.3)
    rows = np.flatnonzero(beyond > 0)
    xyz, normals = surface.xyz.copy(), surface.normals.copy()
    xyz[rows] -= beyond[rows, None] * normal.astype(np.float32)
    normals[rows] = normal
    return replace(surface, xyz=xyz, normals=normals, defect=labels)


def add_defect(
    surface: LabelledSurface, kind: str, site: Site, rng: np.random.Generator, *, dense: bool
) -> LabelledSurface:
    """The surface with one defect of `kind` at the site. See Site and stamp_on."""
    if kind == "cut":
        return cut(surface, site, rng)
    if kind == "hole" and rng.random() < 0.35:
        return missing(surface, site, rng)
    stamp = GROOVES[kind](rng, site, surface) if kind in GROOVES else STAMPS[kind](rng, site)
    return stamp_on(surface, stamp, site, rng, dense)
