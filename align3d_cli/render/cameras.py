"""Cameras around a cloud: where every view stands, and where a point falls in its image.

Camera frame: x right, y down, z forward; depth is z and is positive in front of the camera. Pixel (row i, column j)
covers [j, j + 1) x [i, i + 1) of the image plane, so its centre is (j + 0.5, i + 0.5).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from align3d_cli.clouds.axes import some_by_radius
from align3d_cli.render.choose import choose_views as choose_views
from align3d_cli.render.choose import spread_rows

# Which axes Eyecandies is published with swapped is not told; y and z are the pair that the tilt about x sets upright
SWAPPED_Y_Z = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
# x right, y up, z to the viewer -> camera frame
CAMERA_FROM_VIEWER = np.diag([1.0, -1.0, -1.0])
PAPER_DISTANCE = 0.7 / math.tan(math.radians(30.0))  # eye to centre over the longest bounding box side: 1.2124
STEP_BACK = {"eyecandies": 0.005}  # of the published camera, in units of the cloud; the other data sets have none
GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))  # turns that never align: even spirals
CONE_DEG = 40.0  # the outermost of the front views; beyond 45 degrees one-sided scans show their shadows
ROLLS_DEG = np.arange(0, 90, 5)  # tried for every view; a quarter turn fits the same square
STEADY = 0.1  # of the square's side: what half a quarter turn must gain, so that round parts are not rolled at random
ROLL_SAMPLE = 4096  # points that stand for the cloud there
FRONT_AXES = {
    "facing": (0, 0, 1), "front": (0, 0, 1), "front+z": (0, 0, 1), "front-z": (0, 0, -1),
    "front+x": (1, 0, 0), "front-x": (-1, 0, 0), "front+y": (0, 1, 0), "front-y": (0, -1, 0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cameras:
    """V cameras that share one projection.

    camera_from_cloud: (V, 4, 4) float64, rigid
    projection:        "perspective" or "orthographic"
    scale_px:          focal length in pixels, or pixels per unit of the cloud
    size_px:           the image is size_px x size_px, the optical axis goes through its middle
    """

    camera_from_cloud: np.ndarray
    projection: Literal["perspective", "orthographic"]
    scale_px: float
    size_px: int

    def __post_init__(self) -> None:
        if self.camera_from_cloud.shape[1:] != (4, 4) or self.camera_from_cloud.dtype != np.float64:
            raise ValueError(f"camera_from_cloud must be (V, 4, 4) float64, got {self.camera_from_cloud.shape}")
        if self.projection not in ("perspective", "orthographic"):
            raise ValueError(f"unknown projection {self.projection!r}")
        if not self.scale_px > 0 or self.size_px < 1:
            raise ValueError(f"scale_px and size_px must be positive, got {self.scale_px}, {self.size_px}")

    def __len__(self) -> int:
        return len(self.camera_from_cloud)

    def project(self, xyz: np.ndarray | torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Image position and depth of every point: u (V, N) px from the left, v (V, N) px from the top, depth (V, N).

        xyz: (N, 3) float64. All float64, on the device of xyz; nothing is clipped, u and v of points with
        depth <= 0 mean nothing.
        """
        xyz = torch.as_tensor(xyz, dtype=torch.float64)
        rows = [project_view(self, view, xyz) for view in range(len(self))]
        u, v, depth = (torch.stack(parts) for parts in zip(*rows, strict=True))
        return u, v, depth

    def pixel_size(self, depth: float) -> float:
        """Side of one pixel at this depth, in units of the cloud."""
        return depth / self.scale_px if self.projection == "perspective" else 1.0 / self.scale_px


def project_view(cameras: Cameras, view: int, xyz: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """u, v, depth, each (N,) float64, of one view.

    The order of the operations is the numba kernel's, step by step: both must round alike.
    """
    x, y, z = xyz.unbind(1)
    m = cameras.camera_from_cloud[view].tolist()
    right, down, depth = (x * row[0] + y * row[1] + z * row[2] + row[3] for row in m[:3])
    middle, scale = 0.5 * cameras.size_px, float(cameras.scale_px)
    if cameras.projection == "perspective":
        return right / depth * scale + middle, down / depth * scale + middle, depth
    return right * scale + middle, down * scale + middle, depth


def rotation_x(degrees: float) -> np.ndarray:
    """(3, 3), right-handed about x."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def rotation_y(degrees: float) -> np.ndarray:
    """(3, 3), right-handed about y."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def rotation_z(degrees: float) -> np.ndarray:
    """(3, 3), right-handed about z."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def preset_rotations(name: str) -> np.ndarray:
    """(V, 3, 3) float64 rotations that turn the cloud before it is looked at from +z with +y up.

    mvtec, eyecandies, real3d: the published views (mvtec and real3d turn the frame by diag(1, -1, -1) first;
    eyecandies swaps y and z, which mirrors, and tilts by 45 degrees first). sphere:N: N near-uniform directions.
    front:N (from +z; front-z:N, front+x:N .. from another axis): one view straight on, the rest in a cone of
    40 degrees. around:N (along the axes, corners or edges of a cube where N is 6, 8, 12, 14, 18, 20 or 26) and facing:N
    (front:N) are meant for a cloud that is turned into a frame of its own. Raises ValueError for any other name.
    """
    if name in _PUBLISHED:
        return _PUBLISHED[name]()
    kind, _, number = name.partition(":")
    if not number.isdigit() or int(number) < 1:
        raise ValueError(f"unknown views {name!r}; one of mvtec, eyecandies, real3d, sphere:N, front:N")
    if kind == "sphere":
        return np.stack([_facing(d) for d in _sphere_directions(int(number))])
    if kind == "around":
        return np.stack([_facing(d) for d in _around_directions(int(number))])
    if kind in FRONT_AXES:
        straight = _facing(np.array(FRONT_AXES[kind], dtype=np.float64))
        return np.stack([_facing(d) @ straight for d in _cone_directions(int(number))])
    raise ValueError(f"unknown views {name!r}; one of mvtec, eyecandies, real3d, sphere:N, front:N")


def _tilts(x_deg: tuple[float, ...], y_deg: tuple[float, ...], first: np.ndarray) -> np.ndarray:
    return np.stack([r @ first for r in [*map(rotation_x, x_deg), *map(rotation_y, y_deg)]])


_PUBLISHED = {
    "mvtec": lambda: _tilts((-45, -15, 0, 15, 45), (-30, -15, 15, 30), np.diag([1.0, -1.0, -1.0])),
    "eyecandies": lambda: _tilts((-30, -15, 0, 10, 20), (-30, -15, 15, 30), rotation_x(45) @ SWAPPED_Y_Z),
    "real3d": lambda: _tilts((0, 36, -36, 72, -72, 108, -108, 144, -144), (), np.diag([1.0, -1.0, -1.0])),
}


def _sphere_directions(n: int) -> np.ndarray:
    """(n, 3) unit vectors on a golden spiral over the sphere."""
    z = 1.0 - (2.0 * np.arange(n) + 1.0) / n
    turn = GOLDEN_ANGLE * np.arange(n)
    ring = np.sqrt(1.0 - z * z)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)


def _around_directions(n: int) -> np.ndarray:
    """(n, 3) unit vectors: 6 axes, 8 corners, both or 12 edges of a cube too, which turns and mirrors of it leave as
    they are; else a spiral."""
    every = np.array([d for d in np.ndindex(3, 3, 3) if d != (1, 1, 1)], dtype=np.float64) - 1
    order = (every**2).sum(axis=1)
    kinds = {6: (1,), 8: (3,), 12: (2,), 14: (1, 3), 18: (1, 2), 20: (2, 3), 26: (1, 2, 3)}
    if n not in kinds:
        return _sphere_directions(n)
    chosen = every[np.isin(order, kinds[n])]
    return chosen / np.linalg.norm(chosen, axis=1, keepdims=True)


def _cone_directions(n: int) -> np.ndarray:
    """(n, 3) unit vectors: +z, then a golden spiral out to CONE_DEG."""
    tilt = np.radians(CONE_DEG) * np.sqrt(np.arange(n) / max(n - 1, 1))
    turn = GOLDEN_ANGLE * np.arange(n)
    return np.stack([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)], axis=1)


def _facing(direction: np.ndarray) -> np.ndarray:
    """(3, 3) rotation that brings `direction` to +z, with +y (or +z, seen along y) as upright as can be."""
    toward = direction / np.linalg.norm(direction)
    up = np.array([0.0, 1.0, 0.0]) if abs(toward[1]) < 0.9 else np.array([0.0, 0.0, 1.0])
    right = np.cross(up, toward)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(toward, right), toward])


def pointad_cameras(
    xyz: np.ndarray,
    rotations: np.ndarray,
    size_px: int = 336,
    fov_deg: float = 60.0,
    step_back: float | None = None,
) -> Cameras:
    """The published pinhole: looks at the bounding box centre of the rotated cloud from 1.2124 x its longest side.

    xyz: (N, 3) float64, finite; rotations: (V, 3, 3)
    step_back: in units of the cloud, each camera moves back in such steps until it sees all points; None leaves it
    """
    low, high = rotated_bounds(xyz, rotations)
    distance = PAPER_DISTANCE * np.maximum((high - low).max(axis=1), 1e-12)
    eye = 0.5 * (low + high)
    if step_back is not None:
        least = np.array([_least_distance(xyz @ r.T - c, fov_deg) for r, c in zip(rotations, eye, strict=True)])
        distance += step_back * np.ceil(np.maximum(least - distance, 0.0) / step_back)
    eye[:, 2] += distance
    focal_px = 0.5 * size_px / math.tan(math.radians(0.5 * fov_deg))
    return Cameras(_matrices(rotations, eye), "perspective", focal_px, size_px)


def _least_distance(turned: np.ndarray, fov_deg: float) -> float:
    """How far before the origin an eye on +z sees all points (N, 3) that are turned to it."""
    beside = np.abs(turned[:, :2]).max(axis=1)
    return float((turned[:, 2] + beside / math.tan(math.radians(0.5 * fov_deg))).max())


def fitted_cameras(xyz: np.ndarray, rotations: np.ndarray, size_px: int, margin: float = 0.04) -> Cameras:
    """Orthographic cameras with one common scale, so that the cloud just fits into every view.

    xyz: (N, 3) float64, finite; rotations: (V, 3, 3); margin: free border on every side, in image sides.
    Each view is centred on its own bounding box; the nearest point stands one largest extent before the camera.
    """
    low, high = rotated_bounds(xyz, rotations)
    extent = max(float((high - low)[:, :2].max()), 1e-12)
    eye = 0.5 * (low + high)
    eye[:, 2] = high[:, 2] + extent
    return Cameras(_matrices(rotations, eye), "orthographic", size_px * (1.0 - 2.0 * margin) / extent, size_px)


def rolled_to_fit(xyz: np.ndarray, rotations: np.ndarray, steady: bool = False) -> np.ndarray:
    """(V, 3, 3), each view rolled about its axis so that the smallest square holds the cloud.

    xyz: (N, 3) float64, finite; rotations: (V, 3, 3).
    steady: by the same points however the cloud is turned or ordered, and only where it makes a clear difference
    A long part comes to lie along the diagonal and is drawn up to 1.4 times larger in the same image.
    """
    sample = some_by_radius(xyz, ROLL_SAMPLE) if steady else xyz[spread_rows(len(xyz), ROLL_SAMPLE)]
    seen = rotations[:, :2] @ (sample - sample.mean(axis=0)).T
    rolls = np.stack([rotation_z(float(degrees)) for degrees in ROLLS_DEG])
    side = np.stack([np.ptp(roll[:2, :2] @ seen, axis=2).max(axis=1) for roll in rolls])
    if steady:
        side *= 1 + STEADY * np.minimum(ROLLS_DEG, 90 - ROLLS_DEG)[:, None] / 45
    return rolls[side.argmin(axis=0)] @ rotations


def _matrices(rotations: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """(V, 4, 4) camera_from_cloud of cameras at `eye` (V, 3) in the rotated frame, looking along its -z."""
    matrices = np.tile(np.eye(4), (len(rotations), 1, 1))
    matrices[:, :3, :3] = CAMERA_FROM_VIEWER @ rotations
    matrices[:, :3, 3] = -(eye @ CAMERA_FROM_VIEWER)
    return matrices


def rotated_bounds(xyz: np.ndarray, rotations: np.ndarray, chunk: int = 16384) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates, each (V, 3), of the cloud after each rotation (about the origin)."""
    turn = rotations.reshape(-1, 3)
    low, high = np.full(len(turn), np.inf), np.full(len(turn), -np.inf)
    for start in range(0, len(xyz), chunk):
        turned = turn @ xyz[start : start + chunk].T  # one row a coordinate: eight times faster to reduce
        np.minimum(low, turned.min(axis=1), out=low)
        np.maximum(high, turned.max(axis=1), out=high)
    return low.reshape(-1, 3), high.reshape(-1, 3)
