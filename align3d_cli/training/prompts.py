"""Stage 2: two prompt learners on frozen features, one a branch (Align3D-AD, arXiv 2605.05850; one branch: PointAD).

The encoder and the aligner are frozen and do not run here: batches come from the feature store, and the only gradients
are those of the two text vectors a branch.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from align3d_cli.encoders.encoder import EncoderSpec
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.similarity import average_views, patch_probabilities, view_logits, view_maps
from align3d_cli.training.batches import LabelledViews, labelled_views
from align3d_cli.training.epochs import Schedule, train_epochs
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.learner import with_adam
from align3d_cli.training.losses import contrastive_loss, dice_loss, map_loss
from align3d_cli.training.run import Line, Run
from align3d_cli.training.settings import PromptSettings

PARTS = ("points", "maps", "object", "views", "contrastive")


@dataclass(frozen=True, slots=True)
class Branches:
    """What is trained: prompts by branch, "rendering" and, with an aligner, "rgb"; but for the `frozen` ones."""

    spec: EncoderSpec
    prompts: dict[str, nn.Module]
    aligner: Aligner | None = None
    frozen: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        expected = {"rendering", "rgb"} if self.aligner else {"rendering"}
        if set(self.prompts) != expected:
            raise ValueError(f"prompts for {sorted(self.prompts)}, expected {sorted(expected)}")

    @property
    def trained(self) -> tuple[str, ...]:
        """Names of the branches that learn."""
        return tuple(sorted(set(self.prompts) - self.frozen))

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the losses, the minimised sum first."""
        kinds = PARTS if self.aligner else PARTS[:-1]
        return ("loss", *(f"{branch}_{kind}" for branch in self.trained for kind in kinds))

    def features(self, batch: LabelledViews) -> dict[str, tuple[Tensor, Tensor]]:
        """As `branch_features`."""
        return branch_features(batch, self.aligner)


def branch_features(batch: LabelledViews, aligner: Aligner | None) -> dict[str, tuple[Tensor, Tensor]]:
    """Global (B, V, D) and tokens (B, V, T, D) as each branch reads them; without an aligner, the rendering one."""
    given = {"rendering": (batch.render_global, batch.render_tokens)}
    if aligner:
        with torch.no_grad():
            given["rgb"] = aligner(batch.render_global, batch.render_tokens)
    return given


def train_prompts(
    store: FeatureStore,
    names: Sequence[str],
    branches: Branches,
    config: PromptSettings,
    run: Run,
    rating_of: Callable[[dict[str, Tensor]], float] | None = None,
) -> tuple[dict[str, Tensor], list[Line]]:
    """Train the prompts of every branch on the stored samples; resumes from the run's folder.

    rating_of: how good the text vectors (2, D) by branch are, for `config.keep_best`, higher is better
    Returns the text vectors (2, D) of each branch, on the CPU, and the losses of every epoch done.
    """
    if branches.aligner:
        branches.aligner.requires_grad_(False).eval().to(run.device)
    modules = {name: module.to(run.device) for name, module in sorted(branches.prompts.items())}
    learner = with_adam({name: modules[name] for name in branches.trained}, config.learning_rate, config.betas)
    schedule = Schedule(config.epochs, config.batch, config.seed)

    def losses_of(batch_names: Sequence[str], epoch: int) -> dict[str, Tensor]:
        fill = config.point_loss == "all pixels"
        batch = labelled_views(store, batch_names, config.map_px, run.device, fill=fill)
        return prompt_losses(branches, batch, config, contrast=config.contrasts_at(epoch))

    def text() -> dict[str, Tensor]:
        with torch.no_grad():
            return {name: module().float().cpu() for name, module in modules.items()}

    rated = (lambda: rating_of(text())) if config.keep_best and rating_of else None
    lines = train_epochs(learner, losses_of, branches.parts, names, schedule, run, rated)
    learner.return_to_best()
    return text(), lines


def prompt_losses(
    branches: Branches, batch: LabelledViews, config: PromptSettings, *, contrast: bool
) -> dict[str, Tensor]:
    """All losses of stage 2 on one batch, by name; "loss" is their sum, the contrastive parts times alpha."""
    text = {name: module() for name, module in sorted(branches.prompts.items())}
    losses = {}
    features = branches.features(batch)
    for name in branches.trained:
        for kind, value in branch_losses(*features[name], text[name], batch, branches.spec, config).items():
            losses[f"{name}_{kind}"] = value
    total = torch.stack(list(losses.values())).sum()
    for name in branches.trained if branches.aligner else ():
        other = "rgb" if name == "rendering" else "rendering"
        value = contrastive_loss(text[name], text[other])
        losses[f"{name}_contrastive"] = value
        total = total + config.alpha * value if contrast else total
    return {"loss": total, **losses}


def branch_losses(
    pooled: Tensor, tokens: Tensor, text: Tensor, batch: LabelledViews, spec: EncoderSpec, config: PromptSettings
) -> dict[str, Tensor]:
    """The four losses of one branch. pooled: (B, V, D), tokens: (B, V, T, D), text: (2, D), all of unit length.

    points: `point_loss` of the point map lifted from the views
    maps:   Focal + Dice(abnormal) + Dice(normal) of every view's map against its mask
    object: cross-entropy of the view-averaged logits, the one place where `view_average` can mix samples
    views: cross-entropy of each view's own logits
    """
    n_samples, per_sample = len(pooled), config.view_average == "sample"
    probabilities = patch_probabilities(tokens.flatten(0, 1), text, config.temperature)
    maps = view_maps(probabilities, spec.grid, batch.masks.shape[-1], spec.class_token)
    logits = view_logits(pooled.flatten(0, 1), text, config.temperature)
    points, seen = lifted(maps, batch.pixel_of_point, batch.visible)
    return {
        "points": point_loss(points, seen, batch.defect, config),
        "maps": map_loss(maps, batch.masks.flatten(0, 1)),
        "object": functional.cross_entropy(average_views(logits, n_samples, per_sample=per_sample), batch.labels),
        "views": functional.cross_entropy(logits, batch.view_labels.flatten()),
    }


def point_loss(points: Tensor, seen: Tensor, defect: Tensor, config: PromptSettings) -> Tensor:
    """Dice(abnormal) + Dice(normal) of point maps, per sample; scalar.

    points: (B, 2, M) in [0, 1], 0 where nothing is seen; seen, defect: (B, M) in {0, 1}
    With all pixels, as published, M counts the background too: 0 in both maps, 1 in the target of the normal one.
    """
    counted = seen if config.point_loss == "seen points" else torch.ones_like(seen)
    rows = math.isqrt(points.shape[2]) if config.single_scan == "rows" and len(points) == 1 else len(points)
    pairs = (points[:, 1] * counted, defect * counted), (points[:, 0] * counted, (1 - defect) * counted)
    abnormal, normal = (dice_loss(found.reshape(rows, -1), target.reshape(rows, -1)) for found, target in pairs)
    return abnormal + normal


def lifted(maps: Tensor, pixel_of_point: Tensor, visible: Tensor, *, per_sample: bool = True) -> tuple[Tensor, Tensor]:
    """Mean probability of every point over the views that see it, with a gradient.

    maps: (B * V, 2, H, W) sample-major; pixel_of_point: (B, V, M) int64; visible: (B, V, M) bool
    Returns (B, 2, M), 0 where no view sees the point, and (B, M) float in {0, 1}, whether any does.
    per_sample: of no effect; point maps are each sample's own also where the object logits are mixed, as published.
    """
    n_samples = len(visible)
    pixels = pixel_of_point.flatten(0, 1)[:, None].expand(-1, 2, -1)
    weights = visible.flatten(0, 1)[:, None].to(maps.dtype)
    values = maps.flatten(2).gather(2, pixels) * weights
    share = average_views(weights, n_samples)
    mean = average_views(values, n_samples) / share.clamp(min=1e-6)
    return mean, (share[:, 0] > 0).to(maps.dtype)
