"""The feature store: what the frozen encoder saw of every sample, once per view, on disk as float16.

One safetensors file a sample, written beside and moved into place, so a killed run leaves whole files only. `meta.json`
holds what the features depend on (encoder weights, render settings, views, data set); a store refuses any other.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.digest import digest_of_bytes, digest_of_settings
from align3d_cli.helpers.files import write_bytes, write_tensors

STORE_FORMAT = 1
RENDER_FIELDS = ("render_global", "render_tokens")
RGB_FIELDS = ("rgb_global", "rgb_tokens")


@dataclass(frozen=True, slots=True)
class SampleFeatures:
    """One sample as both training stages read it. V views, T tokens (class row first), D embedding, M points.

    render_global: (V, D), render_tokens: (V, T, D) float, L2-normalised, of the rendered views
    rgb_global, rgb_tokens: the same of the coloured views, or None without colour
    view_masks:     (V, H, W) bool, the defect as the same cameras see it
    view_labels:    (V,) bool, does this view show the defect
    label:          is the sample anomalous
    pixel_of_point: (V, M) int32, flat pixel (of H x W) of each stored point, -1 outside
    visible:        (V, M) bool
    defect:         (M,) bool
    """

    render_global: Tensor
    render_tokens: Tensor
    rgb_global: Tensor | None
    rgb_tokens: Tensor | None
    view_masks: Tensor
    view_labels: Tensor
    label: bool
    pixel_of_point: Tensor
    visible: Tensor
    defect: Tensor

    def __post_init__(self) -> None:
        views, points = self.pixel_of_point.shape
        expected = {
            "render_global": views,
            "render_tokens": views,
            "view_masks": views,
            "view_labels": views,
            "visible": views,
        }
        wrong = [name for name, rows in expected.items() if getattr(self, name).shape[0] != rows]
        if wrong or self.defect.shape != (points,) or self.visible.shape != (views, points):
            raise ValueError(f"sample features disagree on views or points: {wrong or 'defect, visible'}")


class FeatureStore:
    """Features of a data set in a folder; samples are read one batch at a time, so memory stays bounded."""

    def __init__(self, folder: Path, identity: dict[str, Any]):
        """Open or begin a store. Raises InputRejected when the folder holds features of another identity."""
        self.folder = Path(folder)
        self.identity = json.loads(json.dumps(identity, sort_keys=True, default=str))
        self.hash = digest_of_settings(self.identity)
        self._claim()

    def _claim(self) -> None:
        meta = self.folder / "meta.json"
        if not meta.exists():
            write_json(meta, {"format": STORE_FORMAT, "hash": self.hash, "identity": self.identity})
            return
        try:
            found = json.loads(meta.read_text())
        except ValueError as error:
            raise InputRejected(f"{meta}: not JSON ({error}); remove the store or name another with --store") from error
        if found.get("format") != STORE_FORMAT or found.get("hash") != self.hash:
            differences = ", ".join(_differences(found.get("identity", {}), self.identity)) or "format"
            raise InputRejected(
                f"{self.folder}: holds features made with other settings ({differences}); name another --store"
            )

    def path(self, name: str) -> Path:
        """The file of a sample: a readable stem, made unique by a hash of the full name."""
        stem = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[-80:]
        return self.folder / "samples" / f"{stem}-{digest_of_bytes(name.encode())[:12]}.safetensors"

    def has(self, name: str, *, rgb: bool = False) -> bool:
        """Whether the sample is stored, with coloured views where `rgb` asks for them."""
        path = self.path(name)
        if not path.exists():
            return False
        if not rgb:
            return True
        with self._open(path) as file:
            return RGB_FIELDS[0] in file.keys()  # noqa: SIM118  (safe_open is no mapping)

    def put(self, name: str, features: SampleFeatures) -> None:
        """Store a sample; the file appears whole or not at all."""
        path = self.path(name)
        height, width = features.view_masks.shape[1:]
        facts = {
            "name": name,
            "label": str(int(features.label)),
            "size": f"{height} {width}",
            "points": str(len(features.defect)),
        }
        write_tensors(path, _packed(features), facts)

    def get(self, name: str, fields: Iterable[str] | None = None) -> dict[str, Any]:
        """Fields of one sample by name (all when None); only these are read. Float16 as stored, bits unpacked."""
        with self._open(self.path(name)) as file:
            facts, keys = file.metadata(), set(file.keys())
            wanted = keys | {"label"} if fields is None else set(fields)
            values = {key: file.get_tensor(key) for key in wanted & keys}
        height, width = map(int, facts["size"].split())
        widths = {"view_masks": height * width, "visible": int(facts["points"]), "defect": int(facts["points"])}
        for key in widths.keys() & values.keys():
            values[key] = _unpack(values[key], widths[key])
        if "view_masks" in values:
            values["view_masks"] = values["view_masks"].reshape(-1, height, width)
        if "label" in wanted:
            values["label"] = facts["label"] == "1"
        return values

    def bytes_on_disk(self) -> int:
        return sum(path.stat().st_size for path in (self.folder / "samples").glob("*.safetensors"))

    @staticmethod
    def _open(path: Path) -> Any:
        try:
            return safe_open(path, framework="pt")
        except (SafetensorError, OSError) as error:
            raise InputRejected(f"{path}: not a readable feature file ({error}); remove it and run again") from error


def write_json(path: Path, value: object) -> None:
    """Write JSON, whole or not at all."""
    text = json.dumps(value, indent=1, sort_keys=True, default=str)
    write_bytes(path, f"{text}\n".encode(), force=True)


def _packed(features: SampleFeatures) -> dict[str, Tensor]:
    tensors = {key: getattr(features, key) for key in (*RENDER_FIELDS, *RGB_FIELDS)}
    tensors = {key: value.to("cpu", torch.float16).contiguous() for key, value in tensors.items() if value is not None}
    return tensors | {
        "view_masks": _pack(features.view_masks.flatten(1)),
        "view_labels": features.view_labels.to("cpu", torch.bool),
        "pixel_of_point": features.pixel_of_point.to("cpu", torch.int32).contiguous(),
        "visible": _pack(features.visible),
        "defect": _pack(features.defect),
    }


def _pack(bits: Tensor) -> Tensor:
    """(.., n) bool -> (.., ceil(n / 8)) uint8."""
    return torch.from_numpy(np.packbits(bits.cpu().numpy().astype(bool), axis=-1))


def _unpack(packed: Tensor, n: int) -> Tensor:
    """(.., ceil(n / 8)) uint8 -> (.., n) bool."""
    return torch.from_numpy(np.unpackbits(packed.numpy(), axis=-1, count=n).astype(bool))


def _differences(found: dict[str, Any], asked: dict[str, Any], prefix: str = "") -> Sequence[str]:
    """Dotted names of the entries in which two identities differ, with short values."""
    names: list[str] = []
    for key in sorted(found.keys() | asked.keys()):
        old, new = found.get(key), asked.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            names.extend(_differences(old, new, f"{prefix}{key}."))
        elif old != new:
            names.append(f"{prefix}{key}: {str(old)[:24]} there, {str(new)[:24]} asked")
    return names
