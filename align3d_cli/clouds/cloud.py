"""The point cloud as it travels: what was read, in the order it was read."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

BEYOND = 1e18  # of any unit; larger coordinates are damage, and their squares overflow float32


@dataclass(frozen=True, slots=True)
class Mesh:
    """The surface a cloud was sampled from; the heat map is written back to its vertices.

    vertices: (M, 3) float64
    faces:    (F, 3) int64, rows of vertex indices
    """

    vertices: np.ndarray
    faces: np.ndarray

    @property
    def triangles(self) -> np.ndarray:
        """(F, 3, 3) float64, the corners of every face."""
        return self.vertices[self.faces]


@dataclass(frozen=True, slots=True)
class PointCloud:
    """N points in file order, with whatever else the file said about them.

    xyz:     (N, 3) float64 in `unit`; a row that is not finite, or beyond all bounds, is no measurement
    colours: (N, 3) uint8 RGB, or None
    normals: (N, 3) float32 unit vectors as the file gave them, or None
    grid:    (H, W) of an organised scan with H * W == N, row major; else None
    unit:    "mm", "m", .. when the file states it, else None
    mesh:    the surface the points were sampled from, when the file held one
    path:    where it came from, None for clouds made in memory
    sha256:  hex SHA-256 of the bytes it was read from, None for clouds made in memory
    notes:   what was doubtful about the reading, a sentence each without the file's name: shown to the user
    origin:  what the reader needs to write the file back untouched (reader-private)
    """

    xyz: np.ndarray
    colours: np.ndarray | None = None
    normals: np.ndarray | None = None
    grid: tuple[int, int] | None = None
    unit: str | None = None
    mesh: Mesh | None = None
    path: Path | None = None
    sha256: str | None = None
    notes: tuple[str, ...] = ()
    origin: Any = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        n = len(self.xyz)
        if self.xyz.shape != (n, 3) or self.xyz.dtype != np.float64:
            raise ValueError(f"xyz must be (N, 3) float64, got {self.xyz.shape} {self.xyz.dtype}")
        if self.colours is not None and (self.colours.shape != (n, 3) or self.colours.dtype != np.uint8):
            raise ValueError(f"colours must be ({n}, 3) uint8, got {self.colours.shape} {self.colours.dtype}")
        if self.normals is not None and self.normals.shape != (n, 3):
            raise ValueError(f"normals must be ({n}, 3), got {self.normals.shape}")
        if self.grid is not None and self.grid[0] * self.grid[1] != n:
            raise ValueError(f"grid {self.grid} does not hold {n} points")

    def __len__(self) -> int:
        return len(self.xyz)

    @property
    def valid(self) -> np.ndarray:
        """(N,) bool, True where the scanner measured something."""
        return within_bounds(self.xyz)


def within_bounds(xyz: np.ndarray) -> np.ndarray:
    """(N,) bool of (N, 3): rows that are finite and not beyond all bounds."""
    x, y, z = (np.abs(xyz) < BEYOND).T
    return x & y & z
