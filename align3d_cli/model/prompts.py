"""The two text vectors a branch compares its features with: learned through a text tower, learned directly, or fixed.

All prompts answer `forward() -> (2, D)` of unit length, row 0 normal, row 1 abnormal.
"""

import torch
from torch import Tensor, nn

from align3d_cli.model.encoder import unit


class VectorPrompts(nn.Module):
    """Two vectors learned directly in the joint space, for encoders that have no text tower."""

    def __init__(self, dim: int, init: Tensor | None = None, seed: int = 0) -> None:
        """dim: D. init: (2, D) to start from, e.g. class means; else a normal draw from `seed`."""
        super().__init__()
        if init is None:
            init = torch.randn(2, dim, generator=torch.Generator().manual_seed(seed))
        if init.shape != (2, dim):
            raise ValueError(f"init must be (2, {dim}), got {tuple(init.shape)}")
        self.vectors = nn.Parameter(unit(init.detach().float().clone()))

    def forward(self) -> Tensor:
        """(2, D) of unit length, row 0 normal, row 1 abnormal."""
        return unit(self.vectors)
