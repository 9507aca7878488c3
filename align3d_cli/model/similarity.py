"""From features and the two text vectors to anomaly probabilities (AnomalyCLIP, PointAD).

Everywhere: text (2, D) of unit length, row 0 normal, row 1 abnormal; channel 0 normal, channel 1 abnormal.
"""

import torch
from torch import Tensor
from torch.nn import functional

from align3d_cli.model.settings import TEMPERATURE


def view_logits(pooled: Tensor, text: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Cosine over temperature of each view with both prompts: pooled (..., D) of unit length -> (..., 2) logits.

    Half-precision features, as stores keep them, are compared in the precision of the text vectors, float32 at least.
    """
    wide = torch.promote_types(torch.promote_types(pooled.dtype, text.dtype), torch.float32)
    return pooled.to(wide) @ text.to(wide).T / temperature


def patch_probabilities(tokens: Tensor, text: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Two-way softmax over (normal, abnormal) of every token: (..., T, D) of unit length -> (..., T, 2) in [0, 1]."""
    return view_logits(tokens, text, temperature).softmax(dim=-1)


def view_maps(probabilities: Tensor, grid: tuple[int, int], size: int | tuple[int, int], class_token: bool) -> Tensor:
    """Patch probabilities as maps: (B, T, K) -> (B, K, H, W), bilinear with align_corners off, the class row dropped.

    grid: (rows, columns) of the patches; size: H = W, or (H, W) in pixels.
    """
    rows, columns = grid
    patches = probabilities[:, int(class_token) :]
    if patches.shape[1] != rows * columns:
        raise ValueError(f"{patches.shape[1]} patch tokens do not fill a grid of {rows} x {columns}")
    maps = patches.transpose(1, 2).reshape(-1, patches.shape[2], rows, columns)
    size = (size, size) if isinstance(size, int) else size
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def average_views(values: Tensor, n_samples: int, *, per_sample: bool = True) -> Tensor:
    """Mean over the views of each sample: (S * V, ...) sample-major -> (S, ...).

    per_sample=False is the published code's form, which splits the sample-major rows as if they were view-major and
    so mixes views of different samples as soon as S > 1; kept only to reproduce published runs.
    """
    if n_samples < 1 or values.shape[0] % n_samples:
        raise ValueError(f"{values.shape[0]} views do not divide into {n_samples} samples")
    rest = values.shape[1:]
    if per_sample:
        return values.reshape(n_samples, -1, *rest).mean(dim=1)
    return values.reshape(-1, n_samples, *rest).mean(dim=0)


def view_probability(pooled: Tensor, text: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Probability that each view shows the anomaly: pooled (..., D) of unit length -> (...,) in [0, 1]."""
    return torch.softmax(view_logits(pooled, text, temperature), dim=-1)[..., 1]
