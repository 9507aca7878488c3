"""Image towers other than CLIP's ViT: the global feature is the model's own, tokens are its head at one position."""

import pytest
import torch

from align3d_cli.encoders.load import load_encoder
from align3d_cli.encoders.settings import EncoderSettings
from align3d_cli.encoders.towers import _single_positions
from align3d_cli.errors import UsageError

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
TOWERS = {  # one of every family among open_clip's models, as small as they come
    "clip resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "head_width": 8},
    "attention pooled": {
        "image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 8,
        "attentional_pool": True, "attn_pooler_heads": 2,
    },
    "timm cnn": {"timm_model_name": "resnet10t", "timm_pool": "", "timm_proj": "linear", "image_size": 64},
    "timm norm after pool": {"timm_model_name": "convnext_atto", "timm_pool": "", "image_size": 64},
    "timm channels last": {"timm_model_name": "swin_tiny_patch4_window7_224", "timm_pool": "", "image_size": 224},
    "timm class token": {"timm_model_name": "vit_tiny_patch16_224", "timm_pool": "token"},
    "timm average with class token": {"timm_model_name": "vit_tiny_patch16_224", "timm_pool": "avg"},
    "timm attention pool": {"timm_model_name": "vit_pe_core_tiny_patch16_384", "timm_pool": "map"},
}  # fmt: skip
GRIDS = {"attention pooled": (4, 4), "timm channels last": (7, 7)}
TIMM_VIT = ("timm class token", "timm average with class token", "timm attention pool")
SETTINGS = {kind: EncoderSettings(image_size=64) for kind in TIMM_VIT}  # smaller than trained, so positions resize


def build(kind):
    config = {"embed_dim": 24, "vision_cfg": TOWERS[kind], "text_cfg": TEXT}
    return load_encoder(kind, config=config, settings=SETTINGS.get(kind), random_seed=0)


@pytest.mark.parametrize("kind", TOWERS)
def test_global_is_the_models_own(kind):
    """Every family gives its own image feature and one token a position, no class row, of unit length."""
    encoder = build(kind)
    spec = encoder.spec
    views = torch.rand(2, 3, spec.image_size, spec.image_size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        own = encoder.visual((views - encoder.mean) / encoder.std)
    torch.testing.assert_close(encoder.raw(views)[0], own, atol=1e-5, rtol=1e-5)
    assert spec.grid == GRIDS.get(kind, (4, 4) if kind in TIMM_VIT else (2, 2)) and not spec.class_token
    tokens = encoder(views)[1]
    assert tokens.shape == (2, spec.grid[0] * spec.grid[1], 24)
    torch.testing.assert_close(tokens.norm(dim=-1), torch.ones(tokens.shape[:2]))


@pytest.mark.parametrize("kind", ["timm cnn", "timm channels last"])
def test_average_pooled_tokens_average_to_the_global(kind):
    """Where the head averages and projects, the mean of the tokens is the global feature."""
    encoder = build(kind)
    views = torch.rand(2, 3, encoder.spec.image_size, encoder.spec.image_size)
    pooled, tokens = encoder.raw(views)
    torch.testing.assert_close(tokens.mean(dim=1), pooled, atol=1e-5, rtol=1e-4)


def test_attention_pool_over_one_position_is_its_token():
    """CoCa's pooler over a single patch gives that patch's token, whatever the query."""
    encoder = build("attention pooled")
    views = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        x = encoder.visual.transformer(encoder.visual._embeds((views - encoder.mean) / encoder.std))
        alone = encoder.visual._pool(x[:, 6:7])[0] @ encoder.visual.proj
    torch.testing.assert_close(encoder.raw(views)[1][:, 5], alone, atol=1e-5, rtol=1e-5)


def test_positions_run_row_by_row_in_every_layout():
    """Channels first, channels last and token sequences of the same map give the same order of positions."""
    maps = torch.arange(2 * 3 * 4 * 4.0).reshape(2, 3, 4, 4)
    trunk = torch.nn.Module()
    first = _single_positions(trunk, maps)
    sequence = _single_positions(trunk, maps.flatten(2).transpose(1, 2))
    trunk.output_fmt = "NHWC"
    last = _single_positions(trunk, maps.permute(0, 2, 3, 1))
    assert first[1] == last[1] == sequence[1] == (4, 4)
    assert torch.equal(first[0].flatten(1), last[0].flatten(1))
    assert torch.equal(first[0].flatten(1), sequence[0].flatten(1))


def test_blocks_that_are_not_clips_are_refused():
    """A ViT with normalised heads is neither CLIP's nor pooled by attention: said, not guessed."""
    vision = {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 8, "qk_norm": True}
    with pytest.raises(UsageError, match="choose another"):
        load_encoder("odd", config={"embed_dim": 8, "vision_cfg": vision, "text_cfg": TEXT}, random_seed=0)
