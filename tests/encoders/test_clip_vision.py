"""The CLIP image tower against a plain restatement of its attention and against open_clip's own forward."""

import math

import open_clip
import pytest
import torch
from torch.nn import functional

from align3d_cli.encoders.clip_vision import resize_positions, vv_block_count
from align3d_cli.encoders.encoder import unit
from align3d_cli.encoders.load import load_encoder
from align3d_cli.encoders.settings import EncoderSettings
from align3d_cli.errors import UsageError
from align3d_cli.model.similarity import patch_probabilities

from ..tiny_clip import randomise


def load(tiny_file, tiny_config, **settings):
    return load_encoder("tiny", weights=tiny_file, config=tiny_config, settings=EncoderSettings(**settings))


def layer_norm(x, weights, name):
    return functional.layer_norm(x, x.shape[-1:], weights[name + ".weight"], weights[name + ".bias"])


def softmax_attention(query, key, value):
    """softmax(Q K^T / sqrt(d)) V of one head, L x d each."""
    return torch.softmax(query @ key.T / math.sqrt(query.shape[-1]), dim=-1) @ value


def restated_tower(weights, image, n_vv, head_width=8, layers=5, quick=True, positions=None):
    """One normalised image (3, H, W) through the dual path, head by head. Returns (global before ln_post, tokens)."""
    kernel = weights["conv1.weight"]
    patches = functional.conv2d(image[None], kernel, stride=kernel.shape[2:]).flatten(2)[0].T
    positions = weights["positional_embedding"] if positions is None else positions
    x = torch.cat([weights["class_embedding"][None], patches]) + positions
    x = layer_norm(x, weights, "ln_pre")
    vv = None
    for layer in range(layers):
        if layer == layers - n_vv:
            vv = x.clone()
        w = {k.split(f"resblocks.{layer}.")[1]: v for k, v in weights.items() if f"resblocks.{layer}." in k}
        joint = layer_norm(x, w, "ln_1") @ w["attn.in_proj_weight"].T + w["attn.in_proj_bias"]
        q, k, v = (part.split(head_width, dim=1) for part in joint.chunk(3, dim=1))
        heads = range(len(q))
        ordinary = torch.cat([softmax_attention(q[h], k[h], v[h]) for h in heads], dim=1)
        if vv is not None:
            self_similar = torch.cat([softmax_attention(v[h], v[h], v[h]) for h in heads], dim=1)
            vv = vv + self_similar @ w["attn.out_proj.weight"].T + w["attn.out_proj.bias"]
        x = x + ordinary @ w["attn.out_proj.weight"].T + w["attn.out_proj.bias"]
        hidden = layer_norm(x, w, "ln_2") @ w["mlp.c_fc.weight"].T + w["mlp.c_fc.bias"]
        hidden = hidden * torch.sigmoid(1.702 * hidden) if quick else functional.gelu(hidden)
        x = x + hidden @ w["mlp.c_proj.weight"].T + w["mlp.c_proj.bias"]
    tokens = x if vv is None else vv
    return x[0], layer_norm(tokens, weights, "ln_post") @ weights["proj"]


@pytest.mark.parametrize("n_vv", [0, 1, 3, 5])
def test_vv_attention_is_what_it_says(tiny_clip, tiny_file, tiny_config, images, n_vv):
    """Tokens and global feature equal the attention written out head by head."""
    encoder = load(tiny_file, tiny_config, vv_blocks=n_vv)
    weights = dict(tiny_clip.visual.state_dict())
    pooled, tokens = encoder.raw(images)
    for i, image in enumerate((images - encoder.mean) / encoder.std):
        class_row, wanted = restated_tower(weights, image, n_vv)
        torch.testing.assert_close(tokens[i], wanted, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            pooled[i], layer_norm(class_row, weights, "ln_post") @ weights["proj"], atol=1e-4, rtol=1e-4
        )


# layers, width, head_width, image, patch, V-V blocks (None: the published share), quick-GELU, joint space
OTHER_TOWERS = {
    "12 blocks, heads of 64": (12, 128, 64, 28, 7, None, True, 40),
    "24 blocks": (24, 48, 16, 42, 14, None, True, 32),
    "32 blocks, GELU": (32, 32, 16, 24, 8, None, False, 16),
    "one head": (6, 24, 24, 20, 4, 2, True, 64),
    "all blocks": (4, 40, 10, 36, 12, 4, False, 24),
    "patches that are not square": (5, 32, 8, 32, (8, 4), 3, True, 24),
}


@pytest.mark.parametrize("how", OTHER_TOWERS)
def test_towers_of_other_sizes(how):
    """Depth, width, heads, patches, activation and number of V-V blocks follow the model, not the published one."""
    layers, width, head_width, size, patch, n_vv, quick, dim = OTHER_TOWERS[how]
    config = {
        "embed_dim": dim,
        "quick_gelu": quick,
        "vision_cfg": {
            "image_size": size, "layers": layers, "width": width, "patch_size": patch, "head_width": head_width,
        },
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    }  # fmt: skip
    settings = EncoderSettings(vv_blocks=n_vv)
    encoder = load_encoder("other", config=config, random_seed=layers, settings=settings)
    randomise(encoder.visual, seed=layers, spread=0.05)
    encoder.positions.copy_(encoder.visual.positional_embedding)
    weights = dict(encoder.visual.state_dict())
    views = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    pooled, tokens = encoder.raw(views)
    n_vv = {12: 10, 24: 19, 32: 25}[layers] if n_vv is None else n_vv
    image = ((views - encoder.mean) / encoder.std)[0]
    class_row, wanted = restated_tower(weights, image, n_vv, head_width, layers, quick)
    assert tokens.shape[1] == encoder.spec.n_tokens
    torch.testing.assert_close(tokens[0], wanted, atol=1e-4, rtol=1e-4)
    wanted = layer_norm(class_row, weights, "ln_post") @ weights["proj"]
    torch.testing.assert_close(pooled[0], wanted, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(pooled, encoder.visual(image[None]), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_views_in_half_precision_are_read_in_full(tiny_file, tiny_config, images, kind):
    """What counts is the tower's own precision: rounded views give what the same views in float32 give."""
    encoder = load(tiny_file, tiny_config)
    for got, wanted in zip(encoder(images.to(kind)), encoder(images.to(kind).float()), strict=True):
        assert got.dtype == torch.float32 and torch.equal(got, wanted)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_vv_attention_at_another_size(tiny_clip, tiny_file, tiny_config, mode):
    """A larger view reads the interpolated positions through the same dual path."""
    encoder = load(tiny_file, tiny_config, image_size=48, vv_blocks=3, position_interpolation=mode)
    weights = dict(tiny_clip.visual.state_dict())
    grid = weights["positional_embedding"][1:].reshape(1, 4, 4, -1).permute(0, 3, 1, 2)
    grown = functional.interpolate(grid, size=(6, 6), mode=mode, align_corners=False)[0].flatten(1).T
    positions = torch.cat([weights["positional_embedding"][:1], grown])
    views = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    image = ((views - encoder.mean) / encoder.std)[0]
    _, wanted = restated_tower(weights, image, 3, positions=positions)
    torch.testing.assert_close(encoder.raw(views)[1][0], wanted, atol=1e-4, rtol=1e-4)


def test_vv_attention_changes_tokens_not_the_global(tiny_file, tiny_config, images):
    """The second path is read by the tokens alone."""
    with_vv, without = (load(tiny_file, tiny_config, vv_blocks=n).raw(images) for n in (4, 0))
    torch.testing.assert_close(with_vv[0], without[0], atol=1e-5, rtol=1e-5)
    assert (with_vv[1] - without[1]).abs().max() > 0.1


def test_plain_tower_equals_open_clip(tiny_clip, tiny_file, tiny_config, images):
    """The global feature is open_clip's encode_image."""
    encoder = load(tiny_file, tiny_config)
    wanted = tiny_clip.encode_image((images - encoder.mean) / encoder.std, normalize=True)
    torch.testing.assert_close(encoder(images)[0], wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("norm_after_pool", [True, False])
def test_average_pooled_towers(tiny_config, images, norm_after_pool):
    """CLIPA's way of pooling (mean of the patches, no ln_pre) gives open_clip's global feature too."""
    vision = tiny_config["vision_cfg"] | {
        "pool_type": "avg",
        "no_ln_pre": True,
        "final_ln_after_pool": norm_after_pool,
        "ls_init_value": 0.3,
    }
    encoder = load_encoder("tiny", config=tiny_config | {"vision_cfg": vision}, random_seed=3)
    wanted = encoder.visual((images - encoder.mean) / encoder.std)
    torch.testing.assert_close(encoder.raw(images)[0], wanted, atol=1e-5, rtol=1e-5)


def test_ln_post_on_the_global_is_a_setting(tiny_clip, tiny_file, tiny_config, images):
    """AnomalyCLIP projects the class row without ln_post; the tokens stay the same."""
    plain = load(tiny_file, tiny_config, ln_post_global=False)
    class_row, _ = restated_tower(dict(tiny_clip.visual.state_dict()), ((images - plain.mean) / plain.std)[0], 0)
    pooled, tokens = plain.raw(images)
    torch.testing.assert_close(pooled[0], class_row @ tiny_clip.visual.proj, atol=1e-4, rtol=1e-4)
    assert torch.equal(tokens, load(tiny_file, tiny_config).raw(images)[1])


def test_everything_has_unit_length(tiny_file, tiny_config, images):
    """Global and tokens leave the encoder L2-normalised, class row first, in batches of any size."""
    encoder = load(tiny_file, tiny_config)
    pooled, tokens = encoder.encode(images, batch=2)
    assert pooled.shape == (3, 24) and tokens.shape == (3, encoder.spec.n_tokens, 24) and encoder.spec.grid == (4, 4)
    for features in (pooled, tokens):
        torch.testing.assert_close(features.norm(dim=-1), torch.ones(features.shape[:-1]))
    torch.testing.assert_close(tokens, encoder.encode(images, batch=3)[1], atol=1e-5, rtol=0)


def test_another_image_size_interpolates_positions(tiny_file, tiny_config, tiny_clip):
    """A constant image larger than the trained one reads positions interpolated bilinearly, corners included."""
    encoder = load(tiny_file, tiny_config, image_size=64)
    assert encoder.spec.grid == (8, 8) and encoder(torch.rand(1, 3, 64, 64))[1].shape == (1, 65, 24)
    grid = tiny_clip.visual.positional_embedding[1:].detach().reshape(4, 4, 32)
    resized = encoder.positions[1:].reshape(8, 8, 32)
    torch.testing.assert_close(resized[0, 0], grid[0, 0])  # outermost centres lie outside: clamped
    torch.testing.assert_close(resized[1, 0], 0.75 * grid[0, 0] + 0.25 * grid[1, 0])
    torch.testing.assert_close(encoder.positions[0], tiny_clip.visual.positional_embedding[0].detach())


def test_positions_keep_rows_and_columns_apart():
    """A ramp over the columns stays a ramp over the columns on a grid that is not square."""
    ramp = torch.cat([torch.zeros(1, 1), torch.arange(16.0).reshape(4, 4).remainder(4).reshape(16, 1)])
    resized = resize_positions(ramp, (2, 4), "bilinear")[1:].reshape(2, 4)
    torch.testing.assert_close(resized, torch.arange(4.0).expand(2, 4))


def test_the_published_share_of_vv_blocks():
    """19 of 24 unless told otherwise; a number the tower does not have is refused."""
    assert [vv_block_count(None, layers) for layers in (24, 12, 32)] == [19, 10, 25]
    assert vv_block_count(7, 12) == 7
    with pytest.raises(UsageError, match="12 blocks"):
        vv_block_count(19, 12)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_stays_close(tiny_file, tiny_config, images, precision):
    """Half-precision tokens are float32, of unit length, and give the same probabilities within a percent or two."""
    full, half = (load(tiny_file, tiny_config, precision=p)(images)[1] for p in ("float32", precision))
    assert half.dtype == torch.float32 and not torch.equal(full, half)
    text = unit(torch.randn(2, 24, generator=torch.Generator().manual_seed(0)))
    difference = patch_probabilities(half, text) - patch_probabilities(full, text)
    assert difference.abs().max() < 0.05


def test_images_of_another_size_are_refused(tiny_file, tiny_config):
    """Views must be drawn at the encoder's own size; resizing them silently would move pixels off their points."""
    with pytest.raises(ValueError, match="reads \\(3, 32, 32\\)"):
        load(tiny_file, tiny_config)(torch.rand(1, 3, 40, 40))


@pytest.mark.parametrize("name", ["ViT-S-32-alt", "ViT-M-16-alt"])
def test_named_backbones(name):
    """Models that open_clip knows by name build from a seed and give open_clip's global feature."""
    encoder = load_encoder(name, random_seed=0)
    views = torch.rand(1, 3, encoder.spec.image_size, encoder.spec.image_size)
    wanted = encoder.visual((views - encoder.mean) / encoder.std)
    torch.testing.assert_close(encoder(views)[0], unit(wanted), atol=1e-5, rtol=1e-5)
    assert encoder.spec.embed_dim == open_clip.get_model_config(name)["embed_dim"]
