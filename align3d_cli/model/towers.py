"""What a model is run with, ready to run: its image tower, its aligner and its text vectors."""

from typing import Any

import torch

from align3d_cli.encoders.encoder import Encoder
from align3d_cli.encoders.load import load_encoder
from align3d_cli.encoders.settings import EncoderSettings
from align3d_cli.errors import UsageError, WeightsRejected
from align3d_cli.helpers.settings import from_dict
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.bundle import Bundle

# what torch and open_clip raise for a configuration or tensors that fit no tower, in no order of theirs
UNFIT = (RuntimeError, ValueError, TypeError, KeyError, AttributeError, IndexError, AssertionError, ArithmeticError)


def bundle_encoder(bundle: Bundle, device: str) -> Encoder:
    """The image tower of a bundle, ready to run: from its own tensors, or by its open_clip name.

    Raises WeightsRejected where settings and tensors make no tower, EnvironmentMissing where its weights are not here.
    """
    try:
        return _encoder(bundle, device)
    except torch.OutOfMemoryError:
        raise  # of the device; nothing is wrong with the model
    except (UsageError, *UNFIT) as error:
        finding = str(error).strip().partition("\n")[0]
        raise WeightsRejected(f"{_named(bundle)}: its image tower cannot be built ({finding}); give another") from error


def _encoder(bundle: Bundle, device: str) -> Encoder:
    own = bundle.part("encoder")
    if bundle.encoder["name"] == "lite":
        from align3d_cli.encoders.lite import encoder_from_state

        encoder = encoder_from_state(bundle.encoder, own)
        return encoder.to(device=torch.device(device)).to(memory_format=torch.channels_last)
    how: dict[str, Any] = {key: value for key, value in bundle.encoder.items() if key not in ("name", "settings")}
    settings = from_dict(EncoderSettings, bundle.encoder.get("settings") or {})
    return load_encoder(
        bundle.encoder["name"], device=device, settings=settings, **how | ({"weights": own} if own else {})
    )


def bundle_aligner(bundle: Bundle, dim: int, device: str) -> Aligner | None:
    """The aligner of a model whose RGB branch has prompts, over D = `dim`, frozen. Raises WeightsRejected."""
    if "rgb" not in bundle.branches:
        return None
    state = {key: value.float() for key, value in bundle.part("aligner").items()}
    if (found := len(state["global_mlp.input.bias"])) != dim:
        raise _unfit(bundle, f"its aligner has {found} dimensions, its image tower {dim}")
    aligner = Aligner(dim)
    aligner.load_state_dict(state)
    return aligner.eval().to(device)


def bundle_text(bundle: Bundle, dim: int, device: str) -> dict[str, torch.Tensor]:
    """The text vectors of every branch, (2, D) float32: normal, abnormal. Raises WeightsRejected."""
    for name in bundle.branches:
        if (shape := tuple(bundle.tensors[f"text.{name}"].shape)) != (2, dim):
            raise _unfit(bundle, f"its text vectors have shape {shape}, its image tower needs (2, {dim})")
    return {name: bundle.tensors[f"text.{name}"].float().to(device) for name in bundle.branches}


def _unfit(bundle: Bundle, finding: str) -> WeightsRejected:
    return WeightsRejected(f"{_named(bundle)}: {finding}; give a file written by prompt-train")


def _named(bundle: Bundle) -> str:
    return str(bundle.path or bundle.name)
