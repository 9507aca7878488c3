"""The feature store: what the frozen encoder saw of every sample, once per view, on disk as float16.

One file a sample, written beside and moved into place, so a killed run leaves whole files only; each is checked as it
is read. `meta.json` holds what the features depend on (encoder weights, render settings, views, data set); a store
refuses any other.
"""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.digest import digest_of_bytes, digest_of_settings
from align3d_cli.helpers.files import write_json
from align3d_cli.helpers.identity import differences, plain
from align3d_cli.helpers.leftovers import sweep
from align3d_cli.training.sample_features import RGB_FIELDS, SampleFeatures, packed, unpacked
from align3d_cli.training.tensor_file import checked_names, read_checked, write_checked

STORE_FORMAT = 2  # grows when a feature file has another form
FACTS = {"label", "size", "points"}  # beside the tensors
NEXT_STEP = "remove it and run again"  # its sample is read and encoded anew


class FeatureStore:
    """Features of a data set in a folder; samples are read one batch at a time, so memory stays bounded."""

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        """Open or begin a store.

        Raises InputRejected when the folder holds features of another identity, EnvironmentMissing where it cannot be
        written.
        """
        self.folder = Path(folder)
        self.identity = plain(identity)
        self.hash = digest_of_settings(self.identity)
        self._claim()

    def _claim(self) -> None:
        meta = self.folder / "meta.json"
        if not os.path.exists(meta):  # also false where nobody may look, which writing tells in one line
            write_json(meta, {"format": STORE_FORMAT, "hash": self.hash, "identity": self.identity})
            return
        found = _read_meta(meta)
        if found.get("format") != STORE_FORMAT:
            finding = "its features were stored by another version of align3d"
            raise InputRejected(f"{self.folder}: {finding}; remove it or name another --store")
        if found.get("hash") != self.hash:
            differing = ", ".join(differences(found.get("identity"), self.identity))
            raise InputRejected(
                f"{self.folder}: holds features made with other settings ({differing}); name another --store"
            )

    @property
    def samples(self) -> Path:
        """The folder of the samples' files."""
        return self.folder / "samples"

    def sweep(self) -> None:
        """Remove what runs that were killed while they wrote have left."""
        sweep(self.samples)

    def path(self, name: str) -> Path:
        """The file of a sample: a readable stem, made unique by a hash of the full name."""
        stem = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[-80:]
        return self.samples / f"{stem}-{digest_of_bytes(name.encode())[:12]}.safetensors"

    def has(self, name: str, *, rgb: bool = False) -> bool:
        """Whether the sample is stored, with coloured views where `rgb` asks for them."""
        path = self.path(name)
        return path.exists() and (not rgb or RGB_FIELDS[0] in checked_names(path, NEXT_STEP))

    def put(self, name: str, features: SampleFeatures) -> None:
        """Store a sample; the file appears whole or not at all. Raises EnvironmentMissing where it cannot."""
        height, width = features.view_masks.shape[1:]
        facts = {"name": name, "label": bool(features.label), "size": [height, width], "points": len(features.defect)}
        write_checked(self.path(name), packed(features), facts)

    def get(self, name: str, fields: Iterable[str] | None = None) -> dict[str, Any]:
        """Fields of one sample by name (all when None); only these are read. Float16 as stored, bits unpacked.

        Raises InputRejected for a file that is damaged or not there.
        """
        path = self.path(name)
        wanted = None if fields is None else set(fields)
        facts, tensors = read_checked(path, NEXT_STEP, wanted)
        if not facts.keys() >= FACTS:
            raise InputRejected(f"{path}: holds no features of a sample; {NEXT_STEP}")
        values: dict[str, Any] = dict(tensors)
        height, width = facts["size"]
        widths = {"view_masks": height * width, "visible": facts["points"], "defect": facts["points"]}
        for key in widths.keys() & values.keys():
            values[key] = unpacked(values[key], widths[key])
        if "view_masks" in values:
            values["view_masks"] = values["view_masks"].reshape(-1, height, width)
        if wanted is None or "label" in wanted:
            values["label"] = facts["label"]
        return values

    def bytes_on_disk(self) -> int:
        """Of all samples."""
        return sum(path.stat().st_size for path in self.samples.glob("*.safetensors"))


def _read_meta(meta: Path) -> dict[str, Any]:
    """What a store says of itself. Raises InputRejected for what no store of ours says."""
    advice = "remove the store or name another with --store"
    try:
        found = json.loads(meta.read_bytes())
    except OSError as error:
        raise InputRejected(f"{meta}: cannot be read ({error.strerror}); {advice}") from error
    except ValueError as error:
        raise InputRejected(f"{meta}: not JSON; {advice}") from error
    if not isinstance(found, dict):
        raise InputRejected(f"{meta}: does not describe a store; {advice}")
    return found
