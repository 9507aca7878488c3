"""The published method in plain numpy, float64, written from its description: what a random CLIP must give.

Every function is the slow, obvious sentence. Image tower: AnomalyCLIP's dual path; text tower: CLIP with prompts that
enter at deeper blocks; losses: Align3D-AD (arXiv 2605.05850), sections 3.2 and 3.3.
"""

import numpy as np
from scipy.special import erf

VV_BLOCKS = 19  # of 24: the last ones run the V-V path beside the ordinary one
TEMPERATURE = 0.07


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def layer_norm(x, weights, name):
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def linear(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def heads_of(x, heads):
    """(..., L, D) -> (..., heads, L, D / heads)."""
    return np.moveaxis(x.reshape(*x.shape[:-1], heads, -1), -2, -3)


def attention(queries, keys, values, heads, mask=0.0):
    """softmax(Q K^T / sqrt(d)) V of every head, the heads side by side again."""
    q, k, v = (heads_of(x, heads) for x in (queries, keys, values))
    weights = softmax(q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]) + mask)
    return np.moveaxis(weights @ v, -3, -2).reshape(queries.shape)


def qkv(x, weights, name):
    """Queries, keys and values of a block's input, ln_1 applied."""
    inner = layer_norm(x, weights, f"{name}.ln_1")
    joint = inner @ weights[f"{name}.attn.in_proj_weight"].T + weights[f"{name}.attn.in_proj_bias"]
    return np.split(joint, 3, axis=-1)


def block(x, weights, name, heads, mask=0.0):
    """An ordinary residual block with quick GELU."""
    x = x + linear(attention(*qkv(x, weights, name), heads, mask), weights, f"{name}.attn.out_proj")
    hidden = linear(layer_norm(x, weights, f"{name}.ln_2"), weights, f"{name}.mlp.c_fc")
    return x + linear(hidden * sigmoid(1.702 * hidden), weights, f"{name}.mlp.c_proj")


def image_features(images, weights, vision, vv_blocks):
    """(V, T, D) tokens of the V-V path and (V, D) global features with and without ln_post."""
    side, layers, heads = vision["patch_size"], vision["layers"], vision["width"] // vision["head_width"]
    rows = vision["image_size"] // side
    cut = images.reshape(len(images), 3, rows, side, rows, side).transpose(0, 2, 4, 1, 3, 5)
    kernel = weights["visual.conv1.weight"].reshape(vision["width"], -1)
    patches = cut.reshape(len(images), rows * rows, -1) @ kernel.T
    first = np.broadcast_to(weights["visual.class_embedding"], (len(images), 1, vision["width"]))
    x = np.concatenate([first, patches], axis=1) + weights["visual.positional_embedding"]
    x = layer_norm(x, weights, "visual.ln_pre")
    beside = None
    for number in range(layers):
        name = f"visual.transformer.resblocks.{number}"
        if number >= layers - vv_blocks:
            _, _, values = qkv(x, weights, name)
            seen = linear(attention(values, values, values, heads), weights, f"{name}.attn.out_proj")
            beside = (x if beside is None else beside) + seen
        x = block(x, weights, name, heads)
    tokens = layer_norm(x if beside is None else beside, weights, "visual.ln_post") @ weights["visual.proj"]
    pooled = layer_norm(x[:, 0], weights, "visual.ln_post") @ weights["visual.proj"]
    return tokens, pooled, x[:, 0] @ weights["visual.proj"]


def text_features(learned, weights, text):
    """(2, D) of unit length of the prompts "X x 12 object." and "X x 12 damaged object.", deep prompts replaced."""
    rows = []
    mask = np.triu(np.full((text["context_length"],) * 2, -np.inf), 1)
    for state in ("pos", "neg"):
        parts = [learned[f"{part}_{state}"][0, 0] for part in ("token_prefix", "ctx", "token_suffix")]
        x = np.concatenate(parts) + weights["positional_embedding"]
        for number in range(text["layers"]):
            deep = learned.get(f"compound_prompts_text.{number - 1}")
            if deep is not None:
                x[1 : 1 + len(deep)] = deep
            x = block(x, weights, f"transformer.resblocks.{number}", text["heads"], mask)
        end = int(learned[f"tokenized_prompts_{state}"].argmax())  # the end token has the highest number
        rows.append(layer_norm(x, weights, "ln_final")[end] @ weights["text_projection"])
    return unit(np.stack(rows))


def enlarged(maps, size):
    """(V, K, h, w) -> (V, K, size, size): bilinear between the centres of the cells, constant beyond them."""
    side = maps.shape[-1]
    at = np.clip((np.arange(size) + 0.5) * side / size - 0.5, 0, side - 1)
    low = np.minimum(at.astype(int), side - 2)
    weight = np.zeros((size, side))
    weight[np.arange(size), low], weight[np.arange(size), low + 1] = 1 - (at - low), at - low
    return weight @ maps @ weight.T


def dice(probability, target):
    """1 - (2 overlap + 1) / (sum + sum + 1) of every sample, then the mean."""
    return np.mean(
        [1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1) for p, t in zip(probability, target, strict=True)]
    )


def focal(maps, masks):
    """Gamma 2 on probabilities, targets held 1e-5 off 0 and 1."""
    hot = np.clip(np.stack([1 - masks, masks], axis=1), 1e-5, 1 - 1e-5)
    true = (hot * maps).sum(axis=1) + 1e-5
    return np.mean(-((1 - true) ** 2) * np.log(true))


def contrastive(text, other):
    """Each class to itself in the other branch, against the other class in its own; mean of both."""
    losses = []
    for row in (0, 1):
        positive, negative = text[row] @ other[row], text[row] @ text[1 - row]
        losses.append(-np.log(np.exp(positive) / (np.exp(positive) + np.exp(negative))))
    return np.mean(losses)


def aligned(x, learned, name):
    """Three linear layers with GELU between them, of unit length."""
    for layer in ("input", "projection"):
        x = linear(x, learned, f"{name}.{layer}")
        x = 0.5 * x * (1 + erf(x / np.sqrt(2)))
    return unit(linear(x, learned, f"{name}.output"))


def expected(weights, config, learned, given):
    """Every intermediate result by name.

    weights, learned: state dicts as float64 arrays; given: images, view_masks, rgb_global, rgb_patch_tokens
    """
    vision, text = config["vision_cfg"], config["text_cfg"]

    def under(prefix):
        return {key[len(prefix) + 1 :]: value for key, value in learned.items() if key.startswith(prefix + ".")}

    plain, _, plain_global = image_features(given["images"], weights, vision, 0)
    tokens, pooled, bare = image_features(given["images"], weights, vision, VV_BLOCKS)
    one, two = (text_features(under(f"{which}prompt_learner"), weights, text) for which in ("", "second_"))
    found = given | {"plain_patch_tokens": plain, "plain_global_without_ln_post": plain_global}
    found |= {"vv_patch_tokens": tokens, "vv_global": pooled, "vv_global_without_ln_post": bare}
    found |= {"text_features": one, "text_features_second_set": two}
    patches = softmax(unit(tokens) @ one.T / TEMPERATURE)
    rows = vision["image_size"] // vision["patch_size"]
    maps = enlarged(np.moveaxis(patches[:, 1:], 1, 2).reshape(-1, 2, rows, rows), vision["image_size"])
    masks = given["view_masks"][:, 0]
    found |= {"patch_probabilities": patches, "view_maps": maps, "view_logits": unit(pooled) @ one.T / TEMPERATURE}
    found |= {"focal": focal(maps, masks), "dice_abnormal": dice(maps[:, 1], masks)}
    found |= {"dice_normal": dice(maps[:, 0], 1 - masks)}
    found |= {"contrastive_first_branch": contrastive(one, two), "contrastive_second_branch": contrastive(two, one)}
    own, rgb = unit(tokens), given["rgb_patch_tokens"]
    whole = aligned(unit(pooled), learned, "aligner.global_mlp")
    local = aligned(own, learned, "aligner.local_mlp")
    consistency = (own @ np.swapaxes(rgb, 1, 2)).mean(axis=2)
    near_whole = 1 - (whole * given["rgb_global"]).sum(axis=-1)
    near_local = 1 - (local * rgb).sum(axis=-1)
    found |= {"aligned_global": whole, "aligned_patch_tokens": local, "consistency": consistency}
    found["align_loss_unweighted"] = near_whole.mean() + near_local.mean()
    weighted = near_local * (1 + sigmoid(consistency))
    found["align_loss_published_weights_lambda_1"] = near_whole.mean() + weighted.mean()
    return found
