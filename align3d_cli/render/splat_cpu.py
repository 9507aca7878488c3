"""The splat on the CPU: two scalar loops over the points of one view, compiled by numba.

They hold no lock and share nothing, so views run side by side in threads. Compiled code is cached on disk; explicit
signatures keep the first compilation short. No fast-math: the rounding must be that of splat_torch.py.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor

import numba as nb
import numpy as np

from align3d_cli.render.cameras import Cameras
from align3d_cli.render.footprint import DEPTH_STEPS, OFFSET_STEPS, WEIGHT_STEPS, Footprint

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy"}
_POINTS = nb.types.Array(nb.float64, 2, "C", readonly=True)
_PROJECTED = nb.types.UniTuple(nb.float64, 4)
_CAMERA = nb.types.UniTuple(nb.float64, 12)
_LENS = nb.types.UniTuple(nb.float64, 6)


@nb.njit(_PROJECTED(_POINTS, nb.int64, _CAMERA, nb.boolean, _LENS), **_OPTIONS)
def _project(xyz, i, m, perspective, lens):
    """u, v, depth and splat radius (px) of point i; radius 0 when nothing of it can be in the image."""
    size, scale, least_px, unit_px, most_px, _ = lens
    x, y, z = xyz[i, 0], xyz[i, 1], xyz[i, 2]
    right = x * m[0] + y * m[1] + z * m[2] + m[3]
    down = x * m[4] + y * m[5] + z * m[6] + m[7]
    depth = x * m[8] + y * m[9] + z * m[10] + m[11]
    middle = 0.5 * size
    if perspective:
        u, v = right / depth * scale + middle, down / depth * scale + middle
        radius = min(max(unit_px / depth, least_px), most_px)
    else:
        u, v = right * scale + middle, down * scale + middle
        radius = min(max(unit_px, least_px), most_px)
    inside = depth > 0.0 and u > -radius and u < size + radius and v > -radius and v < size + radius
    return u, v, depth, radius if inside else 0.0


@nb.njit(
    nb.void(_POINTS, _CAMERA, nb.boolean, _LENS, nb.float32[::1], nb.int32[::1]),
    **_OPTIONS,
)
def _front_pass(xyz, m, perspective, lens, front, pixel_of_point):
    """Least depth over every pixel a splat covers; the pixel that holds each point's centre."""
    size = int(lens[0])
    for i in range(xyz.shape[0]):
        u, v, depth64, r = _project(xyz, i, m, perspective, lens)
        pixel_of_point[i] = -1
        if r == 0.0:
            continue
        depth = np.float32(depth64)
        if u >= 0.0 and u < size and v >= 0.0 and v < size:
            pixel_of_point[i] = int(v) * size + int(u)
        column_end = min(math.floor(u + r + 0.5), size)
        row_end = min(math.floor(v + r + 0.5), size)
        for row in range(max(math.floor(v - r + 0.5), 0), row_end):
            for column in range(max(math.floor(u - r + 0.5), 0), column_end):
                pixel = row * size + column
                if depth < front[pixel]:
                    front[pixel] = depth


@nb.njit(
    nb.void(
        _POINTS, _CAMERA, nb.boolean, _LENS, nb.float32[::1], nb.float32[::1], nb.int32[::1],
        nb.int64[:, ::1], nb.float32[::1], nb.int32[::1], nb.boolean[::1],
    ),
    **_OPTIONS,
)  # fmt: skip
def _surface_pass(xyz, m, perspective, lens, front, limit, pixel_of_point, sums, nearest, index, visible):
    """Weighted sums over all points down to `limit`, the point whose centre is nearest, and which points are seen."""
    size, depth_scale = int(lens[0]), lens[5]
    for i in range(xyz.shape[0]):
        u, v, depth64, r = _project(xyz, i, m, perspective, lens)
        visible[i] = False
        if r == 0.0:
            continue
        depth = np.float32(depth64)
        own = pixel_of_point[i]
        if own >= 0:
            visible[i] = depth <= limit[own]
        column_start, column_end = max(math.floor(u - r + 0.5), 0), min(math.floor(u + r + 0.5), size)
        row_end = min(math.floor(v + r + 0.5), size)
        inverse = 1.0 / r
        for row in range(max(math.floor(v - r + 0.5), 0), row_end):
            dy = v - (row + 0.5)
            weight_y = 1.0 - (dy * inverse) * (dy * inverse)
            for column in range(column_start, column_end):
                pixel = row * size + column
                if depth > limit[pixel]:
                    continue
                dx = u - (column + 0.5)
                weight_xy = (1.0 - (dx * inverse) * (dx * inverse)) * weight_y
                weight = 1 + int(weight_xy * weight_xy * WEIGHT_STEPS)
                sums[pixel, 0] += weight
                sums[pixel, 1] += weight * int(dx * OFFSET_STEPS)
                sums[pixel, 2] += weight * int(dy * OFFSET_STEPS)
                behind = np.float64(depth) - np.float64(front[pixel])
                sums[pixel, 3] += weight * int(behind * depth_scale)
                distance = np.float32(dx * dx + dy * dy)
                if distance < nearest[pixel]:
                    nearest[pixel] = distance
                    index[pixel] = i


def _each_view(work, n_views: int) -> None:
    """Run work(view) for every view, as many at a time as this process may use cores."""
    workers = min(n_views, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if workers == 1:
        for view in range(n_views):
            work(view)
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(n_views)))


def _arguments(cameras: Cameras, footprint: Footprint, view: int) -> tuple:
    m = tuple(cameras.camera_from_cloud[view, :3].ravel().tolist())
    lens = (float(cameras.size_px), float(cameras.scale_px), footprint.least_px, footprint.unit_px,
            footprint.most_px, DEPTH_STEPS / footprint.tolerance if footprint.tolerance > 0 else 0.0)  # fmt: skip
    return m, cameras.projection == "perspective", lens


def front_depth(xyz: np.ndarray, cameras: Cameras, footprint: Footprint) -> tuple[np.ndarray, np.ndarray]:
    """front (V, H * W) float32, inf where empty; pixel_of_point (V, N) int32, -1 outside. xyz: (N, 3) float64."""
    front = np.full((len(cameras), cameras.size_px**2), np.inf, np.float32)
    pixel_of_point = np.empty((len(cameras), len(xyz)), np.int32)
    _each_view(
        lambda v: _front_pass(xyz, *_arguments(cameras, footprint, v), front[v], pixel_of_point[v]), len(cameras)
    )
    return front, pixel_of_point


def gather_surface(
    xyz: np.ndarray, cameras: Cameras, footprint: Footprint, front: np.ndarray, limit: np.ndarray, pixel_of_point
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """sums (V, H * W, 4) int64, nearest (V, H * W) float32 px^2, index (V, H * W) int32, visible (V, N) bool."""
    n_views, pixels = front.shape
    sums = np.zeros((n_views, pixels, 4), np.int64)
    nearest = np.full((n_views, pixels), np.inf, np.float32)
    index = np.full((n_views, pixels), -1, np.int32)
    visible = np.empty((n_views, len(xyz)), np.bool_)

    def work(v: int) -> None:
        _surface_pass(xyz, *_arguments(cameras, footprint, v), front[v], limit[v], pixel_of_point[v],
                      sums[v], nearest[v], index[v], visible[v])  # fmt: skip

    _each_view(work, n_views)
    return sums, nearest, index, visible
