"""The encoder of the default model: an EfficientNet-Lite trunk whose strides are merged to one grid of patch tokens."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from align3d_cli.encoders.encoder import Encoder, EncoderSpec
from align3d_cli.encoders.lite_trunk import VARIANTS, LiteTrunk, conv_bn, fold_batch_norms
from align3d_cli.encoders.state_files import check_shapes, fill
from align3d_cli.errors import WeightsRejected
from align3d_cli.render.settings import Style

TOKEN_STRIDES = {4: 0, 8: 1}  # pixels a token: the first of the taps that is merged
LARGEST = {"in_channels": 64, "embed_dim": 8192, "image_size": 4096, "width": 8192}  # far beyond any that was trained
IMAGENET_MEAN, IMAGENET_STD = 0.498, 0.502  # what the published Lite weights were trained with


class LiteEncoder(Encoder):
    """Trunk, top-down merge of its strides, and a projection to D-dimensional tokens at stride `token_stride`.

    The rendering tower of the default model: it reads geometry channels and is tuned by `align3d tune`.
    """

    def __init__(
        self,
        variant: str = "lite0",
        in_channels: int = 7,
        embed_dim: int = 128,
        image_size: int = 320,
        width: int = 128,
        token_stride: int = 4,
    ) -> None:
        super().__init__(
            _spec(f"align3d-{variant}", "geometry", image_size, embed_dim, token_stride, in_channels, 0.5, 0.5)
        )
        self.trunk = LiteTrunk(variant, in_channels)
        self.first_level = TOKEN_STRIDES[token_stride]
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in self.trunk.channels[self.first_level :])
        self.merge = nn.ModuleList(
            nn.Sequential(conv_bn(width, width, 5, groups=width, act=False), conv_bn(width, width))
            for _ in self.lateral
        )
        self.to_token = nn.Conv2d(width, embed_dim, 1, bias=False)
        self.to_global = nn.Linear(self.trunk.channels[-1], embed_dim, bias=False)

    def features(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, C, H, W), mean and std applied -> global (B, D), tokens (B, P, D), of any length."""
        taps = self.trunk(images)[self.first_level :]
        x = None
        for tap, lateral, merge in zip(reversed(taps), reversed(self.lateral), reversed(self.merge), strict=True):
            level = lateral(tap)
            if x is not None:
                level = level + F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = merge(level)
        return self.to_global(taps[-1].mean(dim=(2, 3))), self.to_token(x).flatten(2).transpose(1, 2)


class RgbSpace(Encoder):
    """The RGB space of stage 1: a frozen ImageNet trunk on coloured views, projected at random to D dimensions.

    Every stride's map is L2-normalised, brought to the token grid and multiplied by a fixed seeded Gaussian matrix,
    which keeps cosines (Johnson-Lindenstrauss); nothing here is ever trained.
    """

    projection: torch.Tensor

    def __init__(self, variant: str, embed_dim: int, image_size: int, token_stride: int, seed: int = 0) -> None:
        super().__init__(
            _spec(f"imagenet-{variant}", "colour", image_size, embed_dim, token_stride, 3, IMAGENET_MEAN, IMAGENET_STD)
        )
        self.trunk = LiteTrunk(variant)
        total = sum(self.trunk.channels)
        matrix = torch.randn(total, embed_dim, generator=torch.Generator().manual_seed(seed)) / embed_dim**0.5
        self.register_buffer("projection", matrix, persistent=False)

    def features(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, H, W), mean and std applied -> global (B, D), tokens (B, P, D), of any length."""
        taps = [F.normalize(tap, dim=1) for tap in self.trunk(images)]
        merged = torch.cat([F.interpolate(tap, size=self.spec.grid, mode="bilinear") for tap in taps], dim=1)
        pooled = torch.cat([tap.mean(dim=(2, 3)) for tap in taps], dim=1)
        return pooled @ self.projection, merged.flatten(2).transpose(1, 2) @ self.projection


def _spec(
    name: str, style: Style, size: int, dim: int, stride: int, channels: int, mean: float, std: float
) -> EncoderSpec:
    grid = (size // stride, size // stride)
    return EncoderSpec(name, style, size, dim, grid, False, (mean,) * channels, (std,) * channels)


def encoder_from_state(
    settings: dict[str, Any], state: dict[str, torch.Tensor], source: str | Path = "the model"
) -> LiteEncoder:
    """A LiteEncoder as a bundle stores it, folded for inference.

    settings: the constructor's own, plus "name"; source: what a message calls the file they are from
    Raises WeightsRejected for settings that are none, and for tensors of another tower.
    """
    own = {key: value for key, value in settings.items() if key != "name"}
    if faults := [key for key, value in own.items() if not _may_be(key, value)]:
        raise WeightsRejected(f"{source}: no settings of this tower: {', '.join(faults)}; give another file")
    with torch.device("meta"):  # shapes alone: settings that belong to no tensors claim no memory
        wanted = {key: value.shape for key, value in LiteEncoder(**own).state_dict().items()}
    check_shapes(wanted, state, source)
    encoder = LiteEncoder(**own)
    fill(encoder, state, source)
    fold_batch_norms(encoder).requires_grad_(False)
    return encoder


def _may_be(name: str, value: object) -> bool:
    if name == "variant":
        return isinstance(value, str) and value in VARIANTS
    if name == "token_stride":
        return type(value) is int and value in TOKEN_STRIDES
    return name in LARGEST and type(value) is int and 0 < value <= LARGEST[name]
