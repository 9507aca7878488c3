"""View maps back to points: gather, average over the views that see a point, fill, smooth."""

import numpy as np
import torch
from scipy.spatial import cKDTree

from align3d_cli.clouds.voxels import cell_keys
from align3d_cli.render.nearest import nearest_rows

LEAST_WEIGHT = 0.05  # a grazing view still counts a little where no other sees the point
MOST_CELLS = 1000  # along the longest side: a surface fills at most some 6 million, pairs of them 3 GB


def lift(
    view_scores: torch.Tensor,
    pixel_of_point: torch.Tensor,
    visible: torch.Tensor,
    weights: torch.Tensor | None = None,
    power: float = 1.0,
) -> torch.Tensor:
    """Mean score of every point over the views that see it: (mean of score ** power) ** (1 / power).

    view_scores:    (V, H, W) float, e.g. anomaly probability in [0, 1]
    pixel_of_point: (V, N) int, flat pixel index of each point, -1 outside the image
    visible:        (V, N) bool
    weights:        (V, N) float >= 0, how much each view counts for each point; None counts all alike
    power:          1 for the plain mean; above it, for scores >= 0, views with high scores count more
    Returns (N,) float of view_scores' type, NaN where no view sees the point (or all that do weigh 0).
    Differentiable in view_scores and weights.
    """
    if power != 1:
        view_scores = view_scores**power
    total = view_scores.new_zeros(pixel_of_point.shape[1])
    count = torch.zeros_like(total)
    for view, scores in enumerate(view_scores.flatten(1)):
        seen = (visible[view] & (pixel_of_point[view] >= 0)).to(scores.dtype)
        share = seen if weights is None else seen * weights[view].to(scores.dtype)
        total = total + scores[pixel_of_point[view].clamp(min=0)] * share
        count = count + share
    mean = total / count.clamp(min=torch.finfo(count.dtype).tiny)
    return torch.where(count > 0, mean if power == 1 else mean ** (1 / power), torch.nan)


def incidence_weights(cosine: torch.Tensor, pixel_of_point: torch.Tensor) -> torch.Tensor:
    """How much each view counts for each point: the cosine of view and surface there, at least LEAST_WEIGHT.

    cosine: (V, H, W) in [0, 1]; pixel_of_point: (V, N) int, of any value where the view does not see the point
    Returns (V, N).
    """
    return cosine.flatten(1).gather(1, pixel_of_point.clamp(min=0).long()).clamp(min=LEAST_WEIGHT)


def flags_of_array_neighbours(visible: torch.Tensor) -> torch.Tensor:
    """Visibility in which a point that no view sees has the flags of the nearest seen point in the order of the array.

    visible: (V, N) bool. Of two seen points equally near the earlier counts. Returns (V, N) bool, as it is where no
    view sees anything. What PointAD's data set does: such a point is then read at its own pixel in those views.
    """
    seen = visible.any(dim=0).nonzero()[:, 0]
    if len(seen) in (0, visible.shape[1]):
        return visible
    place = torch.arange(visible.shape[1], device=visible.device)
    after = torch.searchsorted(seen, place).clamp(max=len(seen) - 1)
    earlier, later = seen[(after - 1).clamp(min=0)], seen[after]
    return visible[:, torch.where((place - earlier).abs() <= (later - place).abs(), earlier, later)]


def fill_unseen(xyz: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, int]:
    """Scores with every NaN replaced by the score of the nearest point that has one, and how many points had none.

    xyz: (N, 3) finite; scores: (N,), or (B, N) with NaN at the same points in every row: one search serves all rows.
    Returns the shape and type of scores, untouched where no point was seen at all.
    """
    unseen = np.isnan(np.atleast_2d(scores)[0])
    filled, n_unseen = scores.copy(), int(unseen.sum())
    if 0 < n_unseen < len(xyz):
        seen = np.flatnonzero(~unseen)
        filled[..., unseen] = scores[..., seen[nearest_rows(xyz[seen], xyz[unseen])]]
    return filled, n_unseen


def smooth_points(xyz: np.ndarray, scores: np.ndarray, radius: float, times: int = 1) -> np.ndarray:
    """Gaussian mean over the neighbours of every point in space, sigma = radius / 2, cut off at `radius`.

    xyz: (N, 3) finite; scores: (N,), NaN is left out of the means and stays NaN; radius in units of the cloud;
    times: how often, one after the other
    Returns (N,) float32 within the range of the scores.

    Points closer than radius / 3 are averaged first and share one mean and its gradient; each point reads the mean
    at its own place. Where points lie further apart this is the Gaussian mean itself.
    """
    smooth = np.array(scores, dtype=np.float32)
    known = np.flatnonzero(~np.isnan(smooth))
    if radius <= 0 or len(known) == 0:
        return smooth
    cell_of_point, count, centre = _cells(xyz[known], radius / 3.0)
    pairs = _pairs(count, centre, radius)
    away = xyz[known] - centre[cell_of_point]
    for _ in range(times):
        values = smooth[known]
        mean = np.bincount(cell_of_point, values) / count
        value, gradient = _gaussian_means(count, mean, *pairs, radius)
        moved = value[cell_of_point] + np.einsum("ni,ni->n", away, gradient[cell_of_point])
        smooth[known] = np.clip(moved.astype(np.float32), values.min(), values.max())
    return smooth


def _cells(xyz: np.ndarray, side: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points by cubic cells: cell of each point (N,); of C filled cells how many points (C,) and mean place (C, 3)."""
    low = xyz.min(axis=0)
    side = max(side, float(np.ptp(xyz, axis=0).max()) / MOST_CELLS)
    cell_of_point, count = np.unique(cell_keys(xyz, side), return_inverse=True, return_counts=True)[1:]
    centre = np.stack([np.bincount(cell_of_point, part) for part in (xyz - low).T], axis=1) / count[:, None] + low
    return cell_of_point, count, centre


def _pairs(
    count: np.ndarray, centre: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every cell's neighbours within the radius, P pairs in both directions.

    Returns (P,) the cell, (P,) its neighbour, (P, 3) the way there and (P,) the neighbour's weight.
    """
    tree = cKDTree(centre, balanced_tree=False, compact_nodes=False)
    one, two = tree.query_pairs(radius, output_type="ndarray").T
    to, fro = np.concatenate([one, two]), np.concatenate([two, one])
    apart = centre[fro] - centre[to]
    weight = count[fro] * np.exp(np.einsum("pi,pi->p", apart, apart) * (-2.0 / radius**2))
    return to, fro, apart, weight


def _gaussian_means(
    count: np.ndarray,
    mean: np.ndarray,
    to: np.ndarray,
    fro: np.ndarray,
    apart: np.ndarray,
    weight: np.ndarray,
    radius: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian mean of the cells' means at each cell's centre (C,), and its gradient in space (C, 3); see `_pairs`."""
    cells = len(count)
    total = count + np.bincount(to, weight, cells)
    value = (count * mean + np.bincount(to, weight * mean[fro], cells)) / total
    pull = weight * (mean[fro] - value[to]) * (4.0 / radius**2)  # of exp(-d^2 / (2 sigma^2)): d / sigma^2
    gradient = np.stack([np.bincount(to, pull * part, cells) for part in apart.T], axis=1) / total[:, None]
    return value, gradient
