"""A scan small enough for a web page: some of its points, positions in 16 bits, scores in 8."""

import base64
from typing import Any

import numpy as np

from align3d_cli.clouds.voxels import cell_keys
from align3d_cli.report.colours import position_in_limits

PAGE_POINTS = 60_000  # about 0.6 MB of the page; a screen shows no more
UNSEEN_BYTE = 255  # 0..254 is the place between the colour limits
SIZING_POINTS = 200_000  # enough to find the cell size; the cells themselves are filled from all points


def thin(xyz: np.ndarray, scores: np.ndarray, limit: int) -> np.ndarray:
    """Rows of at most `limit` points, evenly spread: of every cubic cell the point with the highest score.

    xyz: (N, 3) float, finite; scores: (N,) float, NaN where unseen
    Returns (K,) int64 in rising order, K <= limit. A small defect is never thinned away.
    """
    if len(scores) <= limit:
        return np.arange(len(scores))
    worst_first = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
    cell = _cell_size(xyz[:: max(1, len(xyz) // SIZING_POINTS)], limit)
    while True:
        rows = worst_first[np.unique(cell_keys(xyz[worst_first], cell), return_index=True)[1]]
        if len(rows) <= limit:
            return np.sort(rows)
        cell *= 1.05


def _cell_size(xyz: np.ndarray, limit: int) -> float:
    """Edge of the cells that a surface fills about `limit` of; occupied cells fall with the square of the edge."""
    cell = float(np.ptp(xyz, axis=0).max()) / limit**0.5 + np.finfo(float).tiny
    for _ in range(4):
        cell *= (len(np.unique(cell_keys(xyz, cell))) / limit) ** 0.5
    return cell


def points_payload(
    xyz: np.ndarray, scores: np.ndarray, low: float, high: float, home: np.ndarray, *, limit: int
) -> dict[str, Any]:
    """What the page's viewer draws, ready for JSON.

    xyz:       (N, 3) float; rows that are not finite are left out
    scores:    (N,) float, NaN where unseen
    low, high: colour limits
    home:      (3, 3) rotation to the camera the viewer opens with (x right, y down, z forward)
    Raises ValueError when no row is finite.
    """
    rows = np.flatnonzero(np.isfinite(xyz).all(axis=1))
    if len(rows) == 0:
        raise ValueError("a cloud without one finite point cannot be drawn")
    rows = rows[thin(xyz[rows], scores[rows], limit)]
    low_corner, high_corner = xyz[rows].min(axis=0), xyz[rows].max(axis=0)
    scale = 65535.0 / max(float((high_corner - low_corner).max()), np.finfo(float).tiny)
    places = np.rint((xyz[rows] - low_corner) * scale).clip(0, 65535)
    centre = (places.min(axis=0) + places.max(axis=0)) / 2
    position = position_in_limits(scores[rows], low, high)
    steps = np.where(np.isnan(position), UNSEEN_BYTE, np.rint(np.nan_to_num(position) * (UNSEEN_BYTE - 1)))
    return {
        "xyz": base64_text(places.astype("<u2").tobytes()),
        "score": base64_text(steps.astype(np.uint8).tobytes()),
        "centre": [round(float(value), 1) for value in centre],
        "radius": max(round(float(np.linalg.norm(places - centre, axis=1).max()), 1), 1.0),
        "spacing": round(_spacing(places), 2),
        "home": [round(float(value), 6) for value in np.asarray(home).ravel()],
    }


def _spacing(places: np.ndarray) -> float:
    """Distance to the fifth neighbour that most points stay below: splats of that size close the surface."""
    from scipy.spatial import cKDTree

    if len(places) < 6:
        return 1000.0
    queries = places[:: max(1, len(places) // 3000)]
    distance, _ = cKDTree(places).query(queries, k=6)
    return float(np.quantile(distance[:, 5], 0.9))


def base64_text(data: bytes) -> str:
    """Bytes as a page holds them."""
    return base64.b64encode(data).decode("ascii")
