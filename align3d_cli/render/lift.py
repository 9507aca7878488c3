"""View maps back to points: gather, average over the views that see a point, fill, smooth."""

import numpy as np
import torch
from scipy.spatial import cKDTree


def lift(
    view_scores: torch.Tensor,
    pixel_of_point: torch.Tensor,
    visible: torch.Tensor,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean score of every point over the views that see it.

    view_scores:    (V, H, W) float, e.g. anomaly probability in [0, 1]
    pixel_of_point: (V, N) int, flat pixel index of each point, -1 outside the image
    visible:        (V, N) bool
    weights:        (V, N) float >= 0, how much each view counts for each point; None counts all alike
    Returns (N,) float of view_scores' type, NaN where no view sees the point (or all that do weigh 0).
    Differentiable in view_scores and weights.
    """
    total = view_scores.new_zeros(pixel_of_point.shape[1])
    count = torch.zeros_like(total)
    for view, scores in enumerate(view_scores.flatten(1)):
        seen = (visible[view] & (pixel_of_point[view] >= 0)).to(scores.dtype)
        share = seen if weights is None else seen * weights[view].to(scores.dtype)
        total = total + scores[pixel_of_point[view].clamp(min=0)] * share
        count = count + share
    return torch.where(count > 0, total / count.clamp(min=torch.finfo(count.dtype).tiny), torch.nan)


def fill_unseen(xyz: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, int]:
    """Scores with every NaN replaced by the score of the nearest point that has one, and how many there were.

    xyz: (N, 3) finite; scores: (N,). Returns (N,) of scores' type, untouched where no point was seen at all.
    """
    unseen = np.isnan(scores)
    n_unseen = int(unseen.sum())
    if n_unseen in (0, len(scores)):
        return scores.copy(), n_unseen
    filled, seen = scores.copy(), np.flatnonzero(~unseen)
    nearest = cKDTree(xyz[seen], balanced_tree=False).query(xyz[unseen])[1]
    filled[unseen] = scores[seen[nearest]]
    return filled, n_unseen


def smooth_points(
    xyz: np.ndarray, scores: np.ndarray, radius: float, *, neighbours: int = 32, chunk: int = 65536
) -> np.ndarray:
    """Gaussian mean over the neighbours of every point in space, sigma = radius / 2, cut off at `radius`.

    xyz: (N, 3) finite; scores: (N,), NaN is left out of the means and stays NaN; radius in units of the cloud.
    Where more than `neighbours` points lie within the radius, that many of an evenly thinned cloud stand for them.
    Returns (N,) float32.
    """
    scores = np.asarray(scores, dtype=np.float32)
    known = np.flatnonzero(~np.isnan(scores))
    if radius <= 0 or len(known) == 0:
        return scores.copy()
    stand_ins = known[:: _thinning(xyz[known], radius, neighbours)]
    tree = cKDTree(xyz[stand_ins], balanced_tree=False)
    smooth = np.full(len(scores), np.nan, np.float32)
    for start in range(0, len(known), chunk):
        rows = known[start : start + chunk]
        smooth[rows] = _gaussian_mean(tree, scores[stand_ins], xyz[rows], scores[rows], radius, neighbours)
    return smooth


def _thinning(xyz: np.ndarray, radius: float, neighbours: int) -> int:
    """Every how-many-th point keeps about `neighbours` points within the radius."""
    probes = xyz[:: max(len(xyz) // 64, 1)]
    tree = cKDTree(xyz[:: max(len(xyz) // 65536, 1)], balanced_tree=False)
    within = np.median(tree.query_ball_point(probes, radius, return_length=True)) * max(len(xyz) // 65536, 1)
    return max(int(within // neighbours), 1)


def _gaussian_mean(tree, tree_scores, xyz, own_scores, radius, neighbours) -> np.ndarray:
    k = min(neighbours, tree.n)
    distance, row = tree.query(xyz, k=k, distance_upper_bound=radius)
    distance, row = distance.reshape(len(xyz), k), row.reshape(len(xyz), k)
    weight = np.exp(-2.0 * (distance / radius) ** 2)  # 0 where there is no further neighbour: distance is inf
    total = weight.sum(axis=1)
    mean = (weight * tree_scores[np.minimum(row, tree.n - 1)]).sum(axis=1) / np.maximum(total, 1e-12)
    return np.where(total > 1e-12, mean, own_scores)
