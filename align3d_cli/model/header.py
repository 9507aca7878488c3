"""A model's settings as JSON in the header of its file, with a checksum over these and all tensors.

Here alone is known how older models wrote what is written otherwise today.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from align3d_cli.encoders.settings import EXPORTED, EncoderSettings, ExportedSettings
from align3d_cli.helpers.settings import SettingsError, check_settings, from_dict
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.contents import check_tensors, checksum
from align3d_cli.model.find import METADATA_KEY as METADATA_KEY
from align3d_cli.model.settings import ScoringSettings
from align3d_cli.render.settings import ViewSettings

FORMAT_VERSION = 1
CHECKSUM = "sha256"
SECTIONS = {"views": ViewSettings, "scoring": ScoringSettings, "calibration": Calibration}
UNMEASURED = {"slope": 1.0, "offset": 0.0, "threshold": 0.5, "false_alarm_rate": None}  # in older models


@dataclass(frozen=True, slots=True)
class Header:
    """What a model's header states. Its fields are those of `bundle.Bundle`, which says what they are."""

    name: str
    encoder: dict
    views: ViewSettings
    scoring: ScoringSettings
    calibration: Calibration
    record: dict

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def facts(self) -> dict[str, Any]:
        """As JSON, without the checksum."""
        sections = {name: asdict(getattr(self, name)) for name in ("views", "scoring", "calibration")}
        facts = {"format": FORMAT_VERSION, "name": self.name, "encoder": self.encoder, "record": self.record}
        return json.loads(json.dumps(facts | sections))  # as it will be read: lists for tuples, words for all keys


def written(header: Header, tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """The header as a file of tensors keeps it."""
    facts = header.facts
    return {METADATA_KEY: json.dumps(facts | {CHECKSUM: checksum(facts, tensors)}, sort_keys=True)}


def read(metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> Header:
    """The header of a file with these tensors, both checked. Models without a checksum, which are older, pass.

    Raises SettingsError for everything that is no model of ours, and for a model that is not as it was written.
    """
    facts = _parsed(metadata)
    if facts.get("format") != FORMAT_VERSION:
        raise SettingsError(f"format {str(facts.get('format'))[:20]}, this version reads {FORMAT_VERSION}")
    stated = facts.pop(CHECKSUM, None)
    if stated is None:
        facts = _of_older(facts)
    elif stated != checksum(facts, tensors):
        raise SettingsError("damaged or edited since it was written, its checksum is another")
    facts.pop("format")
    facts = _with_two_smoothings(facts)
    header = from_dict(Header, facts | {name: _section(name, facts) for name in SECTIONS})
    if not header.name.isprintable():
        raise SettingsError("its name cannot be printed")
    _check_encoder(header.encoder)
    check_tensors(tensors)
    return header


def _section(name: str, facts: Mapping[str, Any]) -> Any:
    try:
        return from_dict(SECTIONS[name], facts.get(name))
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from error


@dataclass(frozen=True, slots=True)
class _ClipTower:
    """What a model states of an open_clip tower: how `load_encoder` is called for it."""

    name: str
    pretrained: str | None = None
    weights: str | None = None
    weights_sha256: str | None = None
    config: dict | None = None
    random_seed: int | None = None
    settings: dict | None = None

    def __post_init__(self) -> None:
        check_settings(self)


def _check_encoder(encoder: dict) -> None:
    if encoder.get("name") == "lite":
        return  # its other entries are the arguments of the tower, see model.parts
    if encoder.get("name") == EXPORTED and "config" not in encoder:
        from_dict(ExportedSettings, encoder)
        return
    settings = from_dict(_ClipTower, encoder).settings
    from_dict(EncoderSettings, {} if settings is None else settings)


def _parsed(metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        facts = json.loads(metadata[METADATA_KEY])
    except (KeyError, ValueError, RecursionError) as error:  # no such entry, no JSON, JSON without an end
        raise SettingsError("no settings of a model in its header") from error
    if not isinstance(facts, dict):
        raise SettingsError("no settings of a model in its header")
    return facts


def _with_two_smoothings(facts: dict[str, Any]) -> dict[str, Any]:
    """Older models state one `smooth_fused`, true or false, for both maps; so does the profile in their record."""
    scoring, record = facts.get("scoring"), facts.get("record")
    profile = record.get("profile") if isinstance(record, dict) else None
    if isinstance(record, dict) and isinstance(profile, dict):
        told = profile | {"scoring": _smoothings_of(profile["scoring"])} if "scoring" in profile else profile
        facts = facts | {"record": record | {"profile": told}}
    return facts | {"scoring": _smoothings_of(scoring)}


def _smoothings_of(scoring: Any) -> Any:
    if not isinstance(scoring, dict) or not isinstance(scoring.get("smooth_fused"), bool):
        return scoring
    again = "always" if scoring["smooth_fused"] else "never"
    return scoring | {"smooth_fused": again, "smooth_object": again}


def _of_older(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a model that was written before there were checksums, by the names of today.

    The tower states the style of its views, not the views; the calibration of no scan had a threshold.
    """
    views, calibration = facts.get("views"), facts.get("calibration")
    if isinstance(views, dict):
        facts = facts | {"views": {name: value for name, value in views.items() if name != "style"}}
    if isinstance(calibration, dict) and UNMEASURED.items() <= calibration.items():
        facts = facts | {"calibration": calibration | {"threshold": None}}
    return facts
