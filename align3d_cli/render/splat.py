"""Points to images: which point is at which pixel, how deep the surface lies there, and which points are seen.

Two passes over the points of every view. The first keeps the least depth under every square splat. The second takes
all points from there down to a tolerance as the surface: it blends their depths, remembers the one whose centre is
nearest to the pixel centre, and tells which points belong to the seen surface. A tolerance of 0 is a plain z-buffer.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from align3d_cli.render.cameras import Cameras
from align3d_cli.render.footprint import (
    DEPTH_STEPS,
    OFFSET_STEPS,
    Footprint,
    closing_footprint,
    fixed_footprint,
)

STEEPEST = 5.0  # depth per image distance, 79 degrees off the viewing direction; steeper than that is an edge
RIM = 0.45  # share of the splat's half side by which the points under a pixel may lie to one side of it


@dataclass(frozen=True, slots=True)
class Views:
    """V square images of N points, H = W = cameras.size_px, all on one device.

    index:          (V, H, W) int32, row of the surface point nearest to the pixel centre, -1 where empty
    depth:          (V, H, W) float32, least depth under the splats, inf where empty
    surface:        (V, H, W) float32, blended depth at the pixel centre, inf where empty
    pixel_of_point: (V, N) int32, flat pixel that holds the point's centre, -1 outside the image
    visible:        (V, N) bool, the point lies on the surface seen at its pixel
    """

    index: torch.Tensor
    depth: torch.Tensor
    surface: torch.Tensor
    pixel_of_point: torch.Tensor
    visible: torch.Tensor
    cameras: Cameras


def splat(
    xyz: np.ndarray,
    cameras: Cameras,
    *,
    spacing: float,
    device: str | torch.device = "cpu",
    depth_tolerance: float | None = None,
    radius_px: float | None = None,
    kernel: str = "auto",
) -> Views:
    """Draw the cloud into every camera's image.

    xyz:             (N, 3) float64, finite
    spacing:         median nearest-neighbour distance, in units of the cloud; sizes the splats
    depth_tolerance: how far behind the front a point still belongs to the surface, in units of the cloud; default
                     from the splats' size and the pixel's. Steep surfaces get their slope added. 0: plain z-buffer
    radius_px:       half side of every splat; default as wide as closes the surface (rims are trimmed again then)
    kernel:          "numba" (CPU only), "torch", or "auto": numba on the CPU, torch elsewhere. Both give the same
                     index, depth, pixel_of_point and visible, bit by bit.
    Returns Views on `device`. Raises ValueError for anything but (N, 3) points with N < 2**31.
    """
    xyz = np.ascontiguousarray(xyz, dtype=np.float64)
    if xyz.ndim != 2 or xyz.shape[1] != 3 or not 0 < len(xyz) < 2**31:
        raise ValueError(f"xyz must be (N, 3) with 0 < N < 2**31, got {xyz.shape}")
    if radius_px is None:
        footprint = closing_footprint(xyz, cameras, spacing, depth_tolerance)
    else:
        footprint = fixed_footprint(xyz, cameras, radius_px, spacing, depth_tolerance)
    device = torch.device(device)
    if kernel == "numba" or (kernel == "auto" and device.type == "cpu"):
        return _splat_numba(xyz, cameras, footprint)
    return _splat_torch(torch.from_numpy(xyz).to(device), cameras, footprint)


def _splat_numba(xyz: np.ndarray, cameras: Cameras, footprint: Footprint) -> Views:
    from align3d_cli.render import splat_cpu as kernel  # numba compiles or loads its cache on import

    front, pixel_of_point = kernel.front_depth(xyz, cameras, footprint)
    limit = _surface_limit(torch.from_numpy(front), cameras, footprint).numpy()
    gathered = kernel.gather_surface(xyz, cameras, footprint, front, limit, pixel_of_point)
    return _finish(*map(torch.from_numpy, (front, limit, pixel_of_point, *gathered)), cameras, footprint)


def _splat_torch(xyz: torch.Tensor, cameras: Cameras, footprint: Footprint) -> Views:
    from align3d_cli.render import splat_torch as kernel

    front, pixel_of_point = kernel.front_depth(xyz, cameras, footprint)
    limit = _surface_limit(front, cameras, footprint)
    gathered = kernel.gather_surface(xyz, cameras, footprint, front, limit, pixel_of_point)
    return _finish(front, limit, pixel_of_point, *gathered, cameras, footprint)


def _surface_limit(front: torch.Tensor, cameras: Cameras, footprint: Footprint) -> torch.Tensor:
    """(V, H * W) float32: how deep a point may lie and still belong to the surface at this pixel.

    The front of a slope is its near end under the splat: the slope over a whole splat is added, as far as the
    depths on both sides of the pixel agree on one (the lesser of the two; none at ridges and edges).
    """
    if footprint.tolerance == 0:
        return front
    size = cameras.size_px
    image = front.view(-1, size, size)
    reach = math.ceil(2.0 * footprint.middle_px)
    steepest = STEEPEST * footprint.pixel_size * reach
    slope = _common_slope(image, reach, 2).clamp_(max=steepest) + _common_slope(image, reach, 1).clamp_(max=steepest)
    return (image + footprint.tolerance + slope * ((2.0 * footprint.middle_px + 1.0) / reach)).view(front.shape)


def _common_slope(image: torch.Tensor, reach: int, dim: int) -> torch.Tensor:
    """Depth change over `reach` pixels that both neighbours along `dim` agree on, >= 0; one alone is believed."""
    pad = [reach, reach] if dim == 2 else [0, 0, reach, reach]
    padded = F.pad(image, pad, value=math.inf)
    size = image.shape[dim]
    before = image - padded.narrow(dim, 0, size)
    after = padded.narrow(dim, 2 * reach, size) - image
    before = torch.where(before.isfinite(), before, after)
    after = torch.where(after.isfinite(), after, before)
    lesser = torch.minimum(before.abs(), after.abs())
    return torch.where((before * after > 0) & lesser.isfinite(), lesser, 0.0)


def _finish(front, limit, pixel_of_point, sums, nearest, index, visible, cameras, footprint) -> Views:
    """Trim the rims and turn the fixed-point sums into depths at the pixel centres."""
    shape = (len(cameras), cameras.size_px, cameras.size_px)
    total = sums[..., 0].clamp(min=1)
    right, down = (sums[..., axis].float() / (total * OFFSET_STEPS).float() for axis in (1, 2))
    if footprint.trimmed:
        one_sided = torch.maximum(right.abs(), down.abs()) > RIM * footprint.middle_px
        index = index.masked_fill(one_sided & (nearest > 0.5), -1)
    empty = index < 0
    behind = sums[..., 3].double() / (total * DEPTH_STEPS).double() * footprint.tolerance
    blended = (front.double() + behind).float().masked_fill(empty, math.inf)
    surface = _at_centres(*(x.view(shape) for x in (blended, right, down, limit - front)))
    depth = front.masked_fill(empty, math.inf)
    return Views(index.view(shape), depth.view(shape), surface, pixel_of_point, visible, cameras)


def _at_centres(blended, right, down, tolerance) -> torch.Tensor:
    """(V, H, W) depth at the pixel centres, from blended depths that stand `right`, `down` (px) beside them.

    Least-squares slope to those of the four neighbours that lie on the same surface: exact on a plane.
    """
    neighbours = [_toward(blended, right, down, tolerance, dim, step) for dim in (1, 2) for step in (-1, 1)]
    xx = sum(dx * dx for dx, _, _ in neighbours)
    yy = sum(dy * dy for _, dy, _ in neighbours)
    xy = sum(dx * dy for dx, dy, _ in neighbours)
    xz = sum(dx * dz for dx, _, dz in neighbours)
    yz = sum(dy * dz for _, dy, dz in neighbours)
    determinant = xx * yy - xy * xy
    known = determinant > 0.1  # two neighbours a pixel away on different axes give 1
    slope_x = (yy * xz - xy * yz) / determinant
    slope_y = (xx * yz - xy * xz) / determinant
    return torch.where(known, blended - slope_x * right - slope_y * down, blended)


def _toward(blended, right, down, tolerance, dim: int, step: int):
    """Differences (dx, dy px, dz) to one neighbour's blended point, all 0 where it is not on the same surface."""
    moved = [torch.roll(x, -step, dim) for x in (blended, right, down)]
    edge = -1 if step > 0 else 0
    moved[0].select(dim, edge).fill_(math.inf)
    dz = moved[0] - blended
    same = dz.abs() <= tolerance
    dx = moved[1] - right + (step if dim == 2 else 0)
    dy = moved[2] - down + (step if dim == 1 else 0)
    return tuple(torch.where(same, d, 0.0) for d in (dx, dy, dz))
