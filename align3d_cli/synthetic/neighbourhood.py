"""Where on a surface a defect acts: irregular distances, the connected neighbourhood, paths along the surface."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from align3d_cli.synthetic import fields
from align3d_cli.synthetic.fields import Field
from align3d_cli.synthetic.labelled_surface import LabelledSurface, tangents

FACING = -0.2  # points whose normal is turned by more than 101 degrees belong to another side
GRAPH_POINTS = 2500  # enough to tell apart what is connected under a stamp


def irregular_distance(
    rng, centre: np.ndarray, normal: np.ndarray, radius: float, wobble: float | None = None
) -> Field:
    """Distance from a centre in units of the footprint's radius: an ellipse with a wavy rim is 1."""
    t, b = (v[0] for v in tangents(normal[None].astype(np.float32)))
    turn, squeeze = rng.uniform(0, np.pi), rng.uniform(0.5, 1.0)
    u, v = np.cos(turn) * t + np.sin(turn) * b, -np.sin(turn) * t + np.cos(turn) * b
    frame = (np.stack((u, v / squeeze, normal)) / radius).astype(np.float32)
    wobble = rng.uniform(0, 0.3) if wobble is None else wobble
    rim = fields.waves(rng, 2.2 * radius, 8)
    centre = centre.astype(np.float32)

    def away(xyz):
        q = (xyz - centre) @ frame.T
        return np.sqrt((q * q).sum(axis=1)) * (1 + wobble * np.clip(rim(xyz), -1.5, 1.5) * 0.5)

    return away


def neighbourhood(surface: LabelledSurface, centres: np.ndarray, reach: float, site) -> np.ndarray:
    """Rows of the points within reach of the centres, on the same side and connected to the site's centre. (K,)"""
    low, high = centres.min(axis=0) - reach, centres.max(axis=0) + reach
    rows = np.flatnonzero(((surface.xyz > low) & (surface.xyz < high)).all(axis=1))
    if len(centres) > 1:
        rows = rows[cKDTree(centres).query(surface.xyz[rows], distance_upper_bound=reach, workers=1)[0] < np.inf]
    else:
        rows = rows[((surface.xyz[rows] - centres[0]) ** 2).sum(axis=1) < reach * reach]
    same_side = surface.normals[rows] @ site.normal.astype(np.float32) > FACING
    if len(centres) > 1:
        same_side |= True
    rows = rows[same_side]
    return rows[_connected(surface.xyz[rows], surface.spacing, site.centre)] if len(rows) > 10 else rows


def room(surface: LabelledSurface, centre: np.ndarray, largest: float) -> float:
    """Up to which radius (at most `largest`) the surface around a point is a disc and no strip, rod or tip.

    The number of points within a disc grows with its area; the room ends where less than half of that is there.
    """
    near = ((surface.xyz - centre.astype(np.float32)) ** 2).sum(axis=1)
    first = 3 * surface.spacing
    radii = np.geomspace(first, max(largest, 1.01 * first), 10)
    counts = np.searchsorted(np.sort(near[near < radii[-1] ** 2]), radii**2)
    enough = counts >= 0.5 * max(counts[0], 12) * (radii / first) ** 2
    return float(radii[-1] if enough.all() else radii[max(int(np.argmin(enough)) - 1, 0)])


def _connected(xyz: np.ndarray, spacing: float, seed: np.ndarray) -> np.ndarray:
    """(K,) bool: reached from the point nearest to seed by steps of a few spacings."""
    step = max(1, len(xyz) // GRAPH_POINTS)
    thin = xyz[::step]
    tree = cKDTree(thin)
    pairs = tree.query_pairs(3.2 * spacing * np.sqrt(step), output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(thin), len(thin)))
    component = connected_components(graph, directed=False)[1]
    home = component[tree.query(seed)[1]]
    return component[tree.query(xyz, workers=1)[1]] == home


def surface_path(
    rng, surface: LabelledSurface, start: np.ndarray, length: float, *, turning: float, jagged: float = 0.0
) -> np.ndarray:
    """A curve of about `length` along the surface through start, (K, 3) with K spaced finely enough for a groove."""
    near = np.flatnonzero(((surface.xyz - start) ** 2).sum(axis=1) < (0.8 * length) ** 2)
    near = near[:: max(1, len(near) // 12_000)]
    points, normals = surface.xyz[near], surface.normals[near]
    tree, stride = cKDTree(points), length / 24
    home = int(tree.query(start)[1])
    t, b = (v[0] for v in tangents(normals[home][None]))
    angle = rng.uniform(0, 2 * np.pi)
    heading = np.cos(angle) * t + np.sin(angle) * b
    curve = rng.uniform(-turning, turning) * 2 / 24
    halves = []
    for sign in (1, -1):
        halves.append(_walk(rng, tree, points, normals, home, sign * heading, sign * curve, stride, jagged))
    return _refine(np.concatenate((halves[1][:0:-1], halves[0])), surface.spacing * 0.7)


def _walk(rng, tree, points, normals, at: int, heading, curve: float, stride: float, jagged: float) -> np.ndarray:
    """Twelve steps over the surface, the heading turned by `curve` radians a step, plus noise when jagged."""
    line, normal = [points[at]], normals[at]
    for _ in range(12):
        turn = curve + jagged * rng.normal()
        heading = np.cos(turn) * heading + np.sin(turn) * np.cross(normal, heading)
        distance, found = tree.query(line[-1] + stride * heading)
        if distance > 2 * stride or normals[found] @ normal < 0.2:
            break
        normal = normals[found]
        heading = heading - (heading @ normal) * normal
        heading = heading / max(np.linalg.norm(heading), 1e-6)
        line.append(
            0.25 * points[found] + 0.75 * (line[-1] + stride * heading) if distance < 0.2 * stride else points[found]
        )
    return np.array(line)


def _refine(line: np.ndarray, step: float) -> np.ndarray:
    """Points along a polyline at most `step` apart."""
    if len(line) < 2:
        return line
    along = np.concatenate(([0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))))
    at = np.linspace(0, along[-1], max(int(along[-1] / step), 4))
    return np.stack([np.interp(at, along, line[:, i]) for i in range(3)], axis=1)
