"""The splat in torch: the steps of splat_cpu.py as scatters and shifted images, on any device.

Minima and integer sums do not depend on the order of the scatters: the maps are those of the CPU kernel, bit by bit.
Points are worked on one view at a time: some dozen values a point at once. Nothing waits for the device.
"""

import math

import torch
import torch.nn.functional as F

from align3d_cli.render.cameras import Cameras, project_view
from align3d_cli.render.front import OFFSET_STEPS, at_centres

FAR = torch.iinfo(torch.int64).max
LOW_32_BITS = 0xFFFFFFFF
SPARE = 1024  # bins for points that do not count: all into one would queue up on a GPU


def nearest_in_pixels(xyz: torch.Tensor, cameras: Cameras) -> tuple[torch.Tensor, torch.Tensor]:
    """Least depth of the points in each pixel (V, H * W) float32, inf where none is; pixel_of_point (V, N) int32.

    xyz: (N, 3) float64.
    """
    size, depths, pixels = cameras.size_px, [], []
    for view in range(len(cameras)):
        u, v, depth = project_view(cameras, view, xyz)
        inside = (depth > 0) & (u >= 0) & (u < size) & (v >= 0) & (v < size)
        pixel = torch.where(inside, v.floor() * size + u.floor(), -1.0).to(torch.int32)
        nearest = torch.full((size * size + SPARE,), math.inf, device=xyz.device).view(torch.int32)
        bits = depth.float().view(torch.int32)  # positive floats order as their bits
        nearest.scatter_reduce_(0, _bin(pixel, inside, size), bits, "amin")
        depths.append(nearest[: size * size].view(torch.float32))
        pixels.append(pixel)
    return torch.stack(depths), torch.stack(pixels)


def _bin(pixel: torch.Tensor, counted: torch.Tensor, size: int) -> torch.Tensor:
    """(N,) int64 pixel; points that do not count go to SPARE bins behind the last pixel."""
    spare = torch.arange(len(pixel), device=pixel.device) % SPARE + size * size
    return torch.where(counted, pixel.long(), spare)


def gather_surface(
    xyz: torch.Tensor, cameras: Cameras, weights: list[int], depth_zero: float, depth_scale: float,
    front: torch.Tensor, limit: torch.Tensor, taken: torch.Tensor, reach: torch.Tensor, pixel_of_point: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    """As splat_cpu.gather_surface: surface (V, H * W) float32, index (V, H * W) int32, visible (V, N) bool."""
    results = [
        _sum_in_pixels(project_view(cameras, v, xyz), pixel_of_point[v], limit[v], taken[v], cameras.size_px,
                       depth_zero, depth_scale)
        for v in range(len(cameras))
    ]  # fmt: skip
    sums, place, row, visible = (torch.stack(parts) for parts in zip(*results, strict=True))
    shape = (len(cameras), -1, cameras.size_px, cameras.size_px)
    front, reach = front.view(shape), reach.view(shape)
    total, index = _spread(sums.view(shape), place.view(shape), row.view(shape), front, reach, weights)
    if depth_scale == 0:
        return torch.where(index >= 0, front[:, 0], math.inf).flatten(1), index.flatten(1), visible
    weight, right, down, behind = total.double().unbind(1)
    right, down = ((offset / weight / OFFSET_STEPS).float() for offset in (right, down))
    depth = (behind / weight / depth_scale + depth_zero).float().masked_fill(index < 0, math.inf)
    return at_centres(depth, right, down, reach[:, 0]).flatten(1), index.flatten(1), visible


def _sum_in_pixels(projected, pixel, limit, taken, size, depth_zero, depth_scale):
    """sums (4, H * W) int64, place (3, H * W) float32, row (1, H * W) int64 or -1, visible (N,) bool of one view."""
    u, v, depth = projected[0], projected[1], projected[2].float()
    own = pixel.clamp(min=0).long()
    visible = (pixel >= 0) & (depth <= limit[own])
    counted = (pixel >= 0) & (depth <= taken[own])
    to = _bin(own, counted, size)
    dx, dy = u - (own % size + 0.5), v - (own // size + 0.5)
    behind = (depth.double() - depth_zero) * depth_scale
    terms = (torch.ones_like(dx), dx * OFFSET_STEPS, dy * OFFSET_STEPS, behind)
    sums = torch.zeros((4, size * size + SPARE), dtype=torch.int64, device=u.device)
    for total, term in zip(sums, terms, strict=True):
        total.scatter_add_(0, to, term.long())
    right, down = dx.float(), dy.float()
    key = _key(right * right + down * down, torch.arange(len(u), device=u.device))
    best = torch.full_like(sums[0], FAR).scatter_reduce_(0, to, key, "amin")[: size * size]
    row = torch.where(best == FAR, -1, best & LOW_32_BITS)
    place = torch.stack([right, down, depth])[:, row.clamp(min=0)]
    return sums[:, : size * size], place, row[None], visible


def _key(distance: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
    """int64 that orders by distance (float32, >= 0), then by row."""
    return (distance.view(torch.int32).long() << 32) | row


def _spread(sums, place, row, front, reach, weights: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Add the pixels around, where they show the same surface: total (V, 4, H, W) int64, index (V, H, W) int32.

    sums: (V, 4, H, W) int64; place: (V, 3, H, W) float32; row: (V, 1, H, W) int64; front, reach: (V, 1, H, W).
    """
    size, reach_px = front.shape[-1], len(weights) - 1
    border = (reach_px,) * 4
    sums, place, row = F.pad(sums, border), F.pad(place, border), F.pad(row, border, value=-1)
    total = torch.zeros_like(sums[..., :size, :size])
    best = torch.full_like(row[..., :size, :size], FAR)
    for away_y in range(-reach_px, reach_px + 1):
        for away_x in range(-reach_px, reach_px + 1):
            top, left = reach_px + away_y, reach_px + away_x
            s, p, r = (x[..., top : top + size, left : left + size] for x in (sums, place, row))
            same = (r >= 0) & ((p[:, 2:] - front).abs() <= reach)
            weighted = s * (same * (weights[abs(away_y)] * weights[abs(away_x)]))
            total += weighted
            total[:, 1] += weighted[:, 0] * (away_x * int(OFFSET_STEPS))
            total[:, 2] += weighted[:, 0] * (away_y * int(OFFSET_STEPS))
            right, down = p[:, :1] + away_x, p[:, 1:2] + away_y
            best = torch.minimum(best, torch.where(same, _key(right * right + down * down, r), FAR))
    return total, torch.where(best == FAR, -1, best & LOW_32_BITS)[:, 0].to(torch.int32)
