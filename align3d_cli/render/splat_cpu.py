"""The splat on the CPU: scalar loops over the points, then the pixels, of one view, compiled by numba.

They hold no lock and share nothing, so views run side by side in threads. Compiled code is cached on disk until this
file changes, so what it needs of other files comes as an argument. Explicit signatures keep the first compilation
short. No fast-math: the rounding must be that of splat_torch.py.
"""

from concurrent.futures import ThreadPoolExecutor

import numba as nb
import numpy as np

from align3d_cli.helpers.compiled import compiled
from align3d_cli.helpers.cpus import usable_cpus
from align3d_cli.render.cameras import Cameras
from align3d_cli.render.front import OFFSET_STEPS

_POINTS = nb.types.Array(nb.float64, 2, "C", readonly=True)
_CAMERA = nb.types.UniTuple(nb.float64, 14)  # three rows of camera_from_cloud, scale_px, half the image's side
_F32, _I32, _SUMS = nb.float32[::1], nb.int32[::1], nb.int64[:, ::1]


@compiled(nb.types.UniTuple(nb.float64, 3)(_POINTS, nb.int64, _CAMERA, nb.boolean))
def _project(xyz, i, m, perspective):
    """u, v (px) and depth of point i, by the very steps of cameras.project_view."""
    x, y, z = xyz[i, 0], xyz[i, 1], xyz[i, 2]
    right = x * m[0] + y * m[1] + z * m[2] + m[3]
    down = x * m[4] + y * m[5] + z * m[6] + m[7]
    depth = x * m[8] + y * m[9] + z * m[10] + m[11]
    if perspective:
        return right / depth * m[12] + m[13], down / depth * m[12] + m[13], depth
    return right * m[12] + m[13], down * m[12] + m[13], depth


@compiled(nb.void(_POINTS, _CAMERA, nb.boolean, nb.int64, _F32, _I32))
def _nearest_in_pixels(xyz, m, perspective, size, nearest_depth, pixel_of_point):
    for i in range(xyz.shape[0]):
        u, v, depth = _project(xyz, i, m, perspective)
        if depth > 0.0 and u >= 0.0 and u < size and v >= 0.0 and v < size:
            pixel = int(v) * size + int(u)
            nearest_depth[pixel] = min(nearest_depth[pixel], np.float32(depth))
            pixel_of_point[i] = pixel
        else:
            pixel_of_point[i] = -1


@compiled(
    nb.void(_POINTS, _CAMERA, nb.boolean, nb.int64, nb.float64, nb.float64, nb.float64, _F32, _F32, _I32, _SUMS, _F32,
            _I32, nb.boolean[::1]),
)  # fmt: skip
def _sum_in_pixels(
    xyz,
    m,
    perspective,
    size,
    depth_zero,
    depth_scale,
    px_steps,
    limit,
    taken,
    pixel_of_point,
    sums,
    place,
    row,
    visible,
):
    """Count, offsets and depths of the points down to `taken`, and place (right, down, depth) of the most central."""
    for i in range(xyz.shape[0]):
        pixel = pixel_of_point[i]
        visible[i] = False
        if pixel < 0:
            continue
        u, v, depth64 = _project(xyz, i, m, perspective)
        depth = np.float32(depth64)
        visible[i] = depth <= limit[pixel]
        if depth > taken[pixel]:
            continue
        dx, dy = u - (pixel % size + 0.5), v - (pixel // size + 0.5)
        sums[pixel, 0] += 1
        sums[pixel, 1] += int(dx * px_steps)
        sums[pixel, 2] += int(dy * px_steps)
        sums[pixel, 3] += int((np.float64(depth) - depth_zero) * depth_scale)
        right, down = np.float32(dx), np.float32(dy)
        at = 3 * pixel
        if row[pixel] < 0 or right * right + down * down < place[at] * place[at] + place[at + 1] * place[at + 1]:
            place[at], place[at + 1], place[at + 2] = right, down, depth
            row[pixel] = i


@compiled(
    nb.void(nb.int64, nb.int64[::1], nb.int64, _F32, _F32, _SUMS, _F32, _I32, _SUMS, _F32, _I32),
)  # fmt: skip
def _spread(size, weights, px_steps, front, reach, sums, place, row, total, distance, index):
    """Add every pixel's sums to the pixels around it that show the same surface; find the most central point."""
    n = len(weights) - 1
    for source in range(size * size):
        if row[source] < 0:
            continue
        y, x, depth = source // size, source % size, place[3 * source + 2]
        for to_y in range(max(y - n, 0), min(y + n + 1, size)):
            away_y = y - to_y
            down = place[3 * source + 1] + np.float32(away_y)
            for to_x in range(max(x - n, 0), min(x + n + 1, size)):
                pixel = to_y * size + to_x
                if not abs(depth - front[pixel]) <= reach[pixel]:
                    continue
                away_x = x - to_x
                weight = weights[abs(away_y)] * weights[abs(away_x)]
                count = sums[source, 0]
                total[pixel, 0] += weight * count
                total[pixel, 1] += weight * (sums[source, 1] + away_x * count * px_steps)
                total[pixel, 2] += weight * (sums[source, 2] + away_y * count * px_steps)
                total[pixel, 3] += weight * sums[source, 3]
                right = place[3 * source] + np.float32(away_x)
                far = right * right + down * down
                if far < distance[pixel] or (far == distance[pixel] and row[source] < index[pixel]):
                    distance[pixel] = far
                    index[pixel] = row[source]


@compiled(nb.void(nb.int64, nb.float64, nb.float64, nb.float64, _SUMS, _I32, _F32, _F32))
def _mean_places(size, depth_zero, depth_scale, px_steps, total, index, depth, beside):
    """Means of the sums: depth, inf where empty, and where the mean point stands beside the centre (right, down)."""
    for pixel in range(size * size):
        depth[pixel] = np.inf
        if index[pixel] >= 0:
            weight = np.float64(total[pixel, 0])
            beside[2 * pixel] = total[pixel, 1] / weight / px_steps
            beside[2 * pixel + 1] = total[pixel, 2] / weight / px_steps
            depth[pixel] = total[pixel, 3] / weight / depth_scale + depth_zero


@compiled(nb.void(nb.int64, _F32, _F32, _F32, _F32))
def _at_centres(size, depth, beside, reach, surface):
    """front.at_centres, pixel by pixel."""
    for pixel in range(size * size):
        surface[pixel] = depth[pixel]
        if not depth[pixel] < np.inf:
            continue
        y, x = pixel // size, pixel % size
        xx = yy = xy = xz = yz = np.float32(0.0)
        for side in range(4):
            step_y, step_x = (2 * side - 1, 0) if side < 2 else (0, 2 * side - 5)
            if not (0 <= y + step_y < size and 0 <= x + step_x < size):
                continue
            there = pixel + step_y * size + step_x
            dz = depth[there] - depth[pixel]
            if not abs(dz) <= reach[pixel]:
                continue
            dx = beside[2 * there] - beside[2 * pixel] + np.float32(step_x)
            dy = beside[2 * there + 1] - beside[2 * pixel + 1] + np.float32(step_y)
            xx, yy, xy, xz, yz = xx + dx * dx, yy + dy * dy, xy + dx * dy, xz + dx * dz, yz + dy * dz
        determinant = xx * yy - xy * xy
        if determinant > np.float32(0.1):
            along_x, along_y = (yy * xz - xy * yz) * beside[2 * pixel], (xx * yz - xy * xz) * beside[2 * pixel + 1]
            surface[pixel] = depth[pixel] - (along_x + along_y) / determinant


def _each_view(work, n_views: int) -> None:
    """Run work(view) for every view, as many at a time as this process may use cores."""
    with ThreadPoolExecutor(min(n_views, usable_cpus())) as pool:
        list(pool.map(work, range(n_views)))


def _camera(cameras: Cameras, view: int) -> tuple:
    rows = cameras.camera_from_cloud[view, :3].ravel().tolist()
    return (*rows, float(cameras.scale_px), 0.5 * cameras.size_px), cameras.projection == "perspective"


def nearest_in_pixels(xyz: np.ndarray, cameras: Cameras) -> tuple[np.ndarray, np.ndarray]:
    """Least depth of the points in each pixel (V, H * W) float32, inf where none is; pixel_of_point (V, N) int32.

    xyz: (N, 3) float64.
    """
    nearest_depth = np.full((len(cameras), cameras.size_px**2), np.inf, np.float32)
    pixel_of_point = np.empty((len(cameras), len(xyz)), np.int32)

    def work(view: int) -> None:
        _nearest_in_pixels(xyz, *_camera(cameras, view), cameras.size_px, nearest_depth[view], pixel_of_point[view])

    _each_view(work, len(cameras))
    return nearest_depth, pixel_of_point


def gather_surface(
    xyz: np.ndarray, cameras: Cameras, weights: list[int], depth_zero: float, depth_scale: float,
    front: np.ndarray, limit: np.ndarray, taken: np.ndarray, reach: np.ndarray, pixel_of_point: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Blend the surface points under each pixel's splat.

    front, limit, taken, reach: (V, H * W) float32; a point down to `limit` is visible, one down to `taken` counts,
    in every pixel whose front is within `reach` of it. Depths are summed in steps of 1 / depth_scale.
    Returns surface (V, H * W) float32, depth at the pixel centre, inf where empty (front when depth_scale is 0);
    index (V, H * W) int32, the point nearest to the pixel's centre or -1; visible (V, N) bool.
    """
    n_views, pixels = front.shape
    surface = np.empty_like(front)
    index = np.full((n_views, pixels), -1, np.int32)
    visible = np.empty((n_views, len(xyz)), np.bool_)
    of_pixel = np.array(weights, dtype=np.int64)
    size = cameras.size_px

    def work(v: int) -> None:
        sums, place, row = (
            np.zeros((pixels, 4), np.int64),
            np.empty(3 * pixels, np.float32),
            np.full(pixels, -1, np.int32),
        )
        _sum_in_pixels(xyz, *_camera(cameras, v), size, depth_zero, depth_scale, OFFSET_STEPS, limit[v], taken[v],
                       pixel_of_point[v], sums, place, row, visible[v])  # fmt: skip
        total, distance = np.zeros_like(sums), np.full(pixels, np.inf, np.float32)
        _spread(size, of_pixel, int(OFFSET_STEPS), front[v], reach[v], sums, place, row, total, distance, index[v])
        if depth_scale == 0:
            surface[v] = np.where(index[v] >= 0, front[v], np.inf)
            return
        depth, beside = distance, place  # their memory is free by now
        _mean_places(size, depth_zero, depth_scale, OFFSET_STEPS, total, index[v], depth, beside)
        _at_centres(size, depth, beside, reach[v], surface[v])

    _each_view(work, n_views)
    return surface, index, visible
