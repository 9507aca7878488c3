"""Stage 1: learn to turn rendering features into the features of the coloured views (Align3D-AD, arXiv 2605.05850)."""

import zlib
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from align3d_cli.model.aligner import Aligner
from align3d_cli.training.batches import feature_pairs
from align3d_cli.training.epochs import Schedule, train_epochs
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.learner import with_adam
from align3d_cli.training.losses import alignment_loss, consistency_weights, holistic_consistency
from align3d_cli.training.run import Line, Run
from align3d_cli.training.settings import AlignSettings

LOSSES = ("loss", "cosine_global", "cosine_local")


def train_aligner(
    store: FeatureStore, names: Sequence[str], dim: int, config: AlignSettings, run: Run
) -> tuple[Aligner, list[Line]]:
    """Train an aligner of dimension D on the stored samples; resumes from the run's folder.

    Returns the aligner on the CPU and the losses of every epoch done: "loss" as minimised, and the mean cosines between
    aligned rendering and RGB features, global and local.
    """
    aligner = Aligner(dim, seed=config.seed).to(run.device)
    learner = with_adam({"aligner": aligner}, config.learning_rate, config.betas)
    schedule = Schedule(config.epochs, config.batch, config.seed, config.order == "each epoch")

    def losses_of(batch: Sequence[str], epoch: int) -> dict[str, Tensor]:
        return alignment_losses(aligner, store, batch, config, epoch, run.device)

    lines = train_epochs(learner, losses_of, LOSSES, names, schedule, run)
    return aligner.eval().cpu(), lines


def alignment_losses(
    aligner: Aligner, store: FeatureStore, names: Sequence[str], config: AlignSettings, epoch: int, device: torch.device
) -> dict[str, Tensor]:
    """The loss of stage 1 on some samples, and the mean cosines it has reached; scalars."""
    pairs = feature_pairs(store, names, device, partial(drawn_tokens, names, config, epoch))
    pooled, tokens, rgb_pooled, rgb_tokens = (
        features.flatten(0, 1)
        for features in (pairs.render_global, pairs.render_tokens, pairs.rgb_global, pairs.rgb_tokens)
    )
    weights = None
    if (form := config.form_at(epoch)) != "none":
        weights = consistency_weights(holistic_consistency(tokens, rgb_tokens), form, config.strength)
    aligned_global, aligned_tokens = aligner(pooled, tokens)
    return {
        "loss": alignment_loss(aligned_global, aligned_tokens, rgb_pooled, rgb_tokens, weights),
        "cosine_global": (aligned_global.detach() * rgb_pooled).sum(dim=-1).mean(),
        "cosine_local": (aligned_tokens.detach() * rgb_tokens).sum(dim=-1).mean(),
    }


def drawn_tokens(names: Sequence[str], config: AlignSettings, epoch: int, count: int) -> Tensor | None:
    """Rows of the `count` tokens of a view that a step learns from, None for all; the same for the same arguments."""
    if config.tokens_per_view is None or config.tokens_per_view >= count:
        return None
    step = zlib.crc32("\n".join(names).encode())
    rows = np.random.default_rng([config.seed, epoch, step]).permutation(count)[: config.tokens_per_view]
    return torch.from_numpy(np.sort(rows))


def mean_cosines(
    aligner: Aligner, store: FeatureStore, names: Sequence[str], device: torch.device, batch: int = 4
) -> dict[str, float]:
    """Mean cosine of rendering to RGB features, global and local, before and after the aligner, over all views."""
    sums = torch.zeros(4, dtype=torch.float64)
    aligner = aligner.to(device)
    with torch.inference_mode():
        for start in range(0, len(names), batch):
            group = names[start : start + batch]
            pairs = feature_pairs(store, group, device)
            after = aligner(pairs.render_global, pairs.render_tokens)
            targets = (pairs.rgb_global, pairs.rgb_tokens)
            couples = zip((pairs.render_global, pairs.render_tokens, *after), targets * 2, strict=True)
            means = torch.stack([(given * target).sum(dim=-1).mean() for given, target in couples])
            sums += means.double().cpu() * len(group)
    keys = ("global_before", "local_before", "global_after", "local_after")
    return dict(zip(keys, (sums / len(names)).tolist(), strict=True))
