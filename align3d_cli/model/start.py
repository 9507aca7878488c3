"""A model at its beginning: without aligner or prompts, with the towers and settings of a profile."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from align3d_cli.encoders.encoder import Encoder
from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.model.bundle import Bundle, Scoring, ViewSettings, find_model
from align3d_cli.model.own_weights import name_weights, weights_of
from align3d_cli.model.profiles import Profile, get_profile
from align3d_cli.render.draw import PUBLISHED_COUNT

PAPER_VIEWS = {"mvtec3d": "mvtec", "eyecandies": "eyecandies", "real3d": "real3d"}  # as published; else by the scan
FRAME = {"pointad": 1.4, "fitted": 1.09}  # width of a view over the scan's longest side, to turn pixels into lengths


def untrained(
    profile: Profile,
    dataset: str,
    *,
    backbone: str | None = None,
    pretrained: str | None = None,
    weights: Path | None = None,
    image_px: int | None = None,
    precision: str = "float32",
) -> Bundle:
    """A model of a profile, or of another open_clip backbone run as the profile says; no tensors yet.

    A backbone other than the profile's own runs at the size it was trained at, with the same share of V-V blocks.
    backbone: an open_clip name, or the path of an open_clip_config.json for a model that open_clip does not list
    """
    settings = profile.encoder_settings(precision)
    if backbone in (None, profile.backbone):
        encoder: dict[str, Any] = {"name": profile.backbone, "pretrained": pretrained or profile.pretrained}
    else:
        encoder = named_backbone(backbone) | {"pretrained": pretrained}
        settings = replace(settings, image_size=None, vv_blocks=None)
    settings = replace(settings, image_size=image_px or settings.image_size)
    if weights is not None:
        encoder |= name_weights(weights)
    preset = PAPER_VIEWS.get(dataset, "auto") if profile.camera == "pointad" else "auto"
    return Bundle(
        name=f"{profile.name}-{encoder['name']}",
        encoder=encoder | {"settings": asdict(settings)},
        tensors={},
        views=_views_of(profile, preset, settings.image_size or profile.image_px),
        scoring=scoring_of(profile),
        record={"profile": profile.settings()},
    )


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


def _views_of(profile: Profile, preset: str, size_px: int) -> ViewSettings:
    how = {"camera": profile.camera, "style": profile.style, "look": profile.look, "visibility": profile.visibility}
    return ViewSettings(preset, PUBLISHED_COUNT, size_px, **how)


def profile_for(asked: str | None, model: Bundle | None) -> Profile:
    """The profile that a stage follows: the one asked for, else that of the model it goes on from, else align3d.

    Raises UsageError where the model's views and scoring are of another profile: its features would not fit.
    """
    made = model.record.get("profile", {}).get("name") if model else None
    if made and asked not in (None, made):
        found = f"{model.path or model.name} follows the profile {made}, and its views and scoring go with it"
        raise UsageError(f"--profile {asked}: {found}; leave --profile out, or begin anew with {asked}")
    return get_profile(asked or made or "align3d")


def scoring_of(profile: Profile) -> Scoring:
    """How models of a profile are scored; a Gaussian of sigma pixels becomes a ball of two sigma in the scan."""
    radius_px = 2 * profile.smoothing_sigma_px
    return Scoring(
        temperature=profile.temperature,
        rgb_weight_point=profile.rgb_weight_point,
        rgb_weight_object=profile.rgb_weight_object,
        smooth=round(radius_px / profile.image_px * FRAME[profile.camera], 4),
        object_max_weight=profile.object_max_weight,
        object_view_weight=profile.object_view_weight,
        unseen=profile.unseen,
        smoothing=profile.smoothing,
        smooth_sigma_px=profile.smoothing_sigma_px,
        smooth_fused=profile.smooth_fused,
    )


def with_view_size(bundle: Bundle, encoder: Encoder) -> Bundle:
    """The model with views of the size and style that its encoder reads."""
    views = replace(bundle.views, size_px=encoder.spec.image_size, style=encoder.spec.style)
    return replace(bundle, views=views)


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


def text_tower_of(bundle: Bundle) -> dict[str, Any]:
    """The arguments of `load_text_tower` for the tower that belongs to a model's image tower."""
    words = {key: value for key, value in bundle.encoder.items() if key not in ("settings", "weights_sha256")}
    return words | {"weights": weights_of(bundle)}
