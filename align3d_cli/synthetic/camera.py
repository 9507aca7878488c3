"""A virtual depth camera: dense oriented points to an organised scan."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.clouds.unproject import pixel_rays
from align3d_cli.synthetic.labelled_surface import LabelledSurface

LARGEST_SIDE = 512  # pixels; beyond it a sample would be slow to make and slow to read
STEEPEST = 6.0  # tangent of the steepest surface that is extrapolated within a pixel


@dataclass(frozen=True, slots=True)
class DepthCamera:
    """Pinhole; camera frame: x right, y down, z forward.

    rotation: (3, 3) camera from part; eye: (3,) in the part's frame; focal: pixels; centre: (2,) pixels; shape: (H, W)
    """

    rotation: np.ndarray
    eye: np.ndarray
    focal: float
    centre: tuple[float, float]
    shape: tuple[int, int]

    def to_camera(self, xyz: np.ndarray) -> np.ndarray:
        """(N, 3) part frame to camera frame."""
        return (xyz - self.eye.astype(np.float32)) @ self.rotation.T.astype(np.float32)

    def rays(self) -> np.ndarray:
        """(H, W, 3) directions through the pixel centres, z = 1."""
        return pixel_rays(self.shape, self.focal, self.centre)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the camera sees without noise: depth (H, W) NaN where nothing; cosine to the surface; defect; colours."""

    depth: np.ndarray
    cosine: np.ndarray
    defect: np.ndarray
    colours: np.ndarray | None


def look_at(eye: np.ndarray, roll: float) -> np.ndarray:
    """(3, 3) camera-from-part rotation that looks from eye to the origin, turned about the axis by roll (radians)."""
    forward = -eye / np.linalg.norm(eye)
    helper = np.array((0.0, 0, 1)) if abs(forward[2]) < 0.9 else np.array((1.0, 0, 0))
    right = np.cross(forward, helper)
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    c, s = np.cos(roll), np.sin(roll)
    return np.stack((c * right + s * down, -s * right + c * down, forward))


def framed(
    eye: np.ndarray, rotation: np.ndarray, xyz: np.ndarray, n_pixels: int, margin: float, crop: float
) -> DepthCamera:
    """A camera whose image holds the points with a margin, the object covering about n_pixels of it.

    margin: share of the object's size left free around it; crop: share of the object's size the image shows (below 1
    the object fills the image).
    """
    q = (xyz - eye) @ rotation.T
    at = q[:, :2] / q[:, 2:]
    low, high = at.min(axis=0), at.max(axis=0)
    middle, size = (low + high) / 2, (high - low) * crop
    bins = np.clip(((at - low) / (high - low).max() * 40).astype(int), 0, 40)
    covered = len(np.unique(bins[:, 0] * 64 + bins[:, 1])) / 40**2 * float((high - low).max()) ** 2
    covered = min(covered * crop**2, float(np.prod(size)))
    side = float(size.max()) * (1 + 2 * margin)
    focal = min(np.sqrt(n_pixels / covered), LARGEST_SIDE / side)
    shape = np.maximum(np.ceil((size + 2 * margin * size.max()) * focal).astype(int), 32)
    centre = shape / 2 - middle * focal
    return DepthCamera(
        rotation, eye, float(focal), (float(centre[0]), float(centre[1])), (int(shape[1]), int(shape[0]))
    )


@dataclass(frozen=True, slots=True)
class _Hits:
    """Every (surfel, pixel) pair that may matter: flat pixel, surfel row, depth at the pixel's centre, weight."""

    pixel: np.ndarray
    row: np.ndarray
    depth: np.ndarray
    weight: np.ndarray


def _candidates(camera: DepthCamera, q: np.ndarray, normals: np.ndarray, reach_px: float) -> _Hits:
    """Pixels within reach of each surfel (camera frame), the depth there that of its tangent plane."""
    h, w = camera.shape
    u = q[:, 0] / q[:, 2] * np.float32(camera.focal) + np.float32(camera.centre[0])
    v = q[:, 1] / q[:, 2] * np.float32(camera.focal) + np.float32(camera.centre[1])
    i, j = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
    pixel_size = q[:, 2] / np.float32(camera.focal)
    offset = np.einsum("ij,ij->i", normals, q)
    parts = []
    span = int(np.ceil(reach_px))
    for dv in range(-span, span + 1):
        for du in range(-span, span + 1):
            x, y = i + du, j + dv
            off_u, off_v = x + np.float32(0.5) - u, y + np.float32(0.5) - v
            square = off_u * off_u + off_v * off_v
            rows = np.flatnonzero((square < reach_px**2) & (x >= 0) & (x < w) & (y >= 0) & (y < h))
            at, distance = q[rows], np.sqrt(square[rows])
            ray = at[:, :2] / at[:, 2:] + np.stack((off_u[rows], off_v[rows]), axis=1) / np.float32(camera.focal)
            towards = np.einsum("ij,ij->i", normals[rows, :2], ray) + normals[rows, 2]
            reach = np.float32(STEEPEST) * distance * pixel_size[rows]
            step = np.clip(offset[rows] / np.minimum(towards, np.float32(-0.01)) - at[:, 2], -reach, reach)
            parts.append((y[rows] * w + x[rows], rows, at[:, 2] + step, np.exp(square[rows] * np.float32(-1.5))))
    return _Hits(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def capture(surface: LabelledSurface, camera: DepthCamera, reach_px: float = 1.15) -> Frame:
    """Z-buffer the front-facing points: per pixel the weighted mean of what lies within two pixels behind the front."""
    q = camera.to_camera(surface.xyz)
    normals = surface.normals @ camera.rotation.T.astype(np.float32)
    cosine = -np.einsum("ij,ij->i", normals, q) / np.sqrt(np.einsum("ij,ij->i", q, q))
    front = np.flatnonzero(cosine > 0.02)
    hits = _candidates(camera, q[front], normals[front], reach_px)
    size = camera.shape[0] * camera.shape[1]
    nearest = np.full(size, np.inf, np.float32)
    np.minimum.at(nearest, hits.pixel, hits.depth)
    tolerance = 2.0 * hits.depth / np.float32(camera.focal)
    seen = hits.depth < nearest[hits.pixel] + tolerance
    pixel, row, weight = hits.pixel[seen], front[hits.row[seen]], hits.weight[seen]
    total = np.bincount(pixel, weight, size)

    def mean(values):
        return np.bincount(pixel, weight * values, size) / np.maximum(total, 1e-12)

    layers = [np.where(total > 0, mean(hits.depth[seen]), np.nan), mean(cosine[row]), mean(surface.labels[row])]
    if surface.colours is not None:
        layers += [mean(channel) for channel in surface.colours[row].T]
    image = close_pinholes(np.stack(layers, axis=1).reshape(*camera.shape, -1), camera.focal)
    colours = image[..., 3:] if surface.colours is not None else None
    return Frame(image[..., 0], image[..., 1], image[..., 2] > 0.5, colours)


def close_pinholes(image: np.ndarray, focal: float) -> np.ndarray:
    """Fill single empty pixels of image (H, W, C), channel 0 the depth, with the mean of their neighbours.

    Only where at least five of eight neighbours are there and lie within six pixel sizes of each other.
    """
    for _ in range(2):
        padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), constant_values=np.nan)
        y, x = np.nonzero(~np.isfinite(image[..., 0]))
        around = np.stack([padded[y + dy, x + dx] for dy in range(3) for dx in range(3) if (dy, dx) != (1, 1)])
        there = np.isfinite(around[..., 0])
        low = np.where(there, around[..., 0], np.inf).min(axis=0)
        high = np.where(there, around[..., 0], -np.inf).max(axis=0)
        fill = (there.sum(axis=0) >= 5) & (high - low < 6 * low / focal)
        weights = there[:, fill, None]
        image = image.copy()
        image[y[fill], x[fill]] = np.where(weights, around[:, fill], 0).sum(axis=0) / weights.sum(axis=0)
    return image
