"""The cross-modal aligner of Align3D-AD (arXiv 2605.05850, stage 1): rendering features -> RGB feature space."""

import torch
from torch import Tensor, nn

from align3d_cli.encoders.encoder import unit


class AlignMLP(nn.Module):
    """Three linear layers D-D-D-D with GELU between them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.input = nn.Linear(dim, dim)
        self.projection = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, features: Tensor) -> Tensor:
        """features (..., D) -> (..., D), of any length."""
        hidden = nn.functional.gelu(self.input(features))
        return self.output(nn.functional.gelu(self.projection(hidden)))


class Aligner(nn.Module):
    """Two independent MLPs, one for global features and one for tokens. State keys as the released checkpoints."""

    def __init__(self, dim: int, seed: int | None = None) -> None:
        """dim: D of the features. seed: of the initial weights, None leaves torch's own generator in charge."""
        super().__init__()
        with torch.random.fork_rng(devices=[], enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            self.global_mlp = AlignMLP(dim)
            self.local_mlp = AlignMLP(dim)

    @property
    def dim(self) -> int:
        """D of the features it reads and gives."""
        return self.global_mlp.input.in_features

    def forward(self, pooled: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """pooled (..., D), tokens (..., T, D) of the rendering, of unit length -> the same shapes, of unit length."""
        return unit(self.global_mlp(pooled)), unit(self.local_mlp(tokens))
