"""The published way from drawn views to scores in plain numpy, float64, written from its description.

Every function is the slow, obvious sentence: resizing, places of points in the views, which points a view keeps,
lifting, the fill of unseen points, smoothing and the two scores (Align3D-AD, arXiv 2605.05850; PointAD, 2410.00320).
"""

import numpy as np

SIGMA = 4.0  # px of the grid that every scan is resized to
WINDOW = 1024  # px that MVTec 3D-AD is drawn in
FOV_DEG = 60.0


def resized_rows(height, width, side):
    """(side, side) flat pixels of the scan that a resized one holds: nearest, rounded down."""
    return np.array([[(i * height // side) * width + j * width // side for j in range(side)] for i in range(side)])


def turns():
    """The nine views of MVTec 3D-AD: five about x, four about y, after diag(1, -1, -1)."""

    def about(axis, degrees):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        x, y = [[1, 0, 0], [0, c, -s], [0, s, c]], [[c, 0, s], [0, 1, 0], [-s, 0, c]]
        return np.array({"x": x, "y": y}[axis])

    angles = [("x", a) for a in (-45, -15, 0, 15, 45)] + [("y", a) for a in (-30, -15, 15, 30)]
    return [about(*angle) @ np.diag([1.0, -1.0, -1.0]) for angle in angles]


def places(xyz, turn, side):
    """Pixel (row, column) of every point, int(u * side / 1024) with the axis at 511.5 and the border, and its depth."""
    turned = xyz @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    away = 0.7 / np.tan(np.radians(FOV_DEG / 2)) * (high - low).max()
    x, y, z = (turned - (low + high) / 2).T
    focal, middle, depth = WINDOW / 2 / np.tan(np.radians(FOV_DEG / 2)), (WINDOW - 1) / 2, away - z
    u, v = middle + focal * x / depth, middle - focal * y / depth
    column, row = (np.clip((part * side / WINDOW).astype(int), 0, side - 1) for part in (u, v))
    return row, column, depth


def kept(pixel, depth):
    """Of all points in a pixel the nearest, and of those alike the first."""
    best = {}
    for point, (where, far) in enumerate(zip(pixel, depth, strict=True)):
        if where not in best or far < depth[best[where]]:
            best[where] = point
    visible = np.zeros(len(pixel), bool)
    visible[list(best.values())] = True
    return visible


def lifted_in_array_order(maps, pixel, visible):
    """(K, N) mean of maps (V, K, H, W) over the views that see a point, each read at the point's own pixel (V, N).

    A point that no view sees is read in the views that see the nearest seen point in the order of the array.
    """
    seen = np.flatnonzero(visible.any(axis=0))
    out = np.empty((maps.shape[1], pixel.shape[1]))
    for point in range(pixel.shape[1]):
        like = min(seen, key=lambda other: (abs(other - point), other))
        views = np.flatnonzero(visible[:, like])
        out[:, point] = np.mean([maps[v].reshape(len(out), -1)[:, pixel[v, point]] for v in views], axis=0)
    return out


def blurred(image):
    """A Gaussian over rows and columns, cut off at four sigma, the border mirrored with its own pixel."""
    reach = int(4 * SIGMA + 0.5)
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / SIGMA) ** 2)
    weight /= weight.sum()
    for axis in (0, 1):
        pad = [(reach, reach) if a == axis else (0, 0) for a in (0, 1)]
        image = np.apply_along_axis(np.convolve, axis, np.pad(image, pad, mode="symmetric"), weight, "valid")
    return image


def align3d_scores(maps, probabilities, again_points, again_object):
    """Point map and object score of both branches: {branch: (side, side)}, {branch: (V,)}; all weights one half."""
    fused = 0.5 * blurred(maps["rgb"]) + 0.5 * blurred(maps["rendering"])
    points, judged = (blurred(fused) if again else fused for again in (again_points, again_object))
    views = 0.5 * probabilities["rgb"].mean() + 0.5 * probabilities["rendering"].mean()
    return points, judged, views


def pointad_scores(maps, probabilities):
    """The same of the rendering branch alone, smoothed once."""
    points = blurred(maps["rendering"])
    return points, points, probabilities["rendering"].mean()
