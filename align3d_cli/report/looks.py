"""Where a page's viewer flies for each region: its middle, how large it is, and the side it is seen from."""

from typing import Any

import numpy as np

FEWEST = 4  # points of a region that say which way it faces
CLEAR = 0.2  # share of the way from the part's middle that must go outwards to say which side is out


def region_looks(
    regions: list[dict[str, Any]], xyz: np.ndarray, labels: np.ndarray | None, towards: np.ndarray
) -> list[dict[str, Any]]:
    """For each region of a result its id, centre, radius, and `from`, the unit vector it is looked at from.

    xyz:     (N, 3) finite points of the part, in the file's frame; labels: (N,) region of each, None where unknown
    towards: (3,) unit vector to the eye that the viewer opens with, the side where the surface itself names none
    """
    middle = (xyz.min(axis=0) + xyz.max(axis=0)) / 2
    looks = []
    for region in regions:
        own = xyz[:0] if labels is None else xyz[labels == region["id"]]
        centre, low, high = (np.array(region[key]) for key in ("centre", "low", "high"))
        outward = _outward(own, centre - middle, towards)
        radius = float(np.linalg.norm(high - low)) / 2
        looks.append({"id": region["id"], "centre": _told(centre), "radius": radius, "from": _told(outward)})
    return looks


def _outward(own: np.ndarray, from_middle: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Normal of the plane through the region's points, on the side away from the part's middle."""
    if len(own) < FEWEST:
        return towards
    normal = np.linalg.eigh(np.cov(own.T))[1][:, 0]
    along = float(normal @ from_middle)
    clear = abs(along) > CLEAR * float(np.linalg.norm(from_middle))
    side = along if clear else float(normal @ towards)
    return -normal if side < 0 else normal


def _told(vector: np.ndarray) -> list[float]:
    return [float(f"{value:.7g}") for value in vector]
