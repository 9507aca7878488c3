"""A model at its beginning: without aligner or prompts, with the towers and settings of a profile."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from align3d_cli.encoders.encoder import Encoder
from align3d_cli.encoders.settings import DeepPrompts, EncoderSettings, Precision
from align3d_cli.errors import InputRejected, UsageError, WeightsRejected
from align3d_cli.helpers.settings import from_dict
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.find import find_model
from align3d_cli.model.own_weights import name_weights, weights_of
from align3d_cli.model.profiles import NAMES, SECTIONS, Profile, get_profile, profile_from, with_tower
from align3d_cli.model.settings import ScoringSettings
from align3d_cli.render.settings import ViewSettings

PAPER_VIEWS = {"mvtec3d": "mvtec", "eyecandies": "eyecandies", "real3d": "real3d"}  # as published; else by the scan


def untrained(
    profile: Profile,
    dataset: str,
    *,
    backbone: str | None = None,
    pretrained: str | None = None,
    weights: Path | None = None,
    precision: Precision | None = None,
) -> Bundle:
    """A model of a profile, or of another open_clip backbone run as the profile says; no tensors yet.

    backbone: an open_clip name, or the path of an open_clip_config.json for a model that open_clip does not list
    weights:  a file of the tower's weights, instead of the cache
    See `with_tower` for the others; None leaves what the profile says.
    """
    own = with_tower(profile, backbone=backbone, pretrained=pretrained, precision=precision)
    encoder = named_backbone(own.backbone) | {"pretrained": own.pretrained}
    if weights is not None:
        encoder |= name_weights(weights)
    return Bundle(
        name=f"{profile.name}-{encoder['name']}",
        encoder=encoder | {"settings": asdict(own.encoder)},
        tensors={},
        views=views_for(own.views, dataset),
        scoring=own.scoring,
        record={"profile": {"name": profile.name} | profile.as_dict()},
    )


def views_for(views: ViewSettings, dataset: str) -> ViewSettings:
    """A profile's views of a data set: the published camera sees those that have published views from these."""
    if views.preset == "auto" and views.camera == "pointad":
        return replace(views, preset=PAPER_VIEWS.get(dataset, "auto"))
    return views


def named_backbone(backbone: str) -> dict[str, Any]:
    """How a bundle names a backbone: by open_clip's name, or by the name of a folder and the configuration in it.

    Raises InputRejected for a .json file that holds no open_clip configuration.
    """
    path = Path(backbone)
    if path.suffix != ".json":
        return {"name": backbone}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        model = config.get("model_cfg", config)
        whole = isinstance(model["embed_dim"], int) and {**model["vision_cfg"]} and {**model["text_cfg"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputRejected(f"{path}: no open_clip configuration ({error}); give its open_clip_config.json") from error
    if not whole:
        raise InputRejected(f"{path}: no open_clip configuration; give its open_clip_config.json")
    return {"name": path.resolve().parent.name, "config": config}


def profile_for(asked: str | None, model: Bundle | None) -> Profile:
    """The profile that a stage follows: the one asked for, else that of the model it goes on from, else align3d.

    asked: name or path, see `get_profile`
    Raises UsageError where the model's views and scoring are of another profile: its features would not fit.
    """
    made = made_with(model) if model else None
    profile = get_profile(asked or "align3d") if asked or made is None else made
    if model and made and not any(_looks_alike(profile, like.views, like.scoring) for like in (made, model)):
        found = f"{model.called} follows the profile {made.name}, and its views and scoring go with it"
        raise UsageError(f"--profile {asked}: {found}; leave --profile out, or begin anew with {asked}")
    return profile


def _looks_alike(profile: Profile, views: ViewSettings, scoring: ScoringSettings) -> bool:
    """Whether the profile draws and scores so; the size of the views is the image tower's."""
    return replace(profile.views, size_px=views.size_px) == views and profile.scoring == scoring


def made_with(model: Bundle) -> Profile | None:
    """The profile that a model's record names, None where it names none. Raises WeightsRejected for what is none."""
    stated = model.record.get("profile")
    if not stated:
        return None
    try:
        name = stated["name"]
        if SECTIONS.keys() & stated.keys():
            return profile_from({key: value for key, value in stated.items() if key != "name"}, name)
        return get_profile(NAMES[NAMES.index(name)])  # older records list settings by other names
    except (UsageError, LookupError, TypeError, ValueError) as error:
        finding = "what its record says of a profile is none"
        raise WeightsRejected(f"{model.called}: {finding}; name one with --profile") from error


def with_view_size(bundle: Bundle, encoder: Encoder) -> Bundle:
    """The model with views of the size that its encoder reads."""
    return replace(bundle, views=replace(bundle.views, size_px=encoder.spec.image_size))


def rgb_tower(bundle: Bundle, encoder: Encoder, device: str) -> Encoder:
    """The frozen tower that coloured views are read with: the same one, or ImageNet's trunk beside a geometry tower."""
    if encoder.spec.style != "geometry":
        return encoder
    from align3d_cli.encoders.lite import RgbSpace
    from align3d_cli.encoders.lite_trunk import load_imagenet_file

    variant, spec = bundle.encoder.get("variant", "lite0"), encoder.spec
    space = RgbSpace(variant, spec.embed_dim, spec.image_size, spec.image_size // spec.grid[0])
    load_imagenet_file(space.trunk, find_model(f"imagenet-{variant}"))
    return space.requires_grad_(False).eval().to(device)


def deep_prompts_of(bundle: Bundle) -> DeepPrompts:
    """The precision that a model's learned tokens enter deeper blocks in."""
    return from_dict(EncoderSettings, bundle.encoder.get("settings") or {}).deep_prompts


def text_tower_of(bundle: Bundle) -> dict[str, Any]:
    """The arguments of `load_text_tower` for the tower that belongs to a model's image tower."""
    words = {key: value for key, value in bundle.encoder.items() if key not in ("settings", "weights_sha256")}
    return words | {"weights": weights_of(bundle)}
