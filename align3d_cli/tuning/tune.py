"""Tune the rendering tower of the default model on generated scans, before the paper's two stages.

An ImageNet trunk has never seen geometry channels, so it is tuned once, together with two prompt vectors, on an endless
stream of procedural parts and real scans with injected defects. What limits it is the variety of normal shapes, so
scans are made while it trains: a pool of views is renewed from a seeded stream at a fixed rate per step. Relief and
normals are computed from pooled depth on the training device, which makes every augmentation geometrically true.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional as F

from align3d_cli.encoders.lite import LiteEncoder
from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.helpers.files import write_tensors
from align3d_cli.model.prompts import VectorPrompts
from align3d_cli.model.similarity import patch_probabilities
from align3d_cli.render.geometry import CHANNELS, relief_channels
from align3d_cli.tuning.ranking import ranking_loss, scan_scores
from align3d_cli.tuning.teacher import Teacher, divergence
from align3d_cli.tuning.tune_data import (
    BACKGROUND,
    DEFECT,
    Batch,
    SampleViews,
    ViewPool,
    add_noise,
    crop_views,
    inside_out,
    turn_views,
)

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


class Tuner:
    """The tower, its prompts, their running average and the optimiser; `save` and `restore` make a run resumable.

    An encoder for smaller images than the pool's views reads parts of them.
    """

    def __init__(
        self,
        encoder: LiteEncoder,
        prompts: VectorPrompts,
        config: TuneConfig,
        device: str = "cpu",
        origin: dict[str, Any] | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        """origin: what else decides the result, in JSON's terms: what it starts from and learns from.

        teacher: reads what the encoder reads, at its size
        """
        self.encoder = encoder.to(device, memory_format=torch.channels_last).train()
        self.prompts = prompts.to(device)
        self.config, self.device, self.teacher = config, device, teacher
        self.settings = asdict(config) | (origin or {})
        self.frozen = encoder.trunk.first_stages(config.frozen_stages)
        for module in self.frozen:
            module.requires_grad_(False).eval()
        if config.frozen_norms:
            for module in encoder.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.eval()
        self.parameters = [p for p in (*encoder.parameters(), *prompts.parameters()) if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self.parameters, weight_decay=config.weight_decay)
        self.average = {key: value.clone() for key, value in self.tensors().items()}
        self.generator = torch.Generator().manual_seed(config.seed)
        self.step = 0

    def tensors(self) -> dict[str, Tensor]:
        """The weights as a bundle names them: "encoder.*" and "text.rendering"."""
        encoder = {f"encoder.{key}": value.detach() for key, value in self.encoder.state_dict().items()}
        return encoder | {"text.rendering": self.prompts.vectors.detach()}

    def train_step(self, pool: ViewPool) -> dict[str, Tensor]:
        """One optimiser step on one batch of the pool; returns the terms of the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.config)
        images, clean, batch = self._batch(pool)
        with torch.autocast(self.device.split(":")[0], dtype=torch.bfloat16):
            pooled, tokens = self.encoder(images.contiguous(memory_format=torch.channels_last))
            taught = self.teacher.probabilities(clean) if self.teacher else None
        text, grid = self.prompts(), self.encoder.spec.grid
        terms = tune_loss(tokens, pooled, text, batch.target, grid, self.config, taught)
        if self.config.rank_weight:
            found = patch_probabilities(tokens, text, self.config.temperature)[..., 1]
            views = self.config.views_per_sample
            scores = scan_scores(found, images, batch.pixel, grid, views)
            defective = defect_px(batch.target).unflatten(0, (-1, views)).sum(1) >= SHOWN_PX
            terms["rank"] = self.config.rank_weight * ranking_loss(scores, defective)
        self.optimiser.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimiser.step()
        self._update_average()
        self.step += 1
        return {name: value.detach() for name, value in terms.items()}

    def _batch(self, pool: ViewPool) -> tuple[Tensor, Tensor, Batch]:
        """Channels with added noise and, for a teacher, without: (B, C, S, S) each; what they were made of."""
        config = self.config
        drawn = pool.draw(config.batch, self.generator, config.views_per_sample if config.rank_weight else 1)
        batch = turn_views(drawn, self.generator)
        depth, surface = inside_out(batch.depth.nan_to_num(), self.generator), batch.target > BACKGROUND
        images = relief_channels(add_noise(depth, self.generator, config.wave_share), surface)
        if self.teacher:
            images = torch.cat([images, relief_channels(depth, surface)], dim=1)
        if images.shape[-1] > self.encoder.spec.image_size:
            images, target = crop_views(images, batch.target, self.encoder.spec.image_size, self.generator)
            batch = replace(batch, target=target)
        return images[:, :CHANNELS], images[:, CHANNELS:], batch

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        mine = self.tensors()
        floats = [key for key, value in self.average.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.average[k] for k in floats], [mine[k] for k in floats], 1 - decay)
        for key in self.average.keys() - set(floats):
            self.average[key].copy_(mine[key])

    def save(self, path: Path) -> None:
        """Write everything that the next step depends on; the file appears whole or the old one stays."""
        tensors = {f"model.{key}": value for key, value in self.tensors().items()}
        tensors |= {f"average.{key}": value for key, value in self.average.items()}
        for row, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{row}.{key}": value for key, value in state.items()}
        tensors["generator"] = self.generator.get_state()
        facts = {"step": self.step, "settings": self.settings}
        write_tensors(path, tensors, {"run": json.dumps(facts)})

    def restore(self, path: Path) -> None:
        """Go on where `save` stood. Raises InputRejected when that run had other settings."""
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["run"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - a file handle, not a dict
        there = facts.get("settings", {})
        if changed := sorted(key for key in self.settings | there if self.settings.get(key) != there.get(key)):
            finding = f"belongs to a run with other settings ({', '.join(changed)})"
            raise InputRejected(f"{path}: {finding}; give another --out, or --force to begin anew")
        self.load(_below(tensors, "model"))
        self.average = {key: value.to(self.device) for key, value in _below(tensors, "average").items()}
        packed = self.optimiser.state_dict()
        packed["state"] = {row: _below(tensors, f"optimiser.{row}") for row in range(len(self.parameters))}
        if self.step or facts["step"]:
            self.optimiser.load_state_dict(packed)
        self.generator.set_state(tensors["generator"])
        self.step = facts["step"]

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take weights named as in `tensors`."""
        self.encoder.load_state_dict(_below(tensors, "encoder"))
        with torch.no_grad():
            self.prompts.vectors.copy_(tensors["text.rendering"])


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) + 1 :]: value for key, value in tensors.items() if key.startswith(prefix + ".")}


def run(tuner: Tuner, pool: ViewPool, scans: Iterator[SampleViews], until: Callable[[Tuner], bool]) -> Iterator[dict]:
    """Train until `until` says so or the steps are done, taking new scans at the configured rate; yields every loss."""
    config = tuner.config
    while tuner.step < config.steps and not until(tuner):
        while pool.added < config.views_per_sample * scans_by(tuner.step, config):
            pool.add(next(scans))
        yield tuner.train_step(pool)


def scans_by(step: int, config: TuneConfig) -> int:
    """Scans that must have entered the pool before a step."""
    return config.warm_samples + int(step * config.samples_per_step)


def learning_rate(step: int, config: TuneConfig) -> float:
    """Linear warm-up over 200 steps, then half a cosine down to a hundredth."""
    warm = min(1.0, (step + 1) / 200)
    return config.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / config.steps)))
