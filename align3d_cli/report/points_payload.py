"""A scan small enough for a web page: some of its points, with all that is known of each, packed."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from align3d_cli.report.looks import region_looks
from align3d_cli.report.packing import along_curve, base64_text, packed
from align3d_cli.report.thinning import thin

STEPS = 65535  # along the longest side: a hundredth of a millimetre on 0.6 m
NO_SCORE = 65535  # scores take 0..65534
NO_DEVIATION = 0  # deviations take 1..65535, 32768 is none


@dataclass(frozen=True, slots=True)
class PagePoints:
    """What is known of N points; rows whose place is not finite are not shown.

    xyz:       (N, 3) float in the file's frame and unit
    scores:    (N,) float in [0, 1], NaN where unseen
    colours:   (N, 3) uint8 of the part itself; None where it has none
    labels:    (N,) int, the region of each point, 0 in none; None where unknown
    deviation: (N,) float signed, in the file's unit, NaN where there is none; None where there is no reference
    """

    xyz: np.ndarray
    scores: np.ndarray
    colours: np.ndarray | None = None
    labels: np.ndarray | None = None
    deviation: np.ndarray | None = None

    def at(self, rows: np.ndarray) -> "PagePoints":
        """The points of these rows."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: value[rows] for name, value in values.items() if value is not None})


def points_payload(
    points: PagePoints, home: np.ndarray, *, limit: int, regions: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """What the page's viewer draws, ready for JSON.

    home:    (3, 3) rotation to the camera of the first view (x right, y down, z forward); the viewer opens with it,
             turned to the side of the first region
    limit:   points at most; regions: of the result
    Raises ValueError when no row is finite.
    """
    there = points.at(np.flatnonzero(np.isfinite(points.xyz).all(axis=1)))
    if len(there.xyz) == 0:
        raise ValueError("a cloud without one finite point cannot be drawn")
    shown = there.at(thin(there.xyz, there.scores, limit))
    origin = shown.xyz.min(axis=0)
    step = max(float(np.ptp(shown.xyz, axis=0).max()), np.finfo(float).tiny) / STEPS
    places = np.rint((shown.xyz - origin) / step).clip(0, STEPS).astype(np.uint16)
    order = along_curve(places)
    columns, scale = _columns(places[order], shown.at(order))
    centre = (places.min(axis=0).astype(float) + places.max(axis=0)) / 2
    return {
        "shown": len(places),
        "total": len(there.xyz),
        "origin": [float(value) for value in origin],
        "step": step,
        "radius": max(float(np.linalg.norm(places - centre, axis=1).max()), 1.0) * step,
        "spacing": _spacing(places) * step,
        "home": [round(float(value), 6) for value in np.asarray(home).ravel()],
        "deviation_step": scale,
        "regions": region_looks(regions or [], there.xyz, there.labels, -np.asarray(home)[2]),
        "columns": [[name, 8 * column.itemsize] for name, column in columns.items()],
        "data": base64_text(packed(list(columns.values()))),
    }


def _columns(places: np.ndarray, points: PagePoints) -> tuple[dict[str, np.ndarray], float]:
    """The whole numbers of every point by name, and what one step of the deviation is in the file's unit."""
    scores = np.where(np.isnan(points.scores), 0, points.scores).clip(0, 1)
    steps = np.where(np.isnan(points.scores), NO_SCORE, np.rint(scores * (NO_SCORE - 1)))
    columns = {axis: places[:, at] for at, axis in enumerate("xyz")} | {"score": steps.astype(np.uint16)}
    if points.labels is not None and points.labels.any():
        columns["region"] = points.labels.clip(0, STEPS).astype(np.uint16)
    if points.colours is not None:
        columns |= {name: points.colours[:, at] for at, name in enumerate(("red", "green", "blue"))}
    if points.deviation is None or not np.isfinite(points.deviation).any():
        return columns, 0.0
    scale = max(float(np.nanmax(np.abs(points.deviation))), np.finfo(float).tiny) / 32767
    off = np.rint(points.deviation / scale) + 32768
    return columns | {"deviation": np.where(np.isnan(off), NO_DEVIATION, off).astype(np.uint16)}, scale


def _spacing(places: np.ndarray) -> float:
    """Distance to the fifth neighbour that most points stay below: splats of that size close the surface."""
    from scipy.spatial import cKDTree

    if len(places) < 6:
        return 1000.0
    queries = places[:: max(1, len(places) // 3000)]
    distance, _ = cKDTree(places).query(queries, k=6)
    return float(np.quantile(distance[:, 5], 0.9))
