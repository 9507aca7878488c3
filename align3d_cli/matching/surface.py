"""What registration knows of a scan: evenly spaced oriented points, each with a descriptor."""

from dataclasses import dataclass, replace

import numpy as np

from align3d_cli.clouds.sample import hash_order
from align3d_cli.clouds.voxels import cell_keys
from align3d_cli.matching.poses import moved, turned
from align3d_cli.matching.visibility import View, visible


@dataclass(frozen=True, slots=True)
class Surface:
    """N points of a surface, about evenly spaced.

    xyz:         (N, 3) float64, finite, in the file's unit
    normals:     (N, 3) float32, of length one; outward where `oriented`, of any sign otherwise
    descriptors: (N, D) float32, finite; alike where the surface around two points is, in whatever pose; compared by
                 their Euclidean distance
    spacing:     of neighbouring points, in the file's unit
    size:        diagonal of the scan, in the file's unit
    view:        from where a scan of one side was taken, in its own frame; None for scans from all sides
    """

    xyz: np.ndarray
    normals: np.ndarray
    descriptors: np.ndarray
    spacing: float
    size: float
    oriented: bool = True
    view: View | None = None

    def __post_init__(self) -> None:
        n = len(self.xyz)
        if self.xyz.shape != (n, 3) or self.normals.shape != (n, 3) or len(self.descriptors) != n:
            raise ValueError(f"{n} points, normals {self.normals.shape}, descriptors {self.descriptors.shape}")
        if not 0 < self.spacing <= self.size:
            raise ValueError(f"spacing {self.spacing} of size {self.size}")

    def __len__(self) -> int:
        return len(self.xyz)

    def take(self, rows: np.ndarray, spacing: float | None = None) -> "Surface":
        """The same surface with only these rows (indices or mask), and how far apart they are where that changes."""
        return replace(
            self,
            xyz=self.xyz[rows],
            normals=self.normals[rows],
            descriptors=self.descriptors[rows],
            spacing=self.spacing if spacing is None else spacing,
        )


def in_own_order(surface: Surface) -> Surface:
    """The same surface in an order that only the places of its points decide, as good as random."""
    return surface.take(hash_order(surface.xyz))


def thinned(surface: Surface, spacing: float) -> Surface:
    """Points of the surface about `spacing` apart, in the order they had; all where they are no nearer than that."""
    if spacing <= surface.spacing:
        return surface
    rows = np.sort(np.unique(cell_keys(surface.xyz, spacing), return_index=True)[1])
    return surface.take(rows, spacing)


def spacing_for(surface: Surface, n: int) -> float:
    """How far apart about n points of the surface are."""
    return surface.spacing * max(1.0, float(np.sqrt(len(surface) / n)))


def shown(surface: Surface, by: Surface, by_from_surface: np.ndarray) -> np.ndarray:
    """(N,) bool: the points of a surface that another, brought upon it by pose (4, 4), must show where it is right.

    All of them where that one was scanned from all sides, or where the surface does not know its outside.
    """
    if by.view is None or not surface.oriented:
        return np.ones(len(surface), bool)
    xyz, normals = moved(by_from_surface, surface.xyz), turned(by_from_surface, surface.normals)
    return visible(xyz, normals, by.xyz, max(surface.spacing, by.spacing), by.view)
