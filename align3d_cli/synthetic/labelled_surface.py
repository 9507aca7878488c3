"""Dense oriented surfaces, displaced along their normals or made of flat pieces."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from align3d_cli.synthetic.fields import Field


@dataclass(frozen=True, slots=True)
class LabelledSurface:
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

    @property
    def labels(self) -> np.ndarray:
        """(N,) bool, which points are defective: none of a surface that nothing was done to."""
        return np.zeros(len(self), bool) if self.defect is None else self.defect

    @property
    def noise_drawn(self) -> np.ndarray:
        """(N,) float32, each point's draw of the sensor's noise; 0 before any was drawn."""
        return np.zeros(len(self), np.float32) if self.noise is None else self.noise

    def take(self, rows: np.ndarray) -> "LabelledSurface":
        """The same surface with only these rows (indices or mask)."""
        return replace(
            self,
            xyz=self.xyz[rows],
            normals=self.normals[rows],
            colours=None if self.colours is None else self.colours[rows],
            defect=None if self.defect is None else self.defect[rows],
            noise=None if self.noise is None else self.noise[rows],
        )


def tangents(normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors (N, 3) perpendicular to each normal and to each other (Duff et al. 2017)."""
    x, y, z = normals.T
    sign = np.where(z >= 0, 1.0, -1.0).astype(normals.dtype)
    a = -1 / (sign + z)
    b = x * y * a
    return np.stack((1 + sign * x * x * a, sign * b, -sign * x), 1), np.stack((b, sign + y * y * a, -y), 1)


def displace(
    surface: LabelledSurface, field: Field, rows: np.ndarray | None = None, direction: np.ndarray | None = None
) -> tuple[LabelledSurface, np.ndarray]:
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


def concatenate(first: LabelledSurface, second: LabelledSurface) -> LabelledSurface:
    """Points of both, those of the first in front; spacing is the first's, and what either lacks is lacking."""

    def both(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
        return None if one is None or other is None else np.concatenate((one, other))

    return LabelledSurface(
        np.concatenate((first.xyz, second.xyz)),
        np.concatenate((first.normals, second.normals)),
        first.spacing,
        both(first.colours, second.colours),
        both(first.defect, second.defect),
        both(first.noise, second.noise),
    )


def faceted(surface: LabelledSurface, facets: int, roughness: float, rng: np.random.Generator) -> LabelledSurface:
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
