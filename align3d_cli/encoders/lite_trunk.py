"""EfficientNet-Lite without its head: the trunk of the default model's towers, and its ImageNet weights.

Tan and Le, arXiv 1905.11946, in the Lite form (no squeeze-excitation, ReLU6, fixed stem and head). Written out here
because scoring must start without timm and torchvision, which take seconds to import.
"""

from collections.abc import Iterator
from math import ceil
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from align3d_cli.errors import WeightsRejected
from align3d_cli.helpers.manifest import require_stated
from align3d_cli.helpers.words import first_line

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
TAPS = (1, 2, 4, 6)  # stages whose output closes a stride of 4, 8, 16 and 32 pixels


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's `same` padding: the odd pixel goes to the right and the bottom.

    For an odd pixel the kernel gets a leading row or column of zeros, and both sides one padding: the same sums, while
    padding the images themselves would copy each of them.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C', ceil(H / stride), ceil(W / stride))."""
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        height, width = (max((ceil(side / stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:])
        weight = F.pad(self.weight, (width % 2, 0, height % 2, 0)) if width % 2 or height % 2 else self.weight
        return F.conv2d(x, weight, self.bias, self.stride, (ceil(height / 2), ceil(width / 2)), 1, self.groups)


def grow_kernels(module: nn.Module, images: torch.Tensor) -> None:
    """Give the kernels of all SameConv once and for all the zeros that they get at every run on images of this size,
    in place: exporters want kernels that are constants. The sums stay the same, since an even kernel gets no zeros.

    images: (B, C, H, W), square, as the module is always to be called with
    """

    def grow(conv: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(conv, SameConv)
        (kernel, _), (stride, _), side = conv.kernel_size, conv.stride, given[0].shape[-1]
        if max((ceil(side / stride) - 1) * stride + kernel - side, 0) % 2:
            conv.weight = nn.Parameter(F.pad(conv.weight, (1, 0, 1, 0)))
            conv.kernel_size = (kernel + 1, kernel + 1)

    hooks = [conv.register_forward_pre_hook(grow) for conv in module.modules() if isinstance(conv, SameConv)]
    with torch.no_grad():
        module(images)
    for hook in hooks:
        hook.remove()


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
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
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
        """(B, C, H, W) -> four maps (B, C', ..), the last of each stride."""
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
        found = f"{path}: no ImageNet weights of this trunk ({first_line(error)})"
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
