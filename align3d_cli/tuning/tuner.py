"""The tower under tuning: one step on a batch of the pool, and what the next step depends on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from align3d_cli.encoders.lite import LiteEncoder
from align3d_cli.model.bundle import below
from align3d_cli.model.prompts import VectorPrompts
from align3d_cli.model.similarity import patch_probabilities
from align3d_cli.render.geometry import CHANNELS, relief_channels
from align3d_cli.tuning.ranking import ranking_loss, scan_scores
from align3d_cli.tuning.teacher import Teacher
from align3d_cli.tuning.tune import SHOWN_PX, TuneConfig, defect_px, learning_rate, tune_loss
from align3d_cli.tuning.tune_data import (
    BACKGROUND,
    Batch,
    ViewPool,
    add_noise,
    crop_views,
    inside_out,
    turn_views,
)


class Tuner:
    """The tower, its prompts, their running average and the optimiser.

    An encoder for smaller images than the pool's views reads parts of them.
    """

    def __init__(
        self,
        encoder: LiteEncoder,
        prompts: VectorPrompts,
        config: TuneConfig,
        device: str = "cpu",
        teacher: Teacher | None = None,
    ) -> None:
        """teacher: reads what the encoder reads, at its size."""
        encoder.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch forgot to type it
        self.encoder = encoder.train()
        self.prompts = prompts.to(device)
        self.config, self.device, self.teacher = config, device, teacher
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
        sum(terms.values(), start=torch.zeros(())).backward()
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

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, beside the pool."""
        return {
            "step": self.step,
            "model": self.tensors(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to where `state` was taken."""
        self.load(state["model"])
        self.average = {key: value.to(self.device) for key, value in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        self.step = state["step"]

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take weights named as in `tensors`."""
        self.encoder.load_state_dict(below(tensors, "encoder"))
        with torch.no_grad():
            self.prompts.vectors.copy_(tensors["text.rendering"])
