"""From signed distance functions to dense oriented points: a band of cells, halved down to the surface, then Newton."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from align3d_cli.synthetic.labelled_surface import LabelledSurface
from align3d_cli.synthetic.sdf import Sdf
from align3d_cli.synthetic.solid import Solid

CHUNK = 12_288  # points evaluated at once: three coordinates and the temporaries stay in the L2 cache
BAND = 0.95  # half the diagonal of a cell is 0.87 of its side; the rest forgives distances a little too large


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
        size = np.sqrt(_dot(to_eye, to_eye) * _dot(normals, normals))
        return _dot(to_eye, normals) / np.maximum(size, 1e-9)

    def demand(self, xyz: np.ndarray, cosine: np.ndarray) -> np.ndarray:
        """Pixels per area, in units of a surface at the origin that faces the eye; at least a quarter when grazing."""
        to_eye = self.eye.astype(np.float32) - xyz
        return np.maximum(cosine, 0.25) * np.float32(self.eye @ self.eye) / _dot(to_eye, to_eye)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Row by row, (N, 3) and (N, 3) to (N,); faster than a product and a sum."""
    return np.einsum("ij,ij->i", a, b)


def _cells(part: Solid, n: int, view: Viewpoint | None, rng: np.random.Generator) -> tuple[np.ndarray, float]:
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


def _in_true_units(part: Solid, rng: np.random.Generator) -> Solid:
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


def sample_surface(part: Solid, n: int, rng: np.random.Generator, view: Viewpoint | None = None) -> LabelledSurface:
    """About n points of the part's surface: near-uniform, or of what faces a view, near-uniform in its image."""
    part = _in_true_units(part, rng)
    xyz, normals = _points(part, n, view, rng)
    if len(xyz) < 0.8 * n:  # strongly bent distances: many cells hold no surface
        xyz, normals = _points(part, int(min(n / max(len(xyz), 1), 8.0) * 1.1 * n), view, rng)
    keep = rng.permutation(len(xyz))[:n]
    return LabelledSurface(
        np.ascontiguousarray(xyz[keep]), np.ascontiguousarray(normals[keep]), _spacing(xyz[keep], rng)
    )


def _points(part: Solid, n: int, view: Viewpoint | None, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
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
