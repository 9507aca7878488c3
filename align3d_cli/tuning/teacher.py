"""What a tuned tower knows already, kept while it learns what it does not (distillation, arXiv 1503.02531)."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from align3d_cli.model.bundle import Bundle
from align3d_cli.model.parts import bundle_encoder
from align3d_cli.model.similarity import patch_probabilities
from align3d_cli.render.geometry import mirrored


class Teacher:
    """A frozen model that reads every view without its added noise, and in mirror.

    What it says there is what a student shall say of the noisy view: noise is no defect, and neither is a turn.
    """

    def __init__(self, bundle: Bundle, size_px: int, device: str = "cpu") -> None:
        """size_px: side of the images it will read, a multiple of 32."""
        self.encoder = bundle_encoder(replace(bundle, encoder=bundle.encoder | {"image_size": size_px}), device)
        self.text = bundle.tensors["text.rendering"].float().to(device)
        self.temperature = bundle.scoring.temperature

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """(B, C, S, S) geometry channels -> (B, P) probability of a defect in each token, in the images' own order."""
        _, tokens = self.encoder(mirrored(images).contiguous(memory_format=torch.channels_last))
        found = patch_probabilities(tokens, self.text, self.temperature)[..., 1]
        return found.unflatten(1, self.encoder.spec.grid).flip(-1).flatten(1)


def divergence(logits: Tensor, taught: Tensor, weight: Tensor) -> Tensor:
    """Mean Kullback-Leibler divergence of Bernoulli variables from the teacher's, 0 where both agree.

    logits: (B, P) of the student; taught: (B, P) probabilities in [0, 1]; weight: (B, P) of each token, >= 0
    """
    entropy = F.binary_cross_entropy(taught, taught, reduction="none")
    cross = F.binary_cross_entropy_with_logits(logits, taught, reduction="none")
    return ((cross - entropy) * weight).sum() / weight.sum().clamp(min=1)
