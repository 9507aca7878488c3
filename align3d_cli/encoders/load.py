"""The image tower of an open_clip model as an Encoder: which class it is, and how it is run."""

from __future__ import annotations

from typing import Any

import torch
from open_clip.model import _build_vision_tower  # the one tower we need; the public factory also builds the text tower
from torch import nn

from align3d_cli.encoders.clip_vision import ClipViT, supports_vv, vv_block_count
from align3d_cli.encoders.clip_weights import Architecture, Weights, architecture, build_tower
from align3d_cli.encoders.encoder import Encoder, EncoderSpec, Foreign
from align3d_cli.encoders.settings import EncoderSettings
from align3d_cli.encoders.state_files import visual_key
from align3d_cli.encoders.towers import AttentionPooledViT, ResNetTower, TimmTower, Tower
from align3d_cli.errors import UsageError

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training images, in [0, 1]
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)


def load_encoder(
    name: str,
    *,
    device: str | torch.device = "cpu",
    pretrained: str | None = None,
    weights: Weights | None = None,
    settings: EncoderSettings | dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    random_seed: int | None = None,
) -> Encoder:
    """The image tower of the open_clip model `name`, frozen, in evaluation mode, on `device`. Never opens a socket.

    pretrained:  open_clip's tag of the weights; None = "openai" where there is such a tag, else its first tag
    weights:     a local file (safetensors, or .pt/.bin read with weights_only), or the image tower's tensors themselves
                 (as a bundle carries them); None = the local caches
    settings:    how the tower is run, as a dataclass or as the dict that a bundle stores
    config:      open_clip model config for architectures that open_clip does not know by name
    random_seed: build with random weights from this seed instead of any file; for tests and timing only
    Raises UsageError for an unknown name, EnvironmentMissing where the weights are not on this machine,
    WeightsRejected for a weights file that does not fit.
    """
    how = EncoderSettings(**settings) if isinstance(settings, dict) else settings or EncoderSettings()
    found = architecture(name, pretrained, config, own_file=weights is not None)
    visual = build_tower(found, weights, random_seed, _build_visual, visual_key).eval()
    return _as_encoder(found, visual, how).requires_grad_(False).eval().to(device)


def _as_encoder(found: Architecture, visual: Foreign, settings: EncoderSettings) -> Encoder:
    size = settings.image_size or _side(found.config["vision_cfg"].get("image_size", 224))
    if settings.image_size and hasattr(visual, "set_input_size"):
        visual.set_input_size(size)  # timm towers resize their own positions and windows
    kind = _kind_of(visual)
    spec = EncoderSpec(
        name=found.name,
        style=settings.style,
        image_size=size,
        embed_dim=found.config["embed_dim"],
        grid=kind.grid_of(visual, size),
        class_token=kind is ClipViT,
        mean=tuple(found.tag_config.get("mean") or OPENAI_MEAN),
        std=tuple(found.tag_config.get("std") or OPENAI_STD),
        details=_details(visual, kind, settings),
    )
    return kind(visual, spec, settings)


def _build_visual(found: Architecture, quick_gelu: bool) -> nn.Module:
    vision = dict(found.config["vision_cfg"], timm_model_pretrained=False)
    return _build_vision_tower(found.config["embed_dim"], vision, quick_gelu)


def _kind_of(visual: Foreign) -> type[ClipViT | Tower]:
    if supports_vv(visual):
        return ClipViT
    if hasattr(visual, "trunk"):
        return TimmTower
    if hasattr(visual, "attnpool"):
        return ResNetTower
    if getattr(visual, "attn_pool", None) is not None:
        return AttentionPooledViT
    raise UsageError("this backbone's attention blocks are not CLIP's (scaled or normalised heads); choose another")


def _details(visual: Foreign, kind: type[ClipViT | Tower], settings: EncoderSettings) -> str:
    if kind is not ClipViT:
        return f"{kind.__name__} {settings.precision}"
    blocks = visual.transformer.resblocks
    activation = type(blocks[0].mlp.gelu).__name__
    return (
        f"vv_blocks={vv_block_count(settings.vv_blocks, len(blocks))} ln_post_global={settings.ln_post_global} "
        f"positions={settings.position_interpolation} {activation} {settings.precision}"
    )


def _side(size: int | list[int] | tuple[int, int]) -> int:
    return size if isinstance(size, int) else size[0]
