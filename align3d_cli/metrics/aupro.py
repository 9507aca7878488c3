"""AUPRO: how much of every defect region is found, against how much of the good surface is marked.

Definition: the evaluation script of MVTec AD / MVTec 3D-AD (Bergmann et al., "The MVTec 3D-AD Dataset for Unsupervised
3D Anomaly Detection and Localization", VISAPP 2022). Regions are the 8-connected components of the ground truth (the
official scripts call scipy.ndimage.label with a full 3 x 3 structure), all samples share one curve, the curve is
integrated up to an FPR of 0.3, interpolated linearly there, and divided by 0.3. The 3D-AD script reads the curve at 100
thresholds; here, as in the MVTec AD script, it is read at every distinct score, the limit of that sampling.
"""

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from align3d_cli.metrics.ranking import Ranking, rank

FPR_LIMIT = 0.3  # of the official evaluation
NEIGHBOURS = 8  # of a point for the mean spacing, as many as a pixel has
RADIUS_FACTOR = 2.5  # labelled points closer than this many mean k-NN distances are one region


def aupro(ranking: Ranking, fpr_limit: float = FPR_LIMIT) -> float:
    """Area under the per-region overlap up to `fpr_limit`, in [0, 1]; nan without regions or without normal points."""
    if not ranking.n_regions or not ranking.n_normal:
        return float("nan")
    fpr, overlap = pro_curve(ranking)
    return _area_up_to(fpr, overlap, fpr_limit) / fpr_limit


def pro_curve(ranking: Ranking) -> tuple[np.ndarray, np.ndarray]:
    """(K + 1,) false positive rate and (K + 1,) mean overlap of the regions, from (0, 0) to (1, 1)."""
    fpr = np.cumsum(ranking.normal) / max(ranking.n_normal, 1)
    overlap = np.minimum(np.cumsum(ranking.overlap) / max(ranking.n_regions, 1), 1.0)
    return np.append(0.0, fpr), np.append(0.0, overlap)


def aupro_organised(
    defect_maps: list[np.ndarray],
    score_maps: list[np.ndarray],
    valid_maps: list[np.ndarray] | None = None,
    fpr_limit: float = FPR_LIMIT,
) -> float:
    """AUPRO of organised samples, pooled.

    defect_maps: (H, W) bool each; score_maps: (H, W) float each; sizes may differ between samples
    valid_maps:  (H, W) bool each, pixels that are points: false positives and regions are counted over them
                 (`foreground`); None counts every pixel (`paper`, the official script)
    """
    valid_maps = valid_maps or [np.ones(d.shape, bool) for d in defect_maps]
    regions = [regions_organised(d) for d in defect_maps]
    return _pooled(regions, score_maps, valid_maps, fpr_limit)


def aupro_points(
    clouds: list[np.ndarray], defects: list[np.ndarray], scores: list[np.ndarray], fpr_limit: float = FPR_LIMIT
) -> float:
    """AUPRO of unorganised samples, pooled: (N, 3) float points, (N,) bool labels and (N,) float scores of each."""
    regions = [regions_points(xyz, defect) for xyz, defect in zip(clouds, defects, strict=True)]
    return _pooled(regions, scores, [np.ones(len(d), bool) for d in defects], fpr_limit)


def regions_organised(defect: np.ndarray) -> np.ndarray:
    """(H, W) bool -> (H, W) int32, number of the 8-connected region of each defective pixel, 0 elsewhere."""
    return ndimage.label(defect, structure=np.ones((3, 3), int))[0].astype(np.int32)


def regions_points(xyz: np.ndarray, defect: np.ndarray) -> np.ndarray:
    """Number the defect regions of an unordered cloud, for which the official definition has no word.

    xyz: (N, 3) float, finite where defect; defect: (N,) bool
    Two labelled points are neighbours when closer than RADIUS_FACTOR times the mean distance of the labelled points to
    their NEIGHBOURS nearest points of the cloud. Points on top of each other count once.
    Returns (N,) int32, 0 for normal points.
    """
    region = np.zeros(len(xyz), np.int32)
    rows = np.flatnonzero(defect)
    if len(rows):
        places, place_of_row = np.unique(xyz[rows], axis=0, return_inverse=True)
        radius = RADIUS_FACTOR * _spacing(xyz, places, repeated=len(places) < len(rows))
        region[rows] = _linked(places, radius)[place_of_row.ravel()] + 1
    return region


def _spacing(xyz: np.ndarray, places: np.ndarray, *, repeated: bool) -> float:
    """Mean distance in the cloud's unit from `places` (P, 3) to their nearest other points; 0.0 when there are none."""
    cloud = xyz[np.isfinite(xyz).all(axis=1)]
    if repeated:
        cloud = np.unique(cloud, axis=0)
    k = min(NEIGHBOURS + 1, len(cloud))  # the first neighbour is the point itself
    distance = cKDTree(cloud).query(places, k=k)[0].reshape(len(places), k)
    apart = distance[distance > 0]
    return float(apart.mean()) if apart.size else 0.0


def _linked(places: np.ndarray, radius: float) -> np.ndarray:
    """(P, 3) places -> (P,) int, component of each in the graph of pairs no further apart than `radius`."""
    pairs = cKDTree(places).query_pairs(radius, output_type="ndarray")
    ones = np.ones(len(pairs), np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(places), len(places)))
    return connected_components(graph, directed=False)[1]


def _pooled(regions: list, scores: list, valid: list, fpr_limit: float) -> float:
    """One curve over all samples; region numbers are made unique first."""
    flat_region, flat_score, offset = [], [], 0
    for region, score, mask in zip(regions, scores, valid, strict=True):
        flat_region.append(np.where(region > 0, region + offset, 0)[mask])
        flat_score.append(np.asarray(score)[mask])
        offset += int(region.max(initial=0))
    region, score = np.concatenate(flat_region), np.concatenate(flat_score)
    return aupro(rank(region > 0, score, region), fpr_limit)


def _area_up_to(x: np.ndarray, y: np.ndarray, limit: float) -> float:
    """Trapezoids under the curve for x <= limit, the last one cut at the limit by linear interpolation."""
    k = int(np.searchsorted(x, limit, side="right"))
    area = float(np.sum(0.5 * (y[1:k] + y[: k - 1]) * np.diff(x[:k])))
    if k < len(x) and x[k - 1] < limit:
        at_limit = y[k - 1] + (y[k] - y[k - 1]) * (limit - x[k - 1]) / (x[k] - x[k - 1])
        area += float(0.5 * (at_limit + y[k - 1]) * (limit - x[k - 1]))
    return area
