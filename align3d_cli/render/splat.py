"""Points to images: which point is at which pixel, how deep the surface lies there, and which points are seen.

1. The nearest point in every pixel, spread over the splats and closed: the front of the surface (surface.py).
2. All points from the front down to a tolerance are the surface: they are visible, their depths are blended, and the
   one nearest to a pixel's centre gives the pixel its colour and label. A tolerance of 0 is a plain z-buffer.
Step 2 and the first half of step 1 loop over points: splat_cpu.py (numba) or splat_torch.py.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from align3d_cli.render.cameras import Cameras, rotated_bounds
from align3d_cli.render.footprint import Footprint, closing_footprint, fixed_footprint
from align3d_cli.render.front import DEPTH_STEPS, RANGE_STEPS, seen_front


@dataclass(frozen=True, slots=True)
class Views:
    """V square images of N points, H = W = cameras.size_px, all on one device.

    index:          (V, H, W) int32, row of the surface point nearest to the pixel centre, -1 where empty
    depth:          (V, H, W) float32, front of the surface, inf where empty
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
    gradual: bool = False,
    kernel: str = "auto",
) -> Views:
    """Draw the cloud into every camera's image.

    xyz:             (N, 3) float64, finite
    spacing:         median nearest-neighbour distance, in units of the cloud
    depth_tolerance: how far behind the front a point still belongs to the surface, in units of the cloud; default
                     from the distance of the points and the pixel's size. Steep surfaces get their slope added.
                     0: plain z-buffer, one depth and one point a pixel
    radius_px:       half side of every splat, drawn as it is; default as wide as closes the surface, and what
                     reaches beyond its outlines taken off again
    gradual:         points are blended over a width that follows their distance, not over whole pixels
    kernel:          "numba" (CPU only), "torch", or "auto": numba on the CPU, torch elsewhere. Both give the same
                     index, depth, pixel_of_point and visible, bit by bit.
    Returns Views on `device`. Raises ValueError for anything but (N, 3) points with 0 < N < 2**31.
    """
    xyz = np.ascontiguousarray(xyz, dtype=np.float64)
    if xyz.ndim != 2 or xyz.shape[1] != 3 or not 0 < len(xyz) < 2**31:
        raise ValueError(f"xyz must be (N, 3) with 0 < N < 2**31, got {xyz.shape}")
    if radius_px is None:
        footprint = closing_footprint(cameras, xyz, spacing, depth_tolerance, gradual)
    else:
        footprint = fixed_footprint(cameras, xyz, radius_px, depth_tolerance)
    depths = _depth_steps(xyz, cameras, footprint)
    device = torch.device(device)
    if kernel == "torch" or (kernel == "auto" and device.type != "cpu"):
        return _splat_torch(torch.from_numpy(xyz).to(device), cameras, footprint, depths)
    return _splat_numba(xyz, cameras, footprint, depths)


def _splat_numba(xyz: np.ndarray, cameras: Cameras, footprint: Footprint, depths: tuple[float, float]) -> Views:
    from align3d_cli.render import splat_cpu as kernel

    nearest_depth, pixel_of_point = kernel.nearest_in_pixels(xyz, cameras)
    maps = _surface_maps(torch.from_numpy(nearest_depth), cameras, footprint)
    front, limit, taken, reach = (m.numpy() for m in maps)
    surface, index, visible = map(
        torch.from_numpy,
        kernel.gather_surface(xyz, cameras, footprint.weights, *depths, front, limit, taken, reach, pixel_of_point),
    )
    return _views(maps[0], surface, index, visible, torch.from_numpy(pixel_of_point), cameras)


def _splat_torch(xyz: torch.Tensor, cameras: Cameras, footprint: Footprint, depths: tuple[float, float]) -> Views:
    from align3d_cli.render import splat_torch as kernel

    nearest_depth, pixel_of_point = kernel.nearest_in_pixels(xyz, cameras)
    maps = _surface_maps(nearest_depth, cameras, footprint)
    front, limit, taken, reach = maps
    surface, index, visible = kernel.gather_surface(
        xyz, cameras, footprint.weights, *depths, front, limit, taken, reach, pixel_of_point
    )
    return _views(front, surface, index, visible, pixel_of_point, cameras)


def _surface_maps(nearest_depth: torch.Tensor, cameras: Cameras, footprint: Footprint) -> list[torch.Tensor]:
    """What the kernels need of the front: depth, limit, taken, reach, each (V, H * W) float32.

    A plain z-buffer takes each pixel's nearest point, also where a neighbour's splat covers the pixel itself.
    """
    size = cameras.size_px
    front = seen_front(nearest_depth.view(-1, size, size), footprint)
    taken = front.limit if footprint.tolerance > 0 else nearest_depth
    return [m.reshape(len(cameras), -1).contiguous() for m in (front.depth, front.limit, taken, front.reach)]


def _depth_steps(xyz: np.ndarray, cameras: Cameras, footprint: Footprint) -> tuple[float, float]:
    """Depth that counts as zero, and fixed-point steps per unit of depth (0 for a plain z-buffer: depth is exact).

    Steps are so large that sums over 2^24 points stay within 63 bits, whatever the tolerance asked for.
    """
    if footprint.tolerance == 0:
        return 0.0, 0.0
    low, high = rotated_bounds(xyz, np.eye(3)[None])
    corners = np.array(np.meshgrid(*np.concatenate([low, high]).T)).reshape(3, -1)
    depth = cameras.camera_from_cloud[:, 2, :3] @ corners + cameras.camera_from_cloud[:, 2, 3:]
    near, far = float(depth.min()), float(depth.max())
    return 0.5 * (near + far), min(DEPTH_STEPS / footprint.tolerance, RANGE_STEPS / max(far - near, 1e-300))


def _views(
    front: torch.Tensor,
    surface: torch.Tensor,
    index: torch.Tensor,
    visible: torch.Tensor,
    pixel_of_point: torch.Tensor,
    cameras: Cameras,
) -> Views:
    """Put the maps together; what neither a point nor a neighbour's point fills is empty."""
    front, surface, index = (x.view(len(cameras), cameras.size_px, cameras.size_px) for x in (front, surface, index))
    _adopt(front, surface, index)
    return Views(index, front.masked_fill(index < 0, math.inf), surface, pixel_of_point, visible, cameras)


def _adopt(front: torch.Tensor, surface: torch.Tensor, index: torch.Tensor) -> None:
    """Give pixels that the closing filled, but no point is near enough for, the nearest surface beside them; in place.

    They lie in creases between near and far surfaces, some in a thousand. All (V, H, W).
    """
    view, row, column = (front.isfinite() & (index < 0)).nonzero(as_tuple=True)
    size = front.shape[-1]
    best = torch.full_like(view, -1, dtype=index.dtype)
    apart = torch.full_like(view, math.inf, dtype=front.dtype)
    for down, right in ((-1, 0), (0, -1), (0, 1), (1, 0)):
        beside = (view, (row + down).clamp(0, size - 1), (column + right).clamp(0, size - 1))
        change = (surface[beside] - front[view, row, column]).abs()
        better = change < apart  # never where the neighbour is empty: its surface is infinite
        best, apart = torch.where(better, index[beside], best), torch.where(better, change, apart)
    index[view, row, column] = best
    surface[view, row, column] = torch.where(best >= 0, front[view, row, column], math.inf)
