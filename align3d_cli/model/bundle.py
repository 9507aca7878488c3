"""A trained model on disk: one safetensors file, or ONNX once exported, its settings as JSON in the file's own header.

A bundle holds what scoring needs and no more: the image tower (or its open_clip name), the aligner, two text vectors
a branch, how views are drawn and scores formed, calibration, and the record of its training. Prompts are constants once
they are learned, so no text tower travels along.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from align3d_cli.encoders.settings import EXPORTED
from align3d_cli.errors import UsageError, WeightsRejected
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.files import write_bytes, write_tensors
from align3d_cli.helpers.manifest import require_stated
from align3d_cli.helpers.places import DEFAULT_MODEL
from align3d_cli.helpers.settings import SettingsError
from align3d_cli.model import header, onnx_file
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.find import ONNX_SUFFIX, find_model
from align3d_cli.model.header import Header
from align3d_cli.model.settings import ScoringSettings
from align3d_cli.render.settings import ViewSettings


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model, whole or (after `align`) still without prompts.

    encoder: {"name": "lite" or an open_clip model name, "pretrained": tag or None, ..settings of load_encoder}
    tensors: "encoder.*" (only when the tower travels along), "aligner.*", "text.rendering" (2, D), "text.rgb" (2, D);
             text rows are normal, abnormal, L2-normalised. Of an exported model "encoder.graph", which has the aligner
             and the prompts in it and gives cosines, and text rows that pick out those of a branch
    record:  how it was trained: commands, seeds, data, figures
    """

    name: str
    encoder: dict[str, Any]
    tensors: dict[str, torch.Tensor] = field(repr=False)
    views: ViewSettings = field(default_factory=ViewSettings)
    scoring: ScoringSettings = field(default_factory=ScoringSettings)
    calibration: Calibration = field(default_factory=Calibration)
    record: dict[str, Any] = field(default_factory=dict)
    sha256: str | None = None
    path: Path | None = None

    @property
    def called(self) -> str:
        """What messages call the model: the path of its file, or its name while it has none."""
        return str(self.path or self.name)

    @property
    def branches(self) -> tuple[str, ...]:
        """The branches that have prompts, of "rendering" and "rgb"."""
        return tuple(name for name in ("rendering", "rgb") if f"text.{name}" in self.tensors)

    @property
    def exported(self) -> bool:
        """Whether it is a graph for onnxruntime, which gives no features to learn from."""
        return self.encoder.get("name") == EXPORTED and "config" not in self.encoder

    def part(self, prefix: str) -> dict[str, torch.Tensor]:
        """The tensors below `prefix.` without that prefix, e.g. part("aligner")."""
        return below(self.tensors, prefix)


def below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Those of the tensors whose names begin with `prefix.`, without that."""
    return {key.removeprefix(f"{prefix}."): value for key, value in tensors.items() if key.startswith(f"{prefix}.")}


def save_bundle(path: Path, bundle: Bundle) -> Bundle:
    """Write the bundle, whole or not at all; returns it with path and sha256 filled in. A name that ends with .onnx
    makes an ONNX file. Raises UsageError for one of a model that is not exported."""
    path = Path(path)
    facts = Header(**{part.name: getattr(bundle, part.name) for part in fields(Header)})
    metadata = header.written(facts, bundle.tensors)
    if path.suffix != ONNX_SUFFIX:
        write_tensors(path, bundle.tensors, metadata)
    elif bundle.exported:
        write_bytes(path, onnx_file.written(bundle.tensors, metadata), force=True)
    else:
        raise UsageError(f"{path}: {bundle.name} is not exported; name a .safetensors file")
    return replace(bundle, path=path, sha256=sha256_of(path))


def load_bundle(name_or_path: str | Path = DEFAULT_MODEL) -> Bundle:
    """Read a bundle by the name of a shipped model or by its path.

    A file listed in a manifest.json beside it, or with a .sha256, must have that hash; checked before parsing. What it
    holds must be what was written: settings that exist, tensors that belong together, their checksum.
    Raises EnvironmentMissing (no such model) or WeightsRejected (not a bundle, or not the file the manifest names).
    """
    path = find_model(name_or_path)
    digest = sha256_of(path)
    require_stated(path, digest)
    try:
        metadata, tensors = onnx_file.read(path) if path.suffix == ONNX_SUFFIX else _read_tensors(path)
        facts = header.read(metadata, tensors)
    except (SafetensorError, SettingsError) as error:
        by = "export" if path.suffix == ONNX_SUFFIX else "prompt-train"
        raise WeightsRejected(f"{path}: not an align3d model ({error}); give a file written by {by}") from error
    known = {part.name: getattr(facts, part.name) for part in fields(Header)}
    return Bundle(tensors=tensors, sha256=digest, path=path, **known)


def _read_tensors(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    with safe_open(path, framework="pt") as file:
        # copies: tensors that stay mapped change when somebody writes over the file
        tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 - a file handle
        return file.metadata() or {}, tensors


def require_branches(bundle: Bundle) -> None:
    """Raise UsageError for a bundle that has an aligner but no prompts yet."""
    if "rendering" not in bundle.branches:
        raise UsageError(f"{bundle.called}: has no prompts yet; run `align3d prompt-train --model` on it")


def require_features(bundle: Bundle) -> None:
    """Raise UsageError for an exported model where features are needed, to learn from or to average."""
    if bundle.exported:
        finding = "is exported, which is for scoring alone"
        raise UsageError(f"{bundle.called}: {finding}; name the .safetensors model that it was made from")
