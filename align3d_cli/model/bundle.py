"""A trained model on disk: one safetensors file, its settings as JSON in the file's own header.

A bundle holds what scoring needs and no more: the image tower (or its open_clip name), the aligner, two text vectors
a branch, how views are drawn and scores formed, calibration, and the record of its training. Prompts are constants once
they are learned, so no text tower travels along.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from align3d_cli.errors import EnvironmentMissing, UsageError, WeightsRejected
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.files import write_tensors
from align3d_cli.helpers.manifest import require_stated
from align3d_cli.helpers.places import DEFAULT_MODEL, weights_dirs
from align3d_cli.model.calibration import Calibration

FORMAT_VERSION = 1
METADATA_KEY = "align3d"


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """How a cloud becomes images.

    preset:  "auto" (front or sphere, from the scan) or a preset of render.cameras
    count:   number of views where the preset leaves it open
    size_px: height and width of a view
    camera:  "fitted" (orthographic, rolled until the scan fills the image) or "pointad" (perspective, as PointAD)
    style:   what the views that the encoder reads show: "grey", "geometry", ..
    look:    of grey and coloured views: "closed" (the surface between the points is filled) or "published" (square
             points in a larger window, which sparse scans show through, under the published lights)
    visibility: the points that a view scores: all on the visible surface ("depth tolerance"), or "one per pixel", the
             nearest, as the published z-buffer
    """

    preset: str = "auto"
    count: int = 9
    size_px: int = 336
    camera: str = "fitted"
    style: str = "grey"
    look: str = "closed"
    visibility: str = "depth tolerance"


@dataclass(frozen=True, slots=True)
class Scoring:
    """How view probabilities become scores (Align3D-AD section 3.4).

    temperature:      of the softmax over (normal, abnormal) cosines
    rgb_weight_point: share of the RGB-aligned branch in the point map, in [0, 1]
    rgb_weight_object: share of that branch in the object score, in [0, 1]
    object_form:      "max+global" (published: max of the map plus the mean global probability), "max", or "top"
                      (mean of the highest `top_share` of the points)
    wide_share, wide_weight: in the form "top" the mean of the highest `wide_share` counts `wide_weight`, the other the
                      rest: a defect that does not reach the hottest spot of its part still raises the score
    object_max_weight, object_view_weight: of the two terms of "max+global" (Align3D-AD 1 and 1, PointAD 0.5 and 0.5)
    view_weight:      "uniform" or "incidence" (cosine between the view and the surface)
    view_power:       of the mean over the views that see a point: 1, as published, for the plain mean; 2 for the root
                      of the mean square, which a view that is sure of a defect moves further
    unseen:           points that no view sees get the value of the "nearest" seen point, or "zero" (published)
    smoothing:        over "neighbours" in space, or over the "grid" of an organised scan as an image (published)
    smooth:           radius of the smoothing over neighbours as a share of the scan's extent; 0 for none
    smooth_sigma_px:  sigma of the smoothing over the grid, in pixels of a view
    smooth_fused:     smoothed once more after the branches are fused (published for MVTec 3D-AD)
    level_share:      of the scan's median point score, taken off every point of the map (not off the object score);
                      0, as published, for none
    """

    temperature: float = 0.07
    rgb_weight_point: float = 0.5
    rgb_weight_object: float = 0.5
    object_form: str = "max+global"
    top_share: float = 0.005
    wide_share: float = 0.1
    wide_weight: float = 0.0
    view_weight: str = "uniform"
    view_power: float = 1.0
    smooth: float = 0.0
    object_max_weight: float = 1.0
    object_view_weight: float = 1.0
    unseen: str = "nearest"
    smoothing: str = "neighbours"
    smooth_sigma_px: float = 4.0
    smooth_fused: bool = False
    level_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model, whole or (after `align`) still without prompts.

    encoder: {"name": "lite" or an open_clip model name, "pretrained": tag or None, ..settings of load_encoder}
    tensors: "encoder.*" (only when the tower travels along), "aligner.*", "text.rendering" (2, D), "text.rgb" (2, D);
             text rows are normal, abnormal, L2-normalised
    record:  how it was trained: commands, seeds, data, figures
    """

    name: str
    encoder: dict[str, Any]
    tensors: dict[str, torch.Tensor] = field(repr=False)
    views: ViewSettings = field(default_factory=ViewSettings)
    scoring: Scoring = field(default_factory=Scoring)
    calibration: Calibration = field(default_factory=Calibration)
    record: dict[str, Any] = field(default_factory=dict)
    sha256: str | None = None
    path: Path | None = None

    @property
    def branches(self) -> tuple[str, ...]:
        """The branches that have prompts, of "rendering" and "rgb"."""
        return tuple(name for name in ("rendering", "rgb") if f"text.{name}" in self.tensors)

    def part(self, prefix: str) -> dict[str, torch.Tensor]:
        """The tensors below `prefix.` without that prefix, e.g. part("aligner")."""
        return {key[len(prefix) + 1 :]: value for key, value in self.tensors.items() if key.startswith(prefix + ".")}


def save_bundle(path: Path, bundle: Bundle) -> Bundle:
    """Write the bundle, whole or not at all; returns it with path and sha256 filled in."""
    path = Path(path)
    settings = {
        "format": FORMAT_VERSION,
        "name": bundle.name,
        "encoder": bundle.encoder,
        "views": asdict(bundle.views),
        "scoring": asdict(bundle.scoring),
        "calibration": asdict(bundle.calibration),
        "record": bundle.record,
    }
    write_tensors(path, bundle.tensors, {METADATA_KEY: json.dumps(settings, sort_keys=True)})
    return replace(bundle, path=path, sha256=sha256_of(path))


def load_bundle(name_or_path: str | Path = DEFAULT_MODEL) -> Bundle:
    """Read a bundle by the name of a shipped model or by its path.

    A file listed in a manifest.json beside it, or with a .sha256, must have that hash; checked before parsing.
    Raises EnvironmentMissing (no such model) or WeightsRejected (not a bundle, or not the file the manifest names).
    """
    path = find_model(name_or_path)
    digest = sha256_of(path)
    require_stated(path, digest)
    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {})[METADATA_KEY])
            # copies: tensors that stay mapped change when somebody writes over the file
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 - a file handle
        if settings.get("format") != FORMAT_VERSION:
            raise WeightsRejected(
                f"{path}: bundle format {settings.get('format')}, this version reads {FORMAT_VERSION}"
            )
        return Bundle(
            name=settings["name"],
            encoder=settings["encoder"],
            tensors=tensors,
            views=ViewSettings(**settings["views"]),
            scoring=Scoring(**settings["scoring"]),
            calibration=Calibration(**settings["calibration"]),
            record=settings["record"],
            sha256=digest,
            path=path,
        )
    except (SafetensorError, KeyError, TypeError, AttributeError, ValueError) as error:  # JSON of another shape, too
        raise WeightsRejected(f"{path}: not an align3d model ({error}); give a file written by prompt-train") from error


def find_model(name_or_path: str | Path) -> Path:
    """Path of a model given by path or by shipped name; EnvironmentMissing when there is none."""
    given = Path(name_or_path)
    if given.suffix == ".safetensors" or given.parent != Path():
        if not given.is_file():
            raise EnvironmentMissing(f"{given}: no such model file; `align3d weights list` shows what is installed")
        return given
    for folder in weights_dirs():
        candidate = folder / f"{name_or_path}.safetensors"
        if candidate.is_file():
            return candidate
    raise EnvironmentMissing(f"model {name_or_path!r} is not installed; `align3d weights list` shows what is")


def require_branches(bundle: Bundle) -> None:
    """Raise UsageError for a bundle that has an aligner but no prompts yet."""
    if "rendering" not in bundle.branches:
        raise UsageError(f"{bundle.path or bundle.name}: has no prompts yet; run `align3d prompt-train --model` on it")
