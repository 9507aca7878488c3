"""How the rendering tower of the default model is tuned on generated scans, before the paper's two stages.

An ImageNet trunk has never seen geometry channels, so it is tuned once, together with two prompt vectors, on an endless
stream of procedural parts and real scans with injected defects. What limits it is the variety of normal shapes, so
scans are made while it trains: a pool of views is renewed from a seeded stream at a fixed rate per step. Relief and
normals are computed from pooled depth on the training device, which makes every augmentation geometrically true.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from align3d_cli.errors import UsageError
from align3d_cli.tuning.teacher import divergence
from align3d_cli.tuning.tune_data import BACKGROUND, DEFECT

SHOWN_PX = 12  # of a defect, from which on a view or a scan counts as defective


@dataclass(frozen=True, slots=True)
class TuneConfig:
    """Settings of a run.

    steps, batch:      optimiser steps, views a step
    samples_per_step:  new scans that enter the pool a step; warm_samples: before the first step
    views_per_sample:  of each scan; pool_views: how many are kept to draw batches from
    focal_gamma:       arXiv 1708.02002; ema_decay: of the average of the weights that is kept as the model
    wave_share:        share of the views of a step that get noise of a stereo camera, or of rough ground
    crop_px:           side of the part of a view that a step reads, half of them centred on a defect where there
                       is one, the rest anywhere on the surface; None reads all
    frozen_stages:     first stages of the trunk, and its stem, that stay as they are; 0 tunes everything
    teacher_weight:    of the divergence from a teacher, where there is one
    rank_weight:       of the order of whole scans by their object score; above 0 a step reads all views of each of its
                       scans
    frozen_norms:      batch norms keep the means and variances they begin with: for small batches, and so that runs
                       from one start can be averaged
    """

    steps: int = 6000
    batch: int = 96
    samples_per_step: float = 2.0
    views_per_sample: int = 9
    pool_views: int = 30_000
    warm_samples: int = 400
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    temperature: float = 0.07
    focal_gamma: float = 2.0
    view_loss_weight: float = 0.6
    ema_decay: float = 0.998
    wave_share: float = 0.3
    crop_px: int | None = None
    frozen_stages: int = 0
    frozen_norms: bool = False
    teacher_weight: float = 10.0
    rank_weight: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.warm_samples < 1 or self.pool_views < self.views_per_sample:
            raise UsageError(f"a step needs views: --warm-samples 1 and --pool-views {self.views_per_sample} at least")
        if self.crop_px is not None and (self.crop_px < 32 or self.crop_px % 32):
            raise UsageError(f"--crop {self.crop_px} is not a multiple of 32; the trunk halves a view five times")
        if self.rank_weight and (self.crop_px is not None or self.batch < 2 * self.views_per_sample):
            need = f"--batch {2 * self.views_per_sample} at least, and no --crop"
            raise UsageError(f"--rank-weight compares whole scans: give {need}")


def defect_px(target: Tensor) -> Tensor:
    """(B, S, S) -> (B,) how many pixels of each view show a defect."""
    return (target == DEFECT).flatten(1).sum(1)


def token_targets(target: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Share of defect in each token's surface, and of that surface in the token: (B, P) in [0, 1] each."""
    surface = F.adaptive_avg_pool2d((target > BACKGROUND).float()[:, None], grid).flatten(1)
    defect = F.adaptive_avg_pool2d((target == DEFECT).float()[:, None], grid).flatten(1)
    return defect / surface.clamp(min=1e-6), surface


def tune_loss(
    tokens: Tensor,
    pooled: Tensor,
    text: Tensor,
    target: Tensor,
    grid: tuple[int, int],
    config: TuneConfig,
    taught: Tensor | None = None,
) -> dict[str, Tensor]:
    """Focal and Dice on the tokens, and cross-entropy on each view's strongest tokens and on its global feature.

    tokens (B, P, D), pooled (B, D), text (2, D), all of unit length; target (B, S, S) uint8; taught (B, P): what a
    teacher says of the tokens, in [0, 1], adds the divergence from it
    """
    share, surface = token_targets(target, grid)
    weight = (surface > 0.05).float()
    axis = (text[1] - text[0]) / config.temperature
    logits = tokens @ axis
    probability = torch.sigmoid(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, share, reduction="none")
    focal = ((share - probability).abs() ** config.focal_gamma * entropy * weight).sum() / weight.sum().clamp(min=1)
    overlap = (probability * share * weight).sum(1)
    dice = 1 - (2 * overlap + 1) / ((probability * weight).sum(1) + (share * weight).sum(1) + 1)
    shows = (defect_px(target) >= SHOWN_PX).float()
    count = max(1, tokens.shape[1] // 400)
    strongest = logits.masked_fill(weight == 0, -30.0).topk(count, dim=1).values.mean(1)
    view = F.binary_cross_entropy_with_logits(strongest * 0.5, shows)
    view_global = F.binary_cross_entropy_with_logits(pooled @ axis, shows)
    terms = {"focal": 10 * focal, "dice": dice.mean(), "view": config.view_loss_weight * (view + 0.3 * view_global)}
    if taught is not None:
        terms["teacher"] = config.teacher_weight * divergence(logits, taught, weight)
    return terms


def scans_by(step: int, config: TuneConfig) -> int:
    """Scans that must have entered the pool before a step."""
    return config.warm_samples + int(step * config.samples_per_step)


def learning_rate(step: int, config: TuneConfig) -> float:
    """Linear warm-up over 200 steps, then half a cosine down to a hundredth."""
    warm = min(1.0, (step + 1) / 200)
    return config.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / config.steps)))
