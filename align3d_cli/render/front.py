"""From the nearest point in every pixel to the surface seen there: closed, with the depths that belong to it."""

import math
from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F

from align3d_cli.render.footprint import Footprint

# Fixed-point steps of the sums over points: integers add up to the same bytes in any order, on any device.
OFFSET_STEPS = 4096.0  # per pixel
DEPTH_STEPS = 65536.0  # per depth tolerance,
RANGE_STEPS = 2.0**26  # but no more than this over the whole depth
STEEPEST_PX = 5.0  # depth change per pixel, in depth tolerances; steeper than that is an edge


@dataclass(frozen=True, slots=True)
class Front:
    """The seen surface at every pixel, each (V, H, W) float32.

    depth: its front, inf where empty
    limit: how deep a point in this pixel may lie and still belong to it
    reach: how far the depths of its points in the pixels under the splat may differ from `depth`
    """

    depth: torch.Tensor
    limit: torch.Tensor
    reach: torch.Tensor


def seen_front(nearest_depth: torch.Tensor, footprint: Footprint) -> Front:
    """The surface in front, from the least depth of the points in each pixel: (V, H, W) float32, inf where none is.

    Splats spread the least depth (a minimum filter); closing takes back what they add beyond outlines, outer and
    inner (a maximum filter): holes narrower than a splat stay shut, edges stay where the points end.
    """
    reach = footprint.reach_px
    depth = minimum_filter(nearest_depth, reach)
    if footprint.tolerance == 0:
        return Front(depth, depth, torch.zeros_like(depth))
    if footprint.closing:
        depth = -minimum_filter(-depth, reach)
    slope = _slope_px(depth, reach + 1).clamp_(max=STEEPEST_PX * footprint.tolerance)
    tolerance = footprint.tolerance
    return Front(depth, depth + (slope * 1.5 + tolerance), slope * (reach + 1.5) + tolerance)


def minimum_filter(image: torch.Tensor, reach: int) -> torch.Tensor:
    """Least value in the square of 2 * reach + 1 pixels around each; nothing counts beyond the border. (V, H, W)"""
    for dim in (1, 2):
        pad = (reach, reach) if dim == 2 else (0, 0, reach, reach)
        image = _running_minimum(F.pad(image, pad, value=math.inf), 2 * reach + 1, dim)
    return image


def _running_minimum(image: torch.Tensor, width: int, dim: int) -> torch.Tensor:
    """Minimum of every `width` neighbours along `dim`, by doubling."""
    done = 1
    while done < width:
        step = min(done, width - done)
        keep = image.shape[dim] - step
        image = torch.minimum(image.narrow(dim, 0, keep), image.narrow(dim, step, keep))
        done += step
    return image


def _slope_px(depth: torch.Tensor, reach: int) -> torch.Tensor:
    """Depth change per pixel, |along rows| + |along columns|, that both sides of a pixel agree on; (V, H, W)."""
    return (_common_change(depth, reach, 1) + _common_change(depth, reach, 2)) * (1.0 / reach)


def _common_change(depth: torch.Tensor, reach: int, dim: int) -> torch.Tensor:
    """The lesser change over `reach` pixels to both sides along `dim`, >= 0.

    0 at ridges and valleys, where the signs differ; where one side is empty the other is believed.
    """
    pad = (reach, reach) if dim == 2 else (0, 0, reach, reach)
    padded, size = F.pad(depth, pad, value=math.inf), depth.shape[dim]
    before = depth - padded.narrow(dim, 0, size)  # -inf, or nan off the surface
    after = padded.narrow(dim, 2 * reach, size) - depth
    one, other = before.where(before != -math.inf, after), after.where(after != math.inf, before)
    rising, falling = torch.minimum(one, other).clamp_(min=0), torch.maximum(one, other).clamp_(max=0)
    return rising.sub_(falling).nan_to_num_(nan=0.0, posinf=0.0)  # one of the two is 0


def at_centres(depth: torch.Tensor, right: torch.Tensor, down: torch.Tensor, reach: torch.Tensor) -> torch.Tensor:
    """Depth at the pixel centres, from mean depths of points whose mean stands `right`, `down` px beside the centre.

    All (V, H, W), depth inf where empty. Takes the least-squares slope to those of the four neighbours that differ
    by less than `reach` in depth: exact on a plane.
    """
    sides = [_toward(depth, right, down, reach, dim, step) for dim in (1, 2) for step in (-1, 1)]
    products = ((0, 0), (1, 1), (0, 1), (0, 2), (1, 2))
    xx, yy, xy, xz, yz = (reduce(torch.add, [side[a] * side[b] for side in sides]) for a, b in products)
    determinant = xx * yy - xy * xy
    correction = ((yy * xz - xy * yz) * right + (xx * yz - xy * xz) * down) / determinant
    return torch.where(determinant > 0.1, depth - correction, depth)  # two neighbours, one on each axis, give 1


def _toward(
    depth: torch.Tensor, right: torch.Tensor, down: torch.Tensor, reach: torch.Tensor, dim: int, step: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Differences (px right, px down, depth) to one neighbour's mean point, 0 where it is on another surface."""
    there, there_right, there_down = (torch.roll(x, -step, dim) for x in (depth, right, down))
    there.select(dim, -1 if step > 0 else 0).fill_(math.inf)
    change = there - depth
    near = change.abs() <= reach
    along, across = there_right - right + step * (dim == 2), there_down - down + step * (dim == 1)
    return torch.where(near, along, 0.0), torch.where(near, across, 0.0), torch.where(near, change, 0.0)
