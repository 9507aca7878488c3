"""open_clip models from local weights: which architecture, which file, which tower. Never opens a socket."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from open_clip.factory import get_model_config, list_models
from open_clip.model import _build_vision_tower  # the one tower we need; the public factory also builds the text tower
from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model
from torch import Tensor, nn

from align3d_cli.encoders.clip_vision import ClipViT, supports_vv, vv_block_count
from align3d_cli.encoders.encoder import Encoder, EncoderSettings, EncoderSpec
from align3d_cli.encoders.sources import by_hand, published_sha256, source_of
from align3d_cli.encoders.state_files import Select, read_state, visual_key
from align3d_cli.encoders.towers import AttentionPooledViT, ResNetTower, TimmTower
from align3d_cli.errors import EnvironmentMissing, UsageError, WeightsRejected
from align3d_cli.helpers.manifest import WEIGHTS_SUFFIXES, require_stated
from align3d_cli.helpers.places import cache_dir

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training images, in [0, 1]
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
Weights = str | Path | dict[str, Tensor]  # a file of a whole model, or one tower's tensors
HUB_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class Architecture:
    """An open_clip model and the weights meant for it.

    config:     open_clip's model_cfg (embed_dim, vision_cfg, text_cfg)
    tag:        of the pretrained weights, None where open_clip lists none
    tag_config: open_clip's pretrained cfg of that tag (hub repository, mean, std)
    quick_gelu: whether those weights were trained with x * sigmoid(1.702 x), as OpenAI's
    """

    name: str
    config: dict[str, Any]
    tag: str | None
    tag_config: dict[str, Any]
    quick_gelu: bool


def architecture(
    name: str, tag: str | None = None, config: dict[str, Any] | None = None, own_file: bool = False
) -> Architecture:
    """Look a model up by open_clip's name, or take `config` as it is: a model_cfg, or a whole open_clip_config.json.

    own_file: the weights are the user's file. Without a tag its activation is then what all tags of that name share,
    else what the name says (open_clip's `-quickgelu` names).
    Raises UsageError for a name or tag that open_clip does not know.
    """
    if config is not None:
        own, preprocess = config.get("model_cfg", config), config.get("preprocess_cfg", {})
        return Architecture(name, own, tag, preprocess, bool(own.get("quick_gelu")))
    if name not in list_models():
        known = ", ".join(get_close_matches(name, list_models(), n=5, cutoff=0.0))
        raise UsageError(f"--backbone {name}: open_clip has no such model; near: {known}")
    tags = list_pretrained_tags_by_model(name)
    if tag is not None and tag not in tags:
        raise UsageError(f"--pretrained {tag}: no such weights of {name}; there are: {', '.join(tags) or 'none'}")
    chosen = tag or ("openai" if "openai" in tags else next(iter(tags), None))
    deciding = tags if own_file and tag is None else [chosen] if chosen else []
    by_tag = bool(deciding) and all(get_pretrained_cfg(name, one).get("quick_gelu") for one in deciding)
    config = get_model_config(name)
    tag_config = get_pretrained_cfg(name, chosen) if chosen else {}
    return Architecture(name, config, chosen, tag_config, by_tag or bool(config.get("quick_gelu")))


def is_known(name: str, tag: str) -> bool:
    """Whether open_clip lists weights `tag` of a model `name`."""
    return tag in list_pretrained_tags_by_model(name)


def load_visual(
    name: str,
    pretrained: str | None,
    weights: Weights | None,
    settings: EncoderSettings,
    config: dict[str, Any] | None = None,
    random_seed: int | None = None,
) -> Encoder:
    """The image tower of an open_clip model as an Encoder; arguments as `load_encoder`."""
    found = architecture(name, pretrained, config, own_file=weights is not None)
    visual = build_tower(found, weights, random_seed, _build_visual, visual_key).eval()
    size = settings.image_size or _side(found.config["vision_cfg"].get("image_size", 224))
    if settings.image_size and hasattr(visual, "set_input_size"):
        visual.set_input_size(size)  # timm towers resize their own positions and windows
    kind = _kind_of(visual)
    spec = EncoderSpec(
        name=name,
        style=settings.style,
        image_size=size,
        embed_dim=found.config["embed_dim"],
        grid=kind.grid_of(visual, size),
        class_token=kind is ClipViT,
        mean=tuple(found.tag_config.get("mean") or OPENAI_MEAN),
        std=tuple(found.tag_config.get("std") or OPENAI_STD),
        details=_details(visual, kind, settings),
    )
    return kind(visual, spec, settings)


def build_tower(
    found: Architecture,
    weights: Weights | None,
    random_seed: int | None,
    build: Callable[[Architecture, bool], nn.Module],
    select: Select,
) -> nn.Module:
    """One tower with its weights: `build(architecture, quick_gelu)` makes it, `select` picks its keys of a file.

    Random weights from `random_seed` where that is given, else from `weights`, else from the local caches.
    Tensors handed over as `weights` are named as the tower names them.
    """
    with torch.random.fork_rng(devices=[]):
        if random_seed is not None:
            torch.manual_seed(random_seed)
            return build(found, found.quick_gelu)
        if isinstance(weights, dict):
            source, state, by_openai = found.name, weights, False
        else:
            source = Path(weights) if weights is not None else find_weights(found)
            published = _own_archive_sha256(found, source) if weights is None else None
            require_stated(source, published=published, note=weights is None and source.parent == cache_dir())
            state, by_openai = read_state(source, select, published_sha256(found.tag_config.get("url", "")))
        tower = build(found, found.quick_gelu or by_openai)
    _fill(tower, state, source)
    return tower


def find_weights(found: Architecture) -> Path:
    """The file of an architecture's weights in our cache, the hub's cache or open_clip's; never fetches one.

    Raises EnvironmentMissing that says how to get it.
    """
    for candidate in _candidates(found):
        if candidate.is_file():
            return candidate
    raise EnvironmentMissing(how_to_get(found))


def how_to_get(found: Architecture) -> str:
    """What to tell a user whose machine lacks the weights: the command, the source, where to put a file by hand."""
    if found.tag is None:
        return f"{found.name}: open_clip lists no weights of this model; name a file of your own with --weights"
    finding = (
        f"{found.name}: its weights ({found.tag}) are not on this machine; run `align3d weights fetch {found.name} "
        f"--pretrained {found.tag}` where there is a network"
    )
    if not (found.tag_config.get("url") or found.tag_config.get("hf_hub")):
        return f"{found.name}: no source of its weights ({found.tag}) is known; name a file of your own with --weights"
    return by_hand(source_of(found.name, found.tag, found.tag_config), cache_dir(), finding)


def _candidates(found: Architecture) -> list[Path]:
    if found.tag is None:
        return []
    ours = [cache_dir() / f"{found.name}.{found.tag}{suffix}" for suffix in WEIGHTS_SUFFIXES]
    url = found.tag_config.get("url")
    open_clips = [Path.home() / ".cache" / "clip" / os.path.basename(url)] if url else []
    return ours + _in_hub_cache(found.tag_config.get("hf_hub", "")) + open_clips


def _in_hub_cache(hub: str) -> list[Path]:
    """Files of `owner/name/` or `owner/name/file` that the hub's own cache on this machine holds."""
    from huggingface_hub import try_to_load_from_cache

    repository, name = os.path.split(hub)
    names = (Path(name).stem + ".safetensors", name) if name else HUB_NAMES
    found = [try_to_load_from_cache(repository, one) for one in names] if repository else []
    return [Path(one) for one in found if isinstance(one, str)]


def _own_archive_sha256(found: Architecture, path: Path) -> str | None:
    """The published hash where a cached file must be OpenAI's own archive: other formats are conversions of it."""
    return published_sha256(found.tag_config.get("url", "")) if path.suffix == ".pt" else None


def _fill(tower: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    own = tower.state_dict()
    shapes = [key for key in own.keys() & state.keys() if own[key].shape != state[key].shape]
    faults = {"misses": own.keys() - state.keys(), "has unknown": state.keys() - own.keys(), "shapes differ in": shapes}
    told = [f"{what} {', '.join(sorted(keys)[:4])} ({len(keys)} in all)" for what, keys in faults.items() if keys]
    if told:
        raise WeightsRejected(f"{source}: not weights of this backbone: {'; '.join(told)}")
    tower.load_state_dict(state)


def _build_visual(found: Architecture, quick_gelu: bool) -> nn.Module:
    vision = dict(found.config["vision_cfg"], timm_model_pretrained=False)
    return _build_vision_tower(found.config["embed_dim"], vision, quick_gelu)


def _kind_of(visual: nn.Module) -> type[Encoder]:
    if supports_vv(visual):
        return ClipViT
    if hasattr(visual, "trunk"):
        return TimmTower
    if hasattr(visual, "attnpool"):
        return ResNetTower
    if getattr(visual, "attn_pool", None) is not None:
        return AttentionPooledViT
    raise UsageError("this backbone's attention blocks are not CLIP's (scaled or normalised heads); choose another")


def _details(visual: nn.Module, kind: type[Encoder], settings: EncoderSettings) -> str:
    if kind is not ClipViT:
        return f"{kind.__name__} {settings.precision}"
    blocks = visual.transformer.resblocks
    activation = type(blocks[0].mlp.gelu).__name__
    return (
        f"vv_blocks={vv_block_count(settings.vv_blocks, len(blocks))} ln_post_global={settings.ln_post_global} "
        f"positions={settings.position_interpolation} {activation} {settings.precision}"
    )


def _side(size: int | list[int] | tuple[int, int]) -> int:
    return size if isinstance(size, int) else size[0]
