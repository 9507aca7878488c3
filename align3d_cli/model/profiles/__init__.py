"""Named sets of settings, one TOML file each: the published methods as they are, and ours.

A profile states what differs from the defaults of the settings' classes, or from the profile that it `extends`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from align3d_cli.encoders.settings import EncoderSettings, Precision
from align3d_cli.errors import UsageError
from align3d_cli.helpers.settings import SettingsError, check_settings, from_dict
from align3d_cli.model.settings import Branch, ScoringSettings
from align3d_cli.render.settings import ViewSettings

NAMES = ("paper", "pointad", "align3d")
SECTIONS = {"encoder": EncoderSettings, "views": ViewSettings, "scoring": ScoringSettings}
FOLLOWING = {("views", "size_px"): "[encoder] image_size", ("prompts", "temperature"): "[scoring] temperature"}


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that decides a run of the method.

    align, prompts: what the stages of training are told by name; `training.start` knows what there is
    """

    name: str
    backbone: Annotated[str, "open_clip's name of the image tower, or the path of an open_clip_config.json"]
    pretrained: Annotated[str | None, "open_clip's tag of its weights"] = None
    branches: Annotated[tuple[Branch, ...], "rgb needs stage 1, whose aligner it reads"] = ("rendering", "rgb")
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    views: ViewSettings = field(default_factory=ViewSettings)
    scoring: ScoringSettings = field(default_factory=ScoringSettings)
    align: dict = field(default_factory=dict)
    prompts: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_settings(self)
        if "rendering" not in self.branches:
            raise SettingsError('branches: the branch "rendering" is always there; name it')

    def as_dict(self) -> dict[str, Any]:
        """All that the profile states, as a TOML file states it."""
        stated = asdict(self)
        del stated["name"]
        for section, setting in FOLLOWING:
            stated[section].pop(setting, None)
        return stated


def get_profile(asked: str) -> Profile:
    """A profile by name, or out of one's own TOML file by its path. Raises UsageError."""
    if asked in NAMES:
        return profile_from(_shipped(asked), asked)
    path = Path(asked)
    if path.suffix != ".toml":
        raise UsageError(f"--profile {asked}: not known; choose from {', '.join(NAMES)} or name a .toml file")
    try:
        return profile_from(tomllib.loads(path.read_text(encoding="utf-8")), path.stem)
    except OSError as error:
        raise UsageError(f"--profile {asked}: cannot be read ({error.strerror}); name a .toml file") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML
        raise UsageError(f"--profile {asked}: is no TOML ({error}); see what --print-config prints") from error
    except SettingsError as error:
        raise UsageError(f"--profile {asked}: {error}; see what --print-config prints") from error


def profile_from(stated: Mapping[str, Any], name: str) -> Profile:
    """The profile that TOML or a model's record states. Raises SettingsError."""
    stated = dict(stated)
    base = stated.pop("extends", None)
    if base is not None:
        if base not in NAMES:
            raise SettingsError(f"extends: give {' or '.join(NAMES)}")
        stated = _over(_whole(base), stated)
    for section, setting in FOLLOWING:
        inside = stated.get(section)
        if isinstance(inside, Mapping) and setting in inside:
            raise SettingsError(f"[{section}] {setting}: follows {FOLLOWING[section, setting]}; set it there")
    parts = {section: _section(section, stated.get(section, {})) for section in SECTIONS}
    if size_px := parts["encoder"].image_size:
        parts["views"] = replace(parts["views"], size_px=size_px)
    return from_dict(Profile, {"name": name} | stated | parts)


def with_tower(
    profile: Profile,
    *,
    backbone: str | None = None,
    pretrained: str | None = None,
    precision: Precision | None = None,
) -> Profile:
    """The profile with another image tower, or with its own run otherwise; None leaves what it says.

    A backbone other than the profile's own runs at the size it was trained at, with the same share of V-V blocks.
    """
    encoder = profile.encoder
    if backbone not in (None, profile.backbone):
        profile = replace(profile, backbone=backbone, pretrained=None)
        encoder = replace(encoder, image_size=None, vv_blocks=None)
    encoder = replace(encoder, precision=precision or encoder.precision)
    return replace(profile, pretrained=pretrained or profile.pretrained, encoder=encoder)


def _shipped(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def _whole(name: str) -> dict[str, Any]:
    """What a shipped profile states, with what the one below it does."""
    stated = _shipped(name)
    base = stated.pop("extends", None)
    return stated if base is None else _over(_whole(base), stated)


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two sets of sections as one; of settings in both the upper counts."""
    shared = [key for key in below if isinstance(below[key], dict) and isinstance(above.get(key), dict)]
    return below | above | {key: below[key] | above[key] for key in shared}


def _section(name: str, stated: object) -> Any:
    try:
        return from_dict(SECTIONS[name], stated)
    except SettingsError as error:
        raise SettingsError(f"[{name}] {error}") from error
