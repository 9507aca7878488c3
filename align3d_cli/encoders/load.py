"""The encoder of a name: which class it is, and where its weights are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from align3d_cli.encoders.encoder import Encoder
from align3d_cli.encoders.settings import EncoderSettings


def load_encoder(
    name: str,
    *,
    device: str | torch.device = "cpu",
    pretrained: str | None = None,
    weights: str | Path | dict[str, Tensor] | None = None,
    settings: EncoderSettings | dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    random_seed: int | None = None,
) -> Encoder:
    """The encoder called `name`, frozen, in evaluation mode, on `device`. Never opens a socket.

    name:        "lite" (ours, out of the bundle `weights` or the default one) or any open_clip model name
    pretrained:  open_clip's tag of the weights; None = "openai" where there is such a tag, else its first tag
    weights:     a local file (safetensors, or .pt/.bin read with weights_only), or the image tower's tensors themselves
                 (as a bundle carries them); None = the local caches
    settings:    how the tower is run, as a dataclass or as the dict that a bundle stores
    config:      open_clip model config for architectures that open_clip does not know by name
    random_seed: build with random weights from this seed instead of any file; for tests and timing only
    Raises UsageError for an unknown name, EnvironmentMissing where the weights are not on this machine,
    InputRejected for a weights file that does not fit.
    """
    if name == "lite":
        from align3d_cli.encoders.lite import encoder_from_state
        from align3d_cli.model.bundle import DEFAULT_MODEL, load_bundle

        bundle = load_bundle(weights or DEFAULT_MODEL)
        encoder = encoder_from_state(bundle.encoder, bundle.part("encoder"))
    else:
        from align3d_cli.encoders.clip_weights import load_visual

        how = EncoderSettings(**settings) if isinstance(settings, dict) else settings or EncoderSettings()
        encoder = load_visual(name, pretrained, weights, how, config, random_seed)
    return encoder.requires_grad_(False).eval().to(device)
