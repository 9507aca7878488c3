"""Image towers without V-V attention: timm models, CLIP's ResNets and attention-pooled ViTs, under one rule.

The global feature is the model's own. A patch token is what the model's head makes of that one position alone:
the pooling over a single position, then the same norms and projections. For average pooling the mean of the tokens
before any norm is the global feature; for attention pooling a single position leaves value and output projection
(MaskCLIP, arXiv 2112.01071).
"""

from math import isqrt

import torch
from torch import Tensor
from torch.nn import functional

from align3d_cli.encoders.encoder import Encoder, EncoderSpec, Foreign
from align3d_cli.encoders.settings import EncoderSettings


class Tower(Encoder):
    """An open_clip image tower read through `feature_maps` and a head. Subclasses implement the two."""

    visual: Foreign

    def __init__(self, visual: Foreign, spec: EncoderSpec, settings: EncoderSettings) -> None:
        super().__init__(spec, settings.precision)
        self.visual = visual

    @classmethod
    def grid_of(cls, visual: Foreign, image_size: int) -> tuple[int, int]:
        """(rows, columns) of the tokens, found by running one blank image."""
        weight = next(visual.parameters())
        with torch.inference_mode():
            blank = torch.zeros(1, 3, image_size, image_size, dtype=weight.dtype, device=weight.device)
            return cls.tokens_of(visual, blank)[2]

    @staticmethod
    def tokens_of(visual: Foreign, images: Tensor) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """images (B, 3, H, W) -> global (B, D), tokens (B, P, D), (rows, columns)."""
        raise NotImplementedError

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (B, 3, H, W), normalised -> global (B, D) and tokens (B, P, D), not of unit length."""
        pooled, tokens, _ = self.tokens_of(self.visual, images)
        return pooled, tokens


class TimmTower(Tower):
    """open_clip's TimmModel: a timm trunk and a projection."""

    @staticmethod
    def tokens_of(visual: Foreign, images: Tensor) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """As of `Tower`."""
        trunk = visual.trunk
        maps = trunk.forward_features(images)
        pooled = visual.head(trunk.forward_head(maps))
        single, grid = _single_positions(trunk, maps)
        tokens = visual.head(trunk.forward_head(single))
        return pooled, tokens.reshape(images.shape[0], -1, tokens.shape[-1]), grid


def _single_positions(trunk: Foreign, maps: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """Every position of a trunk's output as an output of its own: (B * P, ..one position..) and (rows, columns)."""
    if maps.ndim == 4:
        channels_last = getattr(trunk, "output_fmt", "NCHW") == "NHWC"
        rows, columns = maps.shape[1:3] if channels_last else maps.shape[2:]
        flat = (maps if channels_last else maps.permute(0, 2, 3, 1)).reshape(-1, maps.shape[3 if channels_last else 1])
        return (flat[:, None, None] if channels_last else flat[:, :, None, None]), (rows, columns)
    n_prefix = getattr(trunk, "num_prefix_tokens", 0)
    patches = maps[:, n_prefix:]
    side = isqrt(patches.shape[1])
    single = patches.reshape(-1, 1, maps.shape[-1])
    if n_prefix and getattr(trunk, "global_pool", "") == "avg":  # its head drops the prefix, so give it one to drop
        prefix = maps[:, :n_prefix].repeat_interleave(patches.shape[1], dim=0)
        single = torch.cat([prefix, single], dim=1)
    return single, (side, patches.shape[1] // side)


class ResNetTower(Tower):
    """CLIP's ModifiedResNet, pooled by attention: tokens are its value and output projection at each position."""

    @staticmethod
    def tokens_of(visual: Foreign, images: Tensor) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """As of `Tower`."""
        x = visual.stem(images)
        for layer in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
            x = layer(x)
        pool = visual.attnpool
        tokens = pool.c_proj(pool.v_proj(x.flatten(2).transpose(1, 2)))
        return pool(x), tokens, (x.shape[2], x.shape[3])


class AttentionPooledViT(Tower):
    """CoCa's ViT: learned queries pool the tokens; tokens are the pooler's value and output projection at each."""

    @staticmethod
    def tokens_of(visual: Foreign, images: Tensor) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """As of `Tower`."""
        x = visual.transformer(visual._embeds(images))
        pooled = visual._pool(x)[0]
        patches = x[:, 1:]
        tokens = visual.ln_post(_value_and_output(visual.attn_pool, patches))
        side = isqrt(patches.shape[1])
        return pooled @ visual.proj, tokens @ visual.proj, (side, patches.shape[1] // side)


def _value_and_output(pooler: Foreign, patches: Tensor) -> Tensor:
    attention, dim = pooler.attn, pooler.attn.embed_dim
    packed = attention.in_proj_weight
    weight = packed[2 * dim :] if packed is not None else attention.v_proj_weight
    values = functional.linear(pooler.ln_k(patches), weight, attention.in_proj_bias[2 * dim :])
    return attention.out_proj(values)
