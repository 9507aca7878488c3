"""What a model is run with: its image tower, its text tower, its aligner and its text vectors, from its own tensors or
from CLIP weights on this machine.

A model made with a file of weights of one's own keeps the file's name and SHA-256, never its place: the file is looked
for by name and counts only when it has that hash, since another CLIP would score in silence.
"""

import warnings
from pathlib import Path
from typing import Any

import torch

from align3d_cli.encoders.encoder import Encoder, EncoderSettings
from align3d_cli.encoders.state_files import fill
from align3d_cli.errors import Align3DError, EnvironmentMissing, WeightsRejected
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.manifest import SHA256
from align3d_cli.helpers.places import WEIGHTS_VARIABLE, cache_dir, given_weights, note_place, noted_place, weights_dirs
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.bundle import Bundle

LITE = "lite"  # the name of our own tower; every other is open_clip's or that of a configuration
KNOWN = frozenset({"name", "pretrained", "config", "random_seed", "settings", "weights", "weights_sha256"})


def name_weights(path: Path) -> dict[str, str]:
    """How a model names a file of CLIP weights: by name and hash. Where it lies is noted in this machine's cache.

    Raises EnvironmentMissing for no such file.
    """
    if not path.is_file():
        raise EnvironmentMissing(f"{path}: no such weights file; give one that exists or leave --weights out")
    digest = sha256_of(path)
    note_place(digest, path)
    return {"weights": path.name, "weights_sha256": digest}


def weights_of(bundle: Bundle) -> Path | None:
    """The file of CLIP weights that a model was made with; None where it was made with those of an open_clip tag.

    Looked for where ALIGN3D_WEIGHTS says, else beside the model, among shipped and fetched weights and where it lay
    when this machine made a model with it. Raises WeightsRejected when only files of another hash are found,
    EnvironmentMissing when none is. A model that names a path and no hash gets that path, with a warning.
    """
    name, wanted = bundle.encoder.get("weights"), bundle.encoder.get("weights_sha256")
    if name is None:
        return None
    model = bundle.path or bundle.name
    if wanted is None and isinstance(name, str):
        warnings.warn(f"{model}: names its CLIP weights by a path alone, so {name} is not checked", stacklevel=2)
        return Path(name)
    if not isinstance(name, str) or not isinstance(wanted, str) or not SHA256.fullmatch(wanted):
        raise WeightsRejected(f"{model}: names its CLIP weights in no known way; make the model again")
    there = [path for path in _places(bundle, Path(name).name, wanted) if path.is_file()]
    for path in there:
        if sha256_of(path) == wanted:
            return path
    if there:
        finding = f"{there[0]}: SHA-256 is not the {wanted[:12]}.. of the weights that {model} was made with"
        raise WeightsRejected(f"{finding}; name the right file with {WEIGHTS_VARIABLE}")
    finding = f"{model}: its CLIP weights {Path(name).name} (SHA-256 {wanted}) are not on this machine"
    raise EnvironmentMissing(f"{finding}; put them in {cache_dir()} or name the file with {WEIGHTS_VARIABLE}")


def _places(bundle: Bundle, name: str, digest: str) -> list[Path]:
    if given := given_weights(name):
        return [given]
    folders = ([bundle.path.parent] if bundle.path else []) + weights_dirs()
    noted = noted_place(digest)
    return [folder / name for folder in folders] + ([noted] if noted else [])


def bundle_encoder(bundle: Bundle, device: str) -> Encoder:
    """The image tower of a model, ready to run: from its own tensors, or by its open_clip name.

    Raises WeightsRejected for settings that are none and tensors that do not fit them, UsageError for a name that
    open_clip does not know, EnvironmentMissing for CLIP weights that are not on this machine.
    """
    own, source = bundle.part("encoder"), bundle.path or bundle.name
    if not isinstance(bundle.encoder, dict):
        raise WeightsRejected(f"{source}: says nothing of its image tower; give a file written by prompt-train")
    if bundle.encoder.get("name") == LITE:
        from align3d_cli.encoders.lite import encoder_from_state

        lite: Encoder = encoder_from_state(bundle.encoder, own, source)
        return lite.to(torch.device(device)).to(memory_format=torch.channels_last)
    from align3d_cli.encoders.load import load_encoder

    where = _source(bundle) | ({"weights": own} if own else {})
    try:
        encoder = load_encoder(**where, settings=EncoderSettings(**bundle.encoder.get("settings", {})))
    except Align3DError:
        raise
    except Exception as error:  # open_clip and timm tell settings that are none by whatever comes to hand
        finding = f"no image tower {bundle.encoder['name']} can be built of its settings"
        raise WeightsRejected(f"{source}: {finding}; make the model anew") from error
    return encoder.to(device)


def text_tower_of(bundle: Bundle) -> dict[str, Any]:
    """The arguments of `load_text_tower` for the tower that belongs to a model's image tower."""
    return _source(bundle)


def _source(bundle: Bundle) -> dict[str, Any]:
    """Which open_clip model, with which weights, in the words of `load_encoder` and `load_text_tower`."""
    encoder = bundle.encoder
    if not isinstance(encoder.get("name"), str) or not encoder.keys() <= KNOWN:
        told = ", ".join(sorted(map(str, encoder.keys() - KNOWN))) or "no name"
        raise WeightsRejected(
            f"{bundle.path or bundle.name}: unknown settings of its image tower ({told}); make it anew"
        )
    words = {key: value for key, value in encoder.items() if key in ("name", "pretrained", "config", "random_seed")}
    return words | {"weights": None if bundle.part("encoder") else weights_of(bundle)}


def bundle_aligner(bundle: Bundle, dim: int, device: str) -> Aligner | None:
    """The aligner of a model whose RGB branch has prompts, over D = `dim`. Raises WeightsRejected."""
    if "rgb" not in bundle.branches:
        return None
    aligner = Aligner(dim)
    fill(aligner, bundle.part("aligner"), bundle.path or bundle.name)
    return aligner.eval().to(device)


def bundle_text(bundle: Bundle, dim: int, device: str) -> dict[str, torch.Tensor]:
    """The text vectors of every branch, (2, D) float32: normal, abnormal. Raises WeightsRejected."""
    for name in bundle.branches:
        shape = tuple(bundle.tensors[f"text.{name}"].shape)
        if shape != (2, dim):
            finding = f"its text vectors have shape {shape}, its image tower needs (2, {dim})"
            raise WeightsRejected(f"{bundle.path or bundle.name}: {finding}; give a file written by prompt-train")
    return {name: bundle.tensors[f"text.{name}"].float().to(device) for name in bundle.branches}
