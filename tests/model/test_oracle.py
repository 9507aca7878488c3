"""What the published implementation gives on a small random CLIP, reproduced entry by entry.

Twice: against its own numbers, where they are at hand, and against the method written out in plain numpy.
"""

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file

from align3d_cli.encoders.clip_text import load_text_tower
from align3d_cli.encoders.encoder import unit
from align3d_cli.encoders.load import load_encoder
from align3d_cli.encoders.settings import EncoderSettings
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.prompts import ClipPrompts
from align3d_cli.model.similarity import patch_probabilities, view_logits, view_maps
from align3d_cli.training.losses import (
    alignment_loss,
    consistency_weights,
    contrastive_loss,
    dice_loss,
    focal_loss,
    holistic_consistency,
)

from ..tiny_clip import randomise
from . import own_oracle

TOLERANCE = 1e-4


CONFIG = {
    "embed_dim": 48,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 56, "layers": 24, "width": 128, "patch_size": 14, "head_width": 64},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 12},
}


@pytest.fixture(scope="module", params=["published", "own"])
def oracle(request, tmp_path_factory):
    """The published implementation's own numbers where they are at hand, and everywhere those of plain numpy."""
    if request.param == "own":
        return write_own(tmp_path_factory.mktemp("oracle"))
    folder = request.getfixturevalue("shared_data") / "oracle"
    if not (folder / "expected.npz").is_file():
        pytest.skip("the oracle's files are not beside this checkout")
    return folder


def write_own(folder: Path) -> Path:
    """A CLIP, prompts and an aligner of random numbers, and what `own_oracle` says that they give."""
    clip = randomise(open_clip.model.CLIP(**CONFIG), spread=0.1)
    draw = torch.Generator().manual_seed(5)
    save_file({key: value.contiguous() for key, value in clip.state_dict().items()}, folder / "clip.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG))
    tower = load_text_tower("oracle", weights=folder / "clip.safetensors", config=CONFIG)
    learned = {f"aligner.{key}": value for key, value in randomise(Aligner(48), seed=1).state_dict().items()}
    for seed, name in enumerate(("prompt_learner", "second_prompt_learner"), 2):
        prompts = randomise(ClipPrompts(tower), seed=seed)
        learned |= {f"{name}.{key}": value for key, value in prompts.state_dict().items()}
    save_file({key: value.contiguous() for key, value in learned.items()}, folder / "learned.safetensors")
    images, masks = torch.randn(6, 3, 56, 56, generator=draw), torch.rand(6, 1, 56, 56, generator=draw) > 0.8
    rgb = unit(torch.randn(6, 48, generator=draw)), unit(torch.randn(6, 17, 48, generator=draw))
    given = {"images": images, "view_masks": masks.float(), "rgb_global": rgb[0], "rgb_patch_tokens": rgb[1]}
    found = own_oracle.expected(wide(clip.state_dict()), CONFIG, wide(learned), wide(given))
    np.savez(folder / "expected.npz", **{name: np.asarray(value, np.float32) for name, value in found.items()})
    return folder


def wide(tensors):
    """Every tensor as a float64 array."""
    return {key: value.detach().double().numpy() for key, value in tensors.items()}


@pytest.fixture(scope="module")
def expected(oracle):
    with np.load(oracle / "expected.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.fixture(scope="module")
def clip(oracle):
    return {
        "weights": oracle / "clip.safetensors",
        "config": json.loads((oracle / "open_clip_config.json").read_text()),
    }


@pytest.fixture(scope="module")
def learned(oracle):
    return load_file(oracle / "learned.safetensors")


def encode(clip, images, **settings):
    """Features before normalisation of already normalised images, as the oracle has them."""
    encoder = load_encoder("oracle", **clip, settings=EncoderSettings(**settings))
    with torch.no_grad():
        return encoder.features(images)


def part(learned, prefix):
    return {key[len(prefix) + 1 :]: value for key, value in learned.items() if key.startswith(prefix + ".")}


def text_features(clip, learned, prefix):
    prompts = ClipPrompts(load_text_tower("oracle", **clip))
    prompts.load_state_dict(part(learned, prefix))
    return prompts().detach()


def close(actual, wanted):
    torch.testing.assert_close(actual, wanted, atol=TOLERANCE, rtol=0)


def test_ordinary_attention(clip, expected):
    """Without V-V attention tokens and global feature are those of the plain tower."""
    pooled, tokens = encode(clip, expected["images"], vv_blocks=0, ln_post_global=False)
    close(tokens, expected["plain_patch_tokens"])
    close(pooled, expected["plain_global_without_ln_post"])


def test_vv_attention(clip, expected):
    """The last 19 of 24 blocks run the dual path; ln_post on the global feature as PointAD."""
    pooled, tokens = encode(clip, expected["images"])
    close(tokens, expected["vv_patch_tokens"])
    close(pooled, expected["vv_global"])


def test_vv_attention_of_anomalyclip(clip, expected):
    """AnomalyCLIP's current code leaves ln_post out of the global feature."""
    pooled, _ = encode(clip, expected["images"], ln_post_global=False)
    close(pooled, expected["vv_global_without_ln_post"])


def test_text_features(clip, learned, expected):
    """Both prompt learners give the published text features through deep prompts."""
    close(text_features(clip, learned, "prompt_learner"), expected["text_features"])
    close(text_features(clip, learned, "second_prompt_learner"), expected["text_features_second_set"])


def test_maps_and_logits(expected):
    """Patch probabilities, view maps and view logits at temperature 0.07."""
    text = expected["text_features"]
    probabilities = patch_probabilities(unit(expected["vv_patch_tokens"]), text)
    close(probabilities, expected["patch_probabilities"])
    close(view_maps(probabilities, (4, 4), 56, class_token=True), expected["view_maps"])
    close(view_logits(unit(expected["vv_global"]), text), expected["view_logits"])


def test_images_to_maps(clip, learned, expected):
    """The whole way from images and stored prompts to view maps, in one go."""
    encoder = load_encoder("oracle", **clip)
    images = expected["images"] * encoder.std + encoder.mean  # the encoder normalises images in [0, 1] itself
    pooled, tokens = encoder.encode(images, batch=4)
    text = text_features(clip, learned, "prompt_learner")
    maps = view_maps(patch_probabilities(tokens, text), encoder.spec.grid, encoder.spec.image_size, True)
    close(maps, expected["view_maps"])
    close(view_logits(pooled, text), expected["view_logits"])


def test_map_losses(expected):
    """Focal and both dice losses against the rendered masks."""
    maps, masks = expected["view_maps"], expected["view_masks"]
    close(focal_loss(maps, masks), expected["focal"])
    close(dice_loss(maps[:, 1], masks[:, 0]), expected["dice_abnormal"])
    close(dice_loss(maps[:, 0], 1 - masks[:, 0]), expected["dice_normal"])


def test_contrastive(expected):
    """Dual-prompt contrastive alignment of the RGB (first) and the rendering (second) branch."""
    first, second = expected["text_features"], expected["text_features_second_set"]
    close(contrastive_loss(first, second), expected["contrastive_first_branch"])
    close(contrastive_loss(second, first), expected["contrastive_second_branch"])


def test_alignment(learned, expected):
    """Aligner, consistency of the rendering's own tokens, and both forms of the alignment loss."""
    aligner = Aligner(48)
    aligner.load_state_dict(part(learned, "aligner"))
    pooled, tokens = unit(expected["vv_global"]), unit(expected["vv_patch_tokens"])
    aligned_global, aligned_tokens = aligner(pooled, tokens)
    close(aligned_global, expected["aligned_global"])
    close(aligned_tokens, expected["aligned_patch_tokens"])
    rgb = expected["rgb_global"], expected["rgb_patch_tokens"]
    consistency = holistic_consistency(tokens, rgb[1])
    close(consistency, expected["consistency"])
    close(alignment_loss(aligned_global, aligned_tokens, *rgb), expected["align_loss_unweighted"])
    weights = consistency_weights(consistency, "published", 1.0)
    loss = alignment_loss(aligned_global, aligned_tokens, *rgb, weights)
    close(loss, expected["align_loss_published_weights_lambda_1"])


def test_every_entry_is_used(expected):
    """No entry of the oracle is left untested (names of this module's text, inputs included)."""
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in expected if f'"{name}"' not in source] == []
