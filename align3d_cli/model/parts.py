"""The networks of a model, ready to run: its image tower and its aligner."""

from typing import Any

import torch

from align3d_cli.encoders.encoder import Encoder
from align3d_cli.encoders.settings import EncoderSettings, ExportedSettings
from align3d_cli.encoders.state_files import fill
from align3d_cli.errors import Align3DError, EnvironmentMissing, WeightsRejected
from align3d_cli.helpers.settings import SettingsError, from_dict
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.contents import GRAPH
from align3d_cli.model.own_weights import weights_of

LITE = "lite"  # the name of our own tower; every other is open_clip's or that of a configuration
SOURCE = ("name", "pretrained", "config", "random_seed")  # which open_clip model, in the words of `load_encoder`
# what torch and open_clip raise for a configuration or tensors that fit no tower, in no order of theirs
UNFIT = (RuntimeError, ValueError, TypeError, KeyError, AttributeError, IndexError, AssertionError, ArithmeticError)
KNOWN = {*SOURCE, "settings", "weights", "weights_sha256"}


def bundle_encoder(bundle: Bundle, device: str) -> Encoder:
    """The image tower of a model, ready to run: from its own tensors, or by its open_clip name.

    Raises WeightsRejected for settings that are none and tensors that do not fit them, UsageError for a name that
    open_clip does not know, EnvironmentMissing for CLIP weights that are not on this machine.
    """
    own, said = bundle.part("encoder"), bundle.encoder
    if not isinstance(said, dict):
        raise WeightsRejected(f"{bundle.called}: says nothing of its image tower; give a file written by prompt-train")
    if said.get("name") == LITE:
        from align3d_cli.encoders.lite import encoder_from_state

        lite: Encoder = encoder_from_state(said, own, bundle.called)
        return lite.to(torch.device(device)).to(memory_format=torch.channels_last)
    if bundle.exported:
        return _exported_encoder(bundle, device)
    if not isinstance(said.get("name"), str) or not said.keys() <= KNOWN:
        told = ", ".join(sorted(map(str, said.keys() - KNOWN))) or "no name"
        raise WeightsRejected(f"{bundle.called}: unknown settings of its image tower ({told}); make the model anew")
    weights = own or weights_of(bundle)
    try:
        encoder = _clip_encoder(said, weights)
    except SettingsError as error:
        raise WeightsRejected(f"{bundle.called}: settings of its image tower: {error}") from error
    except Align3DError:
        raise
    except torch.OutOfMemoryError:
        raise  # of the device; nothing is wrong with the model
    except UNFIT as error:
        finding = f"no image tower {said['name']} can be built of its settings"
        raise WeightsRejected(f"{bundle.called}: {finding}; make the model anew") from error
    return encoder.to(device)


def _exported_encoder(bundle: Bundle, device: str) -> Encoder:
    if device != "cpu":
        finding = f"--device {device}: {bundle.called} is exported, and onnxruntime runs on the CPU here"
        raise EnvironmentMissing(f"{finding}; use --device cpu, or the .safetensors model that it was made from")
    from align3d_cli.encoders.exported import ExportedEncoder

    if GRAPH not in bundle.tensors:
        raise WeightsRejected(f"{bundle.called}: holds no graph of its image tower; export the model again")
    settings, dim = from_dict(ExportedSettings, bundle.encoder), 2 * len(bundle.branches)
    return ExportedEncoder(settings, bundle.tensors[GRAPH], dim, bundle.called)


def _clip_encoder(said: dict[str, Any], weights: Any) -> Encoder:
    from align3d_cli.encoders.load import load_encoder

    source = {key: said[key] for key in SOURCE if key in said}
    return load_encoder(**source, weights=weights, settings=from_dict(EncoderSettings, said.get("settings") or {}))


def bundle_aligner(bundle: Bundle, device: str) -> Aligner | None:
    """The aligner of a model, frozen; None for a model whose RGB branch has no prompts, and for an exported one, whose
    graph has it. Raises WeightsRejected."""
    if "rgb" not in bundle.branches or bundle.exported:
        return None
    aligner = Aligner(bundle.tensors["text.rgb"].shape[-1])
    fill(aligner, bundle.part("aligner"), bundle.called)
    return aligner.eval().to(device)


def check_fit(bundle: Bundle, encoder: Encoder) -> None:
    """Raise WeightsRejected where views or prompts of a model do not belong to its image tower."""
    dim, side = encoder.spec.embed_dim, encoder.spec.image_size
    if bundle.views.size_px != side:
        finding = f"its views have {bundle.views.size_px} px, its image tower reads {side} px"
        raise WeightsRejected(f"{bundle.called}: {finding}; give a file written by prompt-train")
    for branch in bundle.branches:
        shape = tuple(bundle.tensors[f"text.{branch}"].shape)
        if shape != (2, dim):
            finding = f"its {branch} prompts have shape {shape}, its image tower needs (2, {dim})"
            raise WeightsRejected(f"{bundle.called}: {finding}; give a file written by prompt-train")
