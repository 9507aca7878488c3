"""Dense oriented surfaces: sampled from signed distance functions, displaced along normals."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial import cKDTree

from align3d_cli.datasets.synthetic.fields import Field
from align3d_cli.datasets.synthetic.sdf import Sdf

CHUNK = 12_288  # points evaluated at once: three coordinates and the temporaries stay in the L2 cache
BAND = 0.95  # half the diagonal of a cell is 0.87 of its side; the rest forgives distances a little too large


@dataclass(frozen=True, slots=True)
class Part:
    """What a family returns.

    sdf:     signed distance, surface within [-half, half]
    half:    (3,) half sides of the bounding box
    reliefs: normal surface texture, (amplitude in part units, field) each, applied along the normals
    """

    sdf: Sdf
    half: tuple[float, float, float]
    reliefs: tuple[tuple[float, Field], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Surface:
    """N oriented points of a surface.

    xyz, normals: (N, 3) float32; colours: (N, 3) uint8 or None; spacing: mean distance between neighbours
    defect:       (N,) bool or None; noise: (N,) float32, each point's draw of the sensor's noise, or None
    """

    xyz: np.ndarray
    normals: np.ndarray
    spacing: float
    colours: np.ndarray | None = None
    defect: np.ndarray | None = None
    noise: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.xyz)

    def take(self, rows: np.ndarray) -> "Surface":
        """The same surface with only these rows (indices or mask)."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        return replace(self, **{name: None if a is None else a[rows] for name, a in arrays.items()})


ARRAYS = ("xyz", "normals", "colours", "defect", "noise")


def evaluate(sdf: Sdf, p: np.ndarray) -> np.ndarray:
    """sdf at p (3, N), in cache-sized pieces. Returns (N,) float32."""
    if p.shape[1] <= CHUNK:
        return sdf(p)
    return np.concatenate([sdf(np.ascontiguousarray(p[:, i : i + CHUNK])) for i in range(0, p.shape[1], CHUNK)])


TETRAHEDRON = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32)


def distance_and_gradient(sdf: Sdf, p: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Value (N,) and gradient (3, N) from four evaluations at the corners of a small tetrahedron."""
    value, gradient = np.zeros(p.shape[1], np.float32), np.zeros_like(p)
    for corner in TETRAHEDRON:
        f = evaluate(sdf, p + corner[:, None] * np.float32(eps))
        value += f
        gradient += corner[:, None] * f
    return value / 4, gradient / np.float32(4 * eps)


def _root_cells(half: np.ndarray, side: float) -> np.ndarray:
    """Centres (3, M) of cubes of this side that cover the bounding box."""
    counts = np.ceil(half / side + 0.5).astype(int)
    axes = [(np.arange(-n, n, dtype=np.float32) + 0.5) * np.float32(side) for n in counts]
    return np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")])


OCTANTS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32).T


def _split(cells: np.ndarray, side: float) -> np.ndarray:
    """The eight halves of every cell, (3, 8 M)."""
    return (cells[:, :, None] + OCTANTS[:, None, :] * np.float32(side / 4)).reshape(3, -1)


def _band(sdf: Sdf, cells: np.ndarray, side: float) -> np.ndarray:
    return cells[:, np.abs(evaluate(sdf, cells)) < BAND * side]


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Where a camera stands, (3,) in the part's frame: points are spread as its pixels see the surface."""

    eye: np.ndarray

    def cosine(self, xyz: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Between the normals (N, 3), of any length, and the direction to the eye. (N,)"""
        to_eye = self.eye.astype(np.float32) - xyz
        size = np.linalg.norm(to_eye, axis=1) * np.linalg.norm(normals, axis=1)
        return (to_eye * normals).sum(axis=1) / np.maximum(size, 1e-9)

    def demand(self, xyz: np.ndarray, cosine: np.ndarray) -> np.ndarray:
        """Pixels per area, in units of a surface at the origin that faces the eye; at least a quarter when grazing."""
        near = (self.eye @ self.eye) / ((self.eye.astype(np.float32) - xyz) ** 2).sum(axis=1)
        return np.maximum(cosine, 0.25) * near


def _cells(part: Part, n: int, view: Viewpoint | None, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """About 1.2 n cells that the surface passes, in number per area as the view demands, and their side."""
    half = np.asarray(part.half, float)
    side = float(half.max()) / 11
    found = _band(part.sdf, _root_cells(half, side), side)
    seen = 1.0 if view is None else 0.5
    final = np.sqrt(max(found.shape[1], 8) * seen * side**2 / (2 * BAND) / n)
    levels = max(int(np.ceil(np.log2(side / final))), 0)
    side = final * 2**levels
    cells = _band(part.sdf, _root_cells(half, side), side)
    for level in range(levels):
        if view is not None and level == levels - 1:
            _, gradient = distance_and_gradient(part.sdf, cells, 0.5 * side)
            cosine = view.cosine(cells.T, gradient.T)
            cells = cells[:, cosine > -0.5]
            weight = np.repeat(view.demand(cells.T, cosine[cosine > -0.5]), 8)
        cells, side = _split(cells, side), side / 2
        near = np.abs(evaluate(part.sdf, cells)) < BAND * side
        cells = cells[:, near]
    if view is None or not levels:
        weight, near = np.ones(cells.shape[1]), slice(None)
    return cells[:, rng.random(cells.shape[1]) < _shares(weight[near], 1.2 * n)], side


def _in_true_units(part: Part, rng: np.random.Generator) -> Part:
    """The part with distances scaled so that they grow by one per unit (twists and stretches shrink them)."""
    half = np.asarray(part.half, np.float32)[:, None]
    p = (rng.uniform(-1, 1, (3, 8000)).astype(np.float32)) * half
    near = np.abs(evaluate(part.sdf, p)) < 0.15
    if not near.any():
        return part
    _, gradient = distance_and_gradient(part.sdf, p[:, near], 0.01)
    gain = np.float32(np.clip(np.quantile(np.linalg.norm(gradient, axis=0), 0.97), 0.05, 1.0))
    return replace(part, sdf=lambda q: part.sdf(q) / gain)


def _shares(weight: np.ndarray, total: float) -> np.ndarray:
    """Probabilities (N,) in proportion to the weights, as far as none exceeds 1, that add up to about `total`."""
    share = weight * (total / max(weight.sum(), 1e-9))
    for _ in range(3):
        full = share >= 1
        rest = share[~full].sum()
        share = np.where(full, 1, share * max(total - full.sum(), 0) / max(rest, 1e-9))
    return share


def sample_surface(part: Part, n: int, rng: np.random.Generator, view: Viewpoint | None = None) -> Surface:
    """About n points of the part's surface: near-uniform, or of what faces a view, near-uniform in its image."""
    part = _in_true_units(part, rng)
    xyz, normals = _points(part, n, view, rng)
    if len(xyz) < 0.8 * n:  # strongly bent distances: many cells hold no surface
        xyz, normals = _points(part, int(min(n / max(len(xyz), 1), 8.0) * 1.1 * n), view, rng)
    keep = rng.permutation(len(xyz))[:n]
    return Surface(np.ascontiguousarray(xyz[keep]), np.ascontiguousarray(normals[keep]), _spacing(xyz[keep], rng))


def _points(part: Part, n: int, view: Viewpoint | None, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points (M, 3) and normals from jittered cells that were moved onto the surface (Newton), M near n."""
    cells, side = _cells(part, n, view, rng)
    p = cells + rng.uniform(-0.5, 0.5, cells.shape).astype(np.float32) * np.float32(side)
    for step in (0.25, 0.1):
        value, gradient = distance_and_gradient(part.sdf, p, step * side)
        size = np.maximum((gradient * gradient).sum(axis=0), np.float32(0.02))
        p = p - np.clip(value / size, -1.5 * side, 1.5 * side) * gradient
    value, gradient = distance_and_gradient(part.sdf, p, 0.1 * side)
    norm = np.sqrt((gradient * gradient).sum(axis=0))
    good = (np.abs(value) < 0.1 * side * norm) & (norm > 0.1)
    xyz, normals = p[:, good].T, (gradient[:, good] / norm[good]).T
    if view is None:
        return xyz, normals
    front = view.cosine(xyz, normals) > -0.1
    return xyz[front], normals[front]


def _spacing(xyz: np.ndarray, rng: np.random.Generator) -> float:
    """Side of the square that a point has to itself, from the distances among every fourth point."""
    thin = xyz[::4]
    some = thin[rng.integers(len(thin), size=200)]
    distance = cKDTree(thin).query(some, k=9)[0][:, -1]
    return float(np.median(distance) * np.sqrt(np.pi / 8) / 2)


def tangents(normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors (N, 3) perpendicular to each normal and to each other (Duff et al. 2017)."""
    x, y, z = normals.T
    sign = np.where(z >= 0, 1.0, -1.0).astype(normals.dtype)
    a = -1 / (sign + z)
    b = x * y * a
    return np.stack((1 + sign * x * x * a, sign * b, -sign * x), 1), np.stack((b, sign + y * y * a, -y), 1)


def displace(surface: Surface, field: Field, rows=None, direction=None) -> tuple[Surface, np.ndarray]:
    """Move points by field(xyz) along their normals (or one direction (3,)) and turn the normals accordingly.

    rows: indices (K,) of the points that may move; None for all. The field must be continuous: normals come from its
    differences along the surface over 0.4 of the spacing.
    Returns the new surface and by how much the area around each moved point grew, (K,).
    """
    rows = np.arange(len(surface)) if rows is None else rows
    xyz, normals = surface.xyz[rows], surface.normals[rows]
    along = normals if direction is None else np.asarray(direction, np.float32)[None]
    t, b = tangents(normals)
    eps = np.float32(0.4 * surface.spacing)
    d = field(xyz).astype(np.float32)
    dt, db = (field(xyz + eps * t) - d) / eps, (field(xyz + eps * b) - d) / eps
    turned = np.cross(t + dt[:, None].astype(np.float32) * along, b + db[:, None].astype(np.float32) * along)
    stretch = np.linalg.norm(turned, axis=1)
    turned = np.where(stretch[:, None] > 1e-3, turned / np.maximum(stretch, 1e-3)[:, None], normals)
    new_xyz, new_normals = surface.xyz.copy(), surface.normals.copy()
    new_xyz[rows] = xyz + d[:, None] * along
    new_normals[rows] = turned
    return replace(surface, xyz=new_xyz, normals=new_normals), stretch


def concatenate(first: Surface, second: Surface) -> Surface:
    """Points of both, those of the first in front; spacing is the first's."""
    both = {
        name: None if getattr(first, name) is None else np.concatenate((getattr(first, name), getattr(second, name)))
        for name in ARRAYS
    }
    return replace(first, **both)


def faceted(surface: Surface, facets: int, roughness: float, rng: np.random.Generator) -> Surface:
    """The surface as a coarse mesh of a real scan has it: flat pieces around random points, none quite in its place.

    roughness: standard deviation of the pieces' heights, in spacings of the pieces
    """
    centres = rng.choice(len(surface), min(facets, len(surface)), replace=False)
    pitch = surface.spacing * np.sqrt(len(surface) / len(centres))
    near = cKDTree(surface.xyz[centres]).query(surface.xyz, workers=1)[1]
    tilted = surface.normals[centres] + roughness * rng.normal(size=(len(centres), 3)).astype(np.float32)
    tilted /= np.linalg.norm(tilted, axis=1, keepdims=True)
    lifted = surface.xyz[centres] + (0.5 * roughness * pitch * rng.normal(size=(len(centres), 1))) * tilted
    normals = tilted[near].astype(np.float32)
    off = ((surface.xyz - lifted[near]) * normals).sum(axis=1, keepdims=True)
    flat = (np.abs(off) < 0.5 * pitch) & ((normals * surface.normals).sum(axis=1, keepdims=True) > 0.7)
    xyz = np.where(flat, surface.xyz - off * normals, surface.xyz).astype(np.float32)
    return replace(surface, xyz=xyz, normals=np.where(flat, normals, surface.normals))
