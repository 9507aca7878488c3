"""The encoder of the default model: an EfficientNet-Lite trunk whose strides are merged to one grid of patch tokens.

EfficientNet-Lite: Tan and Le, arXiv 1905.11946, in the Lite form (no squeeze-excitation, ReLU6, fixed stem and head).
Written out here because scoring must start without timm and torchvision, which take seconds to import.
"""

from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from align3d_cli.encoders.encoder import Encoder, EncoderSpec
from align3d_cli.encoders.state_files import check_shapes, fill
from align3d_cli.errors import WeightsRejected
from align3d_cli.helpers.manifest import require_stated

# (kernel, stride, expansion, channels, repeats) of each stage, as published; width and depth multipliers by variant.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
VARIANTS = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
TOKEN_STRIDES = {4: 0, 8: 1}  # pixels a token: the first of the taps that is merged
LARGEST = {"in_channels": 64, "embed_dim": 8192, "image_size": 4096, "width": 8192}  # far beyond any that was trained
TAPS = (1, 2, 4, 6)  # stages whose output closes a stride of 4, 8, 16 and 32 pixels
IMAGENET_MEAN, IMAGENET_STD = 0.498, 0.502  # what the published Lite weights were trained with


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's `same` padding: the odd pixel goes to the right and the bottom.

    For an odd pixel the kernel gets a leading row or column of zeros, and both sides one padding: the same sums, while
    padding the images themselves would copy each of them.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        height, width = (max((ceil(side / stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:])
        weight = F.pad(self.weight, (width % 2, 0, height % 2, 0)) if width % 2 or height % 2 else self.weight
        return F.conv2d(x, weight, self.bias, self.stride, (ceil(height / 2), ceil(width / 2)), 1, self.groups)


def conv_bn(
    c_in: int, c_out: int, kernel: int = 1, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    """Convolution, batch norm with the constants of the published weights, ReLU6 unless `act` is False."""
    layers = [
        SameConv(c_in, c_out, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.01),
    ]
    return nn.Sequential(*layers, nn.ReLU6(inplace=True)) if act else nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Expand, depthwise, project; a skip where the shape allows (MobileNetV2, arXiv 1801.04381)."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = c_in * expansion
        self.skip = stride == 1 and c_in == c_out
        expand = [conv_bn(c_in, hidden)] if expansion > 1 else []
        depthwise = conv_bn(hidden, hidden, kernel, stride, groups=hidden)
        self.body = nn.Sequential(*expand, depthwise, conv_bn(hidden, c_out, act=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.skip else self.body(x)


class LiteTrunk(nn.Module):
    """EfficientNet-Lite without its head. forward: (B, C, H, W) -> four maps at strides 4, 8, 16, 32."""

    def __init__(self, variant: str = "lite0", in_channels: int = 3) -> None:
        super().__init__()
        width, depth = VARIANTS[variant]
        self.stem = conv_bn(in_channels, 32, 3, 2)
        self.stages, self.channels, c_in = nn.ModuleList(), [], 32
        for number, (kernel, stride, expansion, channels, repeats) in enumerate(STAGES):
            c_out = round_channels(channels * width)
            fixed = number in (0, len(STAGES) - 1)  # Lite keeps the first and last stage at their depth
            blocks = []
            for block in range(repeats if fixed else ceil(repeats * depth)):
                blocks.append(InvertedResidual(c_in, c_out, kernel, stride if block == 0 else 1, expansion))
                c_in = c_out
            self.stages.append(nn.Sequential(*blocks))
            if number in TAPS:
                self.channels.append(c_out)

    def first_stages(self, count: int) -> list[nn.Module]:
        """The stem and the first `count` stages; nothing for 0."""
        return [self.stem, *self.stages[:count]] if count else []

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x, taps = self.stem(x), []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in TAPS:
                taps.append(x)
        return taps


def round_channels(channels: float, divisor: int = 8) -> int:
    """Nearest multiple of 8 that loses at most a tenth (the rounding of the published family)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


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
    name: str, style: str, size: int, dim: int, stride: int, channels: int, mean: float, std: float
) -> EncoderSpec:
    grid = (size // stride, size // stride)
    return EncoderSpec(name, style, size, dim, grid, False, (mean,) * channels, (std,) * channels)


def load_imagenet(trunk: LiteTrunk, state: dict[str, torch.Tensor]) -> None:
    """Fill a trunk from ImageNet weights: with this trunk's names, or as published (the same layers in the same order).

    The stem's kernel is spread over more than three input channels so that the summed response stays the same.
    """
    own = trunk.state_dict()
    body = {key: value for key, value in state.items() if not _is_head(key)}
    if len(body) != len(own):
        raise ValueError(f"{len(body)} trunk tensors given, {len(own)} needed")
    named = body if body.keys() == own.keys() else dict(zip(own, body.values(), strict=True))
    stem = "stem.0.weight"
    trunk.load_state_dict(named | {stem: _widen_stem(named[stem], own[stem].shape[1])})


def load_imagenet_file(trunk: LiteTrunk, path: Path) -> None:
    """Fill a trunk from a safetensors file of ImageNet weights, whose hash is checked before it is parsed.

    Raises WeightsRejected for a file that is not what is stated about it, or of another trunk.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    require_stated(path)
    try:
        state = {key: value.float() if value.is_floating_point() else value for key, value in load_file(path).items()}
        load_imagenet(trunk, state)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        found = f"{path}: no ImageNet weights of this trunk ({str(error).strip().splitlines()[0]})"
        raise WeightsRejected(f"{found}; give what `align3d weights import` made of the released .pth") from error


def _is_head(key: str) -> bool:
    return key.startswith(("_conv_head", "_bn1", "_fc", "conv_head", "bn2", "classifier", "head"))


def _widen_stem(kernel: torch.Tensor, channels: int) -> torch.Tensor:
    if channels == kernel.shape[1]:
        return kernel
    repeats = ceil(channels / kernel.shape[1])
    return kernel.repeat(1, repeats, 1, 1)[:, :channels] * (kernel.shape[1] / channels)


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """Merge every batch norm into the convolution before it, in place; returns the module in evaluation mode."""
    module.eval()
    for sequence, conv, norm in _conv_bn_pairs(module):
        mean, variance = norm.running_mean, norm.running_var
        if mean is None or variance is None:
            continue
        scale = norm.weight / torch.sqrt(variance + norm.eps)
        conv.weight.data *= scale[:, None, None, None]
        conv.bias = nn.Parameter((norm.bias - mean * scale).detach())
        sequence[1] = nn.Identity()
    return module


def _conv_bn_pairs(module: nn.Module) -> Iterator[tuple[nn.Sequential, nn.Conv2d, nn.BatchNorm2d]]:
    for child in module.modules():
        if isinstance(child, nn.Sequential) and len(child) > 1:
            conv, norm = child[0], child[1]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                yield child, conv, norm


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
