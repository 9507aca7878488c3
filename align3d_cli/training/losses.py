"""Losses of both stages (Align3D-AD, arXiv 2605.05850; dice and focal as AnomalyCLIP and PointAD use them).

Probabilities are channel-first with channel 0 normal and channel 1 abnormal, targets are 1 where there is a defect.
"""

import torch
from torch import Tensor
from torch.nn import functional

from align3d_cli.training.settings import Reweighting


def dice_loss(probability: Tensor, target: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - Dice overlap, per sample, then the mean over samples; scalar in [0, 1].

    probability, target: (B, ...) in [0, 1]. smooth keeps a sample without any defect finite (and its loss near 0).
    """
    probability = _wide(probability).flatten(1)
    target = target.flatten(1).to(probability.dtype)
    overlap = (probability * target).sum(dim=1)
    total = probability.sum(dim=1) + target.sum(dim=1)
    return (1 - (2 * overlap + smooth) / (total + smooth)).mean()


def focal_loss(probability: Tensor, target: Tensor, gamma: float = 2.0, smooth: float = 1e-5) -> Tensor:
    """Focal loss of Lin et al. (2017) on probabilities with smoothed targets; mean over all pixels, scalar.

    probability: (B, 2, ...) in [0, 1]; target: (B, ...) or (B, 1, ...) in {0, 1}. The one-hot target is clamped to
    [smooth, 1 - smooth] and smooth is added to the probability of the true class.
    """
    if target.ndim == probability.ndim:
        target = target.squeeze(1)
    probability = _wide(probability)
    target = target.to(probability.dtype)
    hot = torch.stack([1 - target, target], dim=1).clamp(smooth, 1 - smooth)
    true_class = (hot * probability).sum(dim=1) + smooth
    return (-((1 - true_class) ** gamma) * true_class.log()).mean()


def _wide(probability: Tensor) -> Tensor:
    """Half precision as float32: sums over a view's pixels pass 65504, and 1e-5 beside 1 is nothing there."""
    return probability.to(torch.promote_types(probability.dtype, torch.float32))


def map_loss(maps: Tensor, masks: Tensor) -> Tensor:
    """Focal + Dice(abnormal) + Dice(normal) of view maps against masks by the same cameras; scalar.

    maps: (B, 2, H, W) in [0, 1]; masks: (B, H, W) or (B, 1, H, W) in {0, 1}.
    """
    masks = masks.reshape(maps.shape[0], *maps.shape[2:]).to(maps.dtype)
    return focal_loss(maps, masks) + dice_loss(maps[:, 1], masks) + dice_loss(maps[:, 0], 1 - masks)


def holistic_consistency(render_tokens: Tensor, rgb_tokens: Tensor) -> Tensor:
    """Mean cosine of every rendering token to all RGB tokens of its view: 2 x (..., T, D) unit length -> (..., T)."""
    mean_rgb = rgb_tokens.mean(dim=-2, keepdim=True)  # the mean of the cosines is the cosine with the mean vector
    return (render_tokens * mean_rgb).sum(dim=-1)


def consistency_weights(consistency: Tensor, form: Reweighting, strength: float = 1.0) -> Tensor:
    """Weight of every token in the alignment loss: consistency (..., T) in [-1, 1] -> (..., T), at least 1.

    published:   1 + strength * sigmoid(s), the formula of the paper (more weight where the modalities agree)
    discrepancy: 1 + strength * (1 - s) / 2, what its text speaks of (more weight where they differ)
    none:        1
    """
    if form == "none":
        return torch.ones_like(consistency)
    if form == "published":
        return 1 + strength * torch.sigmoid(consistency)
    return 1 + strength * (1 - consistency) / 2


def alignment_loss(
    aligned_global: Tensor,
    aligned_tokens: Tensor,
    rgb_global: Tensor,
    rgb_tokens: Tensor,
    weights: Tensor | None = None,
) -> Tensor:
    """Stage 1: mean (1 - cos) of the global features + mean weighted (1 - cos) of the tokens; scalar.

    globals (B, D), tokens (B, T, D), the class row included; weights (B, T) from `consistency_weights`, None = 1.
    """
    whole = 1 - functional.cosine_similarity(aligned_global, rgb_global, dim=-1)
    local = 1 - functional.cosine_similarity(aligned_tokens, rgb_tokens, dim=-1)
    if weights is not None:
        local = local * weights
    return whole.mean() + local.mean()


def contrastive_loss(text: Tensor, other_text: Tensor) -> Tensor:
    """Dual-prompt contrastive alignment: pull a class to itself in the other branch, away from its opposite here.

    text (2, D) of this branch, other_text (2, D) of the other one (no gradient flows into it), both of unit length.
    Per class a two-way cross-entropy over the cosines, then the mean of both classes; scalar.
    """
    positive = (text * other_text.detach()).sum(dim=-1)
    negative = (text * text.flip(0)).sum(dim=-1)
    return functional.softplus(negative - positive).mean()
