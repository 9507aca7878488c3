"""The splat in torch: the same two passes as splat_cpu.py, as scatters, on any device.

One view at a time, one step of the footprint at a time, so that memory stays at some dozen values a point. Minima and
integer sums do not depend on the order of the scatters: the maps are those of the CPU kernel, bit by bit.
"""

import math

import torch

from align3d_cli.render.cameras import Cameras, project_view
from align3d_cli.render.footprint import DEPTH_STEPS, OFFSET_STEPS, WEIGHT_STEPS, Footprint

FAR = torch.iinfo(torch.int64).max


class _View:
    """The points that can touch one view's image, and the pixels of their splats."""

    def __init__(self, xyz: torch.Tensor, cameras: Cameras, footprint: Footprint, view: int) -> None:
        self.size = cameras.size_px
        self.u, self.v, depth = project_view(cameras, view, xyz)
        if cameras.projection == "perspective":
            radius = (footprint.unit_px / depth).clamp(footprint.least_px, footprint.most_px)
        else:
            unit_px = min(max(footprint.unit_px, footprint.least_px), footprint.most_px)
            radius = torch.full_like(depth, unit_px)
        u, v, size = self.u, self.v, float(self.size)
        self.drawn = (depth > 0) & (u > -radius) & (u < size + radius) & (v > -radius) & (v < size + radius)
        self.radius = torch.where(self.drawn, radius, 1.0)
        self.depth = depth.to(torch.float32)
        self.steps = math.ceil(2.0 * footprint.most_px)

    def pixel_of_point(self) -> torch.Tensor:
        """(N,) int32, -1 outside the image."""
        u, v = self.u, self.v
        inside = self.drawn & (u >= 0) & (u < self.size) & (v >= 0) & (v < self.size)
        pixel = v.floor() * self.size + u.floor()
        return torch.where(inside, pixel, -1.0).to(torch.int32)

    def covered(self):
        """Yield (row, column, pixel), each (N,) int64, for every step of the footprint.

        pixel is size * size, a bin of its own, where the splat or the image ends before this step.
        """
        u, v, r = (torch.where(self.drawn, x, 0.0) for x in (self.u, self.v, self.radius))
        column_start, column_end = (u - r + 0.5).floor().long(), (u + r + 0.5).floor().long().clamp(max=self.size)
        row_start, row_end = (v - r + 0.5).floor().long(), (v + r + 0.5).floor().long().clamp(max=self.size)
        for down in range(self.steps + 1):
            row = row_start + down
            row_inside = self.drawn & (row >= 0) & (row < row_end)
            for right in range(self.steps + 1):
                column = column_start + right
                inside = row_inside & (column >= 0) & (column < column_end)
                yield row, column, torch.where(inside, row * self.size + column, self.size * self.size)


def front_depth(xyz: torch.Tensor, cameras: Cameras, footprint: Footprint) -> tuple[torch.Tensor, torch.Tensor]:
    """front (V, H * W) float32, inf where empty; pixel_of_point (V, N) int32, -1 outside. xyz: (N, 3) float64."""
    fronts, pixels = [], []
    for index in range(len(cameras)):
        view = _View(xyz, cameras, footprint, index)
        bits = view.depth.view(torch.int32).long()  # positive floats order as their bits
        front = torch.full((view.size**2 + 1,), math.inf, device=xyz.device).view(torch.int32).long()
        for _, _, pixel in view.covered():
            front.scatter_reduce_(0, pixel, bits, "amin")
        fronts.append(front[:-1].to(torch.int32).view(torch.float32))
        pixels.append(view.pixel_of_point())
    return torch.stack(fronts), torch.stack(pixels)


def gather_surface(
    xyz: torch.Tensor, cameras: Cameras, footprint: Footprint, front: torch.Tensor, limit: torch.Tensor, pixel_of_point
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """sums (V, H * W, 4) int64, nearest (V, H * W) float32 px^2, index (V, H * W) int32, visible (V, N) bool."""
    results = [
        _gather_view(_View(xyz, cameras, footprint, i), footprint, front[i], limit[i], pixel_of_point[i])
        for i in range(len(cameras))
    ]
    sums, key, visible = (torch.stack(parts) for parts in zip(*results, strict=True))
    empty = key == FAR
    nearest = (key >> 32).to(torch.int32).view(torch.float32).masked_fill(empty, math.inf)
    index = (key & 0xFFFFFFFF).to(torch.int32).masked_fill(empty, -1)
    return sums, nearest, index, visible


def _gather_view(view: _View, footprint: Footprint, front, limit, pixel_of_point):
    """sums (H * W, 4) int64, key (H * W,) int64 of distance bits and row, visible (N,) bool of one view."""
    pixels, device = view.size**2, front.device
    depth_scale = DEPTH_STEPS / footprint.tolerance if footprint.tolerance > 0 else 0.0
    front = torch.cat([front, front.new_zeros(1)])
    limit = torch.cat([limit, limit.new_full((1,), -math.inf)])
    rows = torch.arange(len(view.u), device=device)
    sums = [torch.zeros(pixels + 1, dtype=torch.int64, device=device) for _ in range(4)]
    key = torch.full((pixels + 1,), FAR, dtype=torch.int64, device=device)
    inverse = 1.0 / view.radius
    for row, column, pixel in view.covered():
        pixel = torch.where(view.depth <= limit[pixel], pixel, pixels)
        dx, dy = view.u - (column + 0.5), view.v - (row + 0.5)
        weight_y = 1.0 - (dy * inverse) * (dy * inverse)
        weight_xy = (1.0 - (dx * inverse) * (dx * inverse)) * weight_y
        weight = 1 + (weight_xy * weight_xy * WEIGHT_STEPS).long()
        behind = view.depth.double() - front[pixel].double()
        terms = ((dx * OFFSET_STEPS).long(), (dy * OFFSET_STEPS).long(), (behind * depth_scale).long())
        sums[0].scatter_add_(0, pixel, weight)
        for total, term in zip(sums[1:], terms, strict=True):
            total.scatter_add_(0, pixel, weight * term)
        bits = (dx * dx + dy * dy).float().view(torch.int32).long()
        key.scatter_reduce_(0, pixel, (bits << 32) | rows, "amin")
    own = pixel_of_point.long()
    visible = (own >= 0) & (view.depth <= limit[own])  # own == -1 reads the -inf bin
    return torch.stack(sums, dim=1)[:-1], key[:-1], visible
