"""Whole scans in order: a damaged one above a good one, by the object score they will be judged by."""

import torch
from torch import Tensor
from torch.nn import functional as F

from align3d_cli.render.geometry import NORMAL_Z
from align3d_cli.render.lift import incidence_weights

TOP_SHARE = 0.003  # of a scan's points, whose mean is its score: of a tuned model, and while it is tuned
SURE = 1e-4  # probabilities beyond it are worth no more


def scan_scores(probability: Tensor, images: Tensor, pixel: Tensor, grid: tuple[int, int], views: int) -> Tensor:
    """The object score of every scan of a batch: (B / views,) in [0, 1], differentiable in the probabilities.

    probability: (B, P) of a defect in each token; images: (B, 7, S, S) geometry channels; pixel: (B, K) int, where each
    view shows the K points of its scan, -1 where it does not; grid: tokens by rows and columns; the `views` views of a
    scan follow one another
    """
    side, at = images.shape[-1], pixel.clamp(min=0).long()
    weight = torch.where(pixel < 0, 0.0, incidence_weights(images[:, NORMAL_Z], pixel)).unflatten(0, (-1, views))
    token = at // side * grid[0] // side * grid[1] + at % side * grid[1] // side
    found = probability.gather(1, token).unflatten(0, (-1, views))
    points = (found * weight).sum(1) / weight.sum(1).clamp(min=1e-6)
    return points.topk(max(1, round(TOP_SHARE * points.shape[1])), dim=1).values.mean(1)


def ranking_loss(scores: Tensor, defective: Tensor) -> Tensor:
    """Mean logistic loss over all pairs of a defective and a good scan, 0 where there is none (RankNet).

    scores: (N,) in [0, 1], compared as logits; defective: (N,) bool
    """
    level = torch.logit(scores.float(), eps=SURE)
    pair = defective[:, None] & ~defective
    loss = F.softplus(level[None] - level[:, None])
    return (loss * pair).sum() / pair.sum().clamp(min=1)
