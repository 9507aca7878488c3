"""The numbers of one region: how large it is on the surface, and how deep."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.regions.fair import fair_distances
from align3d_cli.regions.outline import BEYOND, Outline, outline_of
from align3d_cli.regions.patch import Patch
from align3d_cli.regions.reference import LEAST_RING, reference_of
from align3d_cli.regions.region import Kind, Region, place, rounded

RING = (4.0, 12.0)  # least and greatest width of the ring, in distances of points
RING_SHARE = 0.5  # of the side of a square of the region's area, between these
GAP = 0.75  # distances between region and ring: the next points belong to the rim of the defect
RANK = 3  # a depth is reached by three of seven neighbours: one stray point has none
TOGETHER = 7
ROUGH = 3.0  # scatters of the ring that a depth must exceed to be one
BOTH = 0.5  # of the greater of depth and height that the other reaches in a mixed region
SQUARE = 0.92  # of a point's distance to the power of two is its area, on average at random and on a grid
DETOUR = 1.05  # of ways along links over straight ones
MISSING = 0.3  # of the outline without points: something is missing there


@dataclass(frozen=True, slots=True)
class Depths:
    """Greatest distances below and above the surface around a region, at least 0, and the scatter of that surface."""

    depth: float
    height: float
    roughness: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a region is measured against.

    middle: (3,) of the whole part; n: its scored points; warm: (P,) bool, points of the patch above the level, which
    no reference is fitted to
    """

    middle: np.ndarray
    n: int
    warm: np.ndarray


def measured(patch: Patch, region: np.ndarray, xyz: np.ndarray, scores: np.ndarray, about: Surroundings) -> Region:
    """Measure a region; its id is 0 until all are known.

    region: (K,) places in the patch; xyz, scores: (L, 3) and (L,) of all its points, of which a patch may hold some
    """
    apart = float(np.median(patch.apart[region]))
    distance = _distances(patch, region, RING[1] * apart)
    depths, outline = _against_surroundings(patch, region, distance, about, apart)
    return Region(
        id=0,
        kind=_kind(depths, outline),
        points=len(xyz),
        share=rounded(len(xyz) / about.n),
        area=rounded(outline.area),
        area_missing=rounded(outline.area_missing),
        length=rounded(outline.length),
        width=rounded(outline.width),
        depth=None if depths is None else rounded(depths.depth),
        height=None if depths is None else rounded(depths.height),
        roughness=None if depths is None else rounded(depths.roughness),
        centre=place(xyz.mean(axis=0)),
        low=place(xyz.min(axis=0)),
        high=place(xyz.max(axis=0)),
        peak=float(scores.max()),
        mean=rounded(float(scores.mean(dtype=np.float64))),
    )


def _against_surroundings(
    patch: Patch, region: np.ndarray, distance: np.ndarray, about: Surroundings, apart: float
) -> tuple[Depths | None, Outline]:
    """Depths and outline of a region: on a simple surface through the points around it, else on the fairest."""
    inner, width = patch.xyz[region], float(np.clip(RING_SHARE * np.sqrt(len(region)), *RING)) * apart
    for wide in (width, max(width / 2, RING[0] * apart)):  # what lies further can be another side of the part
        ring = _ring(patch, region, distance, about.warm, wide, apart)
        reference = reference_of(patch, ring, region, about.middle)
        if reference is not None:
            around = np.union1d(np.flatnonzero(np.isfinite(distance) & (distance > 0)), ring)
            off = reference.distance(inner, 0.5 * apart)
            outline = outline_of(reference, inner, patch.xyz[around], apart)
            return _depths(off, inner, reference.scatter), outline
    outline = _by_points(patch, region, apart)
    return _by_fairness(patch, region, ring, distance, about.middle), outline


def _by_fairness(
    patch: Patch, region: np.ndarray, ring: np.ndarray, distance: np.ndarray, middle: np.ndarray
) -> Depths | None:
    """Depths below the fairest surface; None where it does not foretell the part well enough.

    How well it does is tried on the nearer half of the ring, which is freed for that: across an edge of the part, or
    where its own shape is as small as the region, it goes astray.
    """
    if len(ring) < 2 * LEAST_RING:
        return None
    near = distance[ring] <= np.median(distance[ring])
    if min(near.sum(), (~near).sum()) < LEAST_RING:
        return None
    off = fair_distances(patch, region, ring, middle)
    tried = fair_distances(patch, np.concatenate([region, ring[near]]), ring[~near], middle)
    if off is None or tried is None:
        return None
    astray = float(np.sqrt(np.mean(tried[len(region) :] ** 2)))
    found = _depths(off, patch.xyz[region], astray)
    return found if max(found.depth, found.height) >= ROUGH * astray else None


def _distances(patch: Patch, region: np.ndarray, limit: float) -> np.ndarray:
    """(P,) along the surface from the region, 0 on it, infinite beyond the limit."""
    from scipy.sparse.csgraph import dijkstra

    return dijkstra(patch.graph, directed=False, indices=region, limit=limit, min_only=True)


def _ring(
    patch: Patch, region: np.ndarray, distance: np.ndarray, warm: np.ndarray, width: float, apart: float
) -> np.ndarray:
    """(R,) places in the patch of the points around a region that its reference is fitted to."""
    ring = np.flatnonzero((distance > GAP * apart) & (distance <= width) & ~warm)
    # a floor that no link leads up from (a sensor sees no steep wall) has a rim, but not along the surface
    return ring if len(ring) >= 2 * TOGETHER else _beside(patch, region, warm, width)


def _beside(patch: Patch, region: np.ndarray, warm: np.ndarray, width: float) -> np.ndarray:
    """(R,) the points nearest to a region through space, seen from the same side."""
    from scipy.spatial import cKDTree

    away, _ = cKDTree(patch.xyz[region]).query(patch.xyz)
    side = patch.outward[region].sum(axis=0)
    same = patch.outward @ side > 0 if side.any() else np.ones(len(patch.xyz), bool)
    free = same & ~warm
    if not free.any():
        return np.empty(0, np.int64)
    return np.flatnonzero(free & (away <= away[free].min() + width))


def _depths(off: np.ndarray, xyz: np.ndarray, roughness: float) -> Depths:
    """The greatest distances below and above the reference that RANK of TOGETHER neighbours reach.

    off: (K,) signed distances; xyz: (K, 3) of the same points
    """
    from scipy.spatial import cKDTree

    k = min(TOGETHER, len(xyz))
    ranked = np.sort(off[cKDTree(xyz).query(xyz, k=k)[1]], axis=1)
    depth, height = -float(ranked[:, RANK - 1].min()), float(ranked[:, k - RANK].max())
    return Depths(max(depth, 0.0), max(height, 0.0), roughness)


def _kind(found: Depths | None, outline: Outline) -> Kind:
    if found is None:
        return "unknown"
    depth, height, least = found.depth, found.height, ROUGH * found.roughness
    if outline.area_missing > MISSING * outline.area:
        return "missing"
    if max(depth, height) < least:
        return "flat"
    if min(depth, height) >= max(BOTH * max(depth, height), least):
        return "mixed"
    return "concave" if depth > height else "convex"


def _by_points(patch: Patch, region: np.ndarray, apart: float) -> Outline:
    """Of a region that no simple surface goes through: each point stands for its own share, the length is that of the
    way along the surface between its ends. What is missing in it is not found."""
    from scipy.sparse.csgraph import dijkstra

    area = SQUARE * float((patch.apart[region] ** 2).sum())
    inside, start, length = patch.graph[region][:, region], 0, float(np.sqrt(area))
    for _ in range(2):  # the farthest point from anywhere is an end
        away = dijkstra(inside, directed=False, indices=start)
        away[~np.isfinite(away)] = 0.0
        start = int(away.argmax())
        length = max(length, float(away[start]) / DETOUR + 2 * BEYOND * apart)
    bulge = 1.0 + (4.0 / np.pi - 1.0) * min(area / length**2 * 4.0 / np.pi, 1.0)  # 1 of a band, 4 / pi of a disc
    return Outline(area, 0.0, length, min(bulge * area / length, length))
