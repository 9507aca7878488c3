"""Prompts against open_clip's own text tower, with tokens put in by hand."""

import open_clip
import pytest
import torch
from torch.nn import functional

from align3d_cli.encoders.clip_text import load_text_tower
from align3d_cli.encoders.encoder import unit
from align3d_cli.encoders.state_files import text_key
from align3d_cli.errors import UsageError
from align3d_cli.model.prompts import ClipPrompts, FrozenPrompts, VectorPrompts, frozen_sentences

from ..tiny_clip import randomise

START, OBJECT, DAMAGED, STOP, END = 49406, 14115, 13568, 269, 49407  # CLIP's vocabulary; 269 is "."


@pytest.fixture(scope="module")
def tower(tiny_file, tiny_config):
    return load_text_tower("tiny", weights=tiny_file, config=tiny_config)


def randomised(prompts, seed=2):
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in prompts.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=rng))
    return prompts


def encode_by_hand(clip, contexts, ends, deep):
    """open_clip's own blocks on rows of ready embeddings; deep[i] overwrites positions 1.. before block i + 2."""
    x = torch.stack(contexts) + clip.positional_embedding
    for number, block in enumerate(clip.transformer.resblocks, start=1):
        if 2 <= number < 2 + len(deep):
            x = x.clone()
            x[:, 1 : 1 + len(deep[number - 2])] = deep[number - 2]
        x = block(x, attn_mask=clip.attn_mask)
    x = clip.ln_final(x)[torch.arange(len(ends)), ends]
    return functional.normalize(x @ clip.text_projection, dim=-1)


@pytest.mark.parametrize(("depth", "n_deep", "n_ctx"), [(3, 2, 5), (4, 4, 12), (1, 4, 3)])
def test_deep_prompts_are_tokens_put_in_by_hand(tiny_clip, tower, depth, n_deep, n_ctx):
    """Text features equal open_clip's blocks run on sentences whose tokens were replaced by hand."""
    prompts = randomised(ClipPrompts(tower, n_ctx=n_ctx, depth=depth, n_deep=n_deep))
    contexts, ends = [], []
    for words, learned in (((OBJECT, STOP), prompts.ctx_pos), ((DAMAGED, OBJECT, STOP), prompts.ctx_neg)):
        numbers = torch.zeros(77, dtype=torch.long)
        numbers[: 2 + n_ctx + len(words)] = torch.tensor([START, *[0] * n_ctx, *words, END])
        row = tiny_clip.token_embedding(numbers)
        row[1 : 1 + n_ctx] = learned[0, 0]
        contexts.append(row)
        ends.append(1 + n_ctx + len(words))
    wanted = encode_by_hand(tiny_clip, contexts, ends, list(prompts.compound_prompts_text))
    assert len(prompts.compound_prompts_text) == depth - 1
    torch.testing.assert_close(prompts(), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("layers", "width", "heads", "length", "quick", "depth", "n_deep", "n_ctx"),
    [
        (12, 64, 1, 77, True, 9, 4, 12),
        (12, 32, 8, 77, False, 12, 2, 4),
        (3, 48, 3, 32, True, 2, 7, 7),
        (6, 16, 2, 20, False, 1, 0, 1),
    ],
)
def test_text_towers_of_other_sizes(layers, width, heads, length, quick, depth, n_deep, n_ctx):
    """Blocks, width, heads, context length, activation and sizes of the prompts follow the model at hand."""
    text = {"context_length": length, "vocab_size": 49408, "width": width, "heads": heads, "layers": layers}
    vision = {"image_size": 16, "layers": 1, "width": 16, "patch_size": 8, "head_width": 8}
    config = {"embed_dim": 20, "quick_gelu": quick, "vision_cfg": vision, "text_cfg": text}
    reference = randomise(open_clip.model.CLIP(**config), seed=layers, spread=0.1)
    state = {text_key(key): value for key, value in reference.state_dict().items() if text_key(key)}
    tower = load_text_tower("other", weights=state, config=config)
    prompts = randomised(ClipPrompts(tower, n_ctx=n_ctx, depth=depth, n_deep=n_deep))
    contexts, ends = [], []
    for words, learned in (((OBJECT, STOP), prompts.ctx_pos), ((DAMAGED, OBJECT, STOP), prompts.ctx_neg)):
        numbers = torch.zeros(length, dtype=torch.long)
        numbers[: 2 + n_ctx + len(words)] = torch.tensor([START, *[0] * n_ctx, *words, END])
        row = reference.token_embedding(numbers).detach()
        row[1 : 1 + n_ctx] = learned[0, 0]
        contexts.append(row)
        ends.append(1 + n_ctx + len(words))
    wanted = encode_by_hand(reference, contexts, ends, list(prompts.compound_prompts_text))
    torch.testing.assert_close(prompts(), wanted, atol=1e-5, rtol=1e-4)
    tokens = tower.tokenize(["a cup."])
    plain = reference.encode_text(tokens, normalize=True)
    torch.testing.assert_close(tower.encode(["a cup."]), plain, atol=1e-5, rtol=1e-4)


def test_without_learned_tokens_prompts_are_plain_sentences(tiny_clip, tower):
    """Zero learned tokens give open_clip's encode_text of "object." and "damaged object."."""
    tokens = tower.tokenize(["object.", "damaged object."])
    wanted = tiny_clip.encode_text(tokens, normalize=True)
    torch.testing.assert_close(ClipPrompts(tower, n_ctx=0, depth=1, n_deep=0)(), wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(tower.encode(["object.", "damaged object."]), wanted, atol=1e-5, rtol=1e-5)


def test_nothing_after_the_end_token_is_computed(tower):
    """Positions behind the longest sentence's end do not enter at all: NaN there leaves the features as they are."""
    tokens = tower.tokenize(["object.", "damaged object."])
    embedded = tower.embed(tokens)
    wanted = tower.encode_embedded(embedded, tokens)
    embedded[:, 1 + int(tokens.argmax(dim=1).max()) :] = torch.nan
    assert torch.equal(tower.encode_embedded(embedded, tokens), wanted)


def test_learned_tokens_may_reach_beyond_the_end_token(tiny_clip, tower):
    """Deep prompts longer than the sentence overwrite its end, as they do in the full context."""
    prompts = randomised(ClipPrompts(tower, n_ctx=0, depth=2, n_deep=9))
    tokens = torch.cat([prompts.tokenized_prompts_pos[0], prompts.tokenized_prompts_neg[0]]).long()
    contexts = list(tiny_clip.token_embedding(tokens))
    wanted = encode_by_hand(tiny_clip, contexts, tokens.argmax(dim=1), list(prompts.compound_prompts_text))
    torch.testing.assert_close(prompts(), wanted, atol=1e-5, rtol=1e-5)


def test_state_keys_are_those_of_the_released_checkpoints(tower):
    """The state of a prompt learner holds the published names and shapes and nothing of the text tower."""
    shapes = {key: tuple(value.shape) for key, value in ClipPrompts(tower, depth=4).state_dict().items()}
    assert shapes == {
        "ctx_pos": (1, 1, 12, 16), "ctx_neg": (1, 1, 12, 16),
        "token_prefix_pos": (1, 1, 1, 16), "token_prefix_neg": (1, 1, 1, 16),
        "token_suffix_pos": (1, 1, 64, 16), "token_suffix_neg": (1, 1, 64, 16),
        "tokenized_prompts_pos": (1, 1, 77), "tokenized_prompts_neg": (1, 1, 77),
        **{f"compound_prompts_text.{i}": (4, 16) for i in range(3)},
    }  # fmt: skip


def test_gradients_reach_every_learned_token_and_nothing_else(tower):
    """Both contexts and all deep prompts learn, the frozen tower does not."""
    prompts = ClipPrompts(tower, depth=4)
    (prompts() * torch.randn(2, 24)).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in prompts.parameters())
    assert all(parameter.grad is None for parameter in tower.parameters())


def test_the_tower_goes_where_the_prompts_go(tiny_file, tiny_config):
    """Moving a prompt learner moves its text tower, so that training on another device needs no second call."""
    prompts = ClipPrompts(load_text_tower("tiny", weights=tiny_file, config=tiny_config), depth=4)
    before = prompts()
    after = prompts.double()()
    assert after.dtype == torch.float64
    torch.testing.assert_close(after.float(), before, atol=1e-5, rtol=1e-5)
    assert all(parameter.device.type == "meta" for parameter in prompts.to("meta").tower.parameters())


def test_initial_tokens_follow_the_seed(tower):
    """Learned tokens start from a normal draw of deviation 0.02 that only the seed decides."""
    one, two, other = (ClipPrompts(tower, depth=4, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.ctx_pos, two.ctx_pos) and not torch.equal(one.ctx_pos, other.ctx_pos)
    assert 0.016 < one.ctx_pos.std() < 0.024 and not torch.equal(one.ctx_pos, one.ctx_neg)


def test_prompts_that_do_not_fit_are_refused(tower):
    """More context than the text tower reads, or more depth than it has blocks, is a usage error."""
    with pytest.raises(UsageError, match="only 72 fit"):
        ClipPrompts(tower, depth=2, n_ctx=73)
    assert ClipPrompts(tower, depth=2, n_ctx=72)().shape == (2, 24)
    with pytest.raises(UsageError, match="4 blocks"):
        ClipPrompts(tower, depth=9)


def test_foreign_text_towers_are_refused():
    """Models whose text tower is a hub transformer point to directly learned vectors."""
    for name in ("roberta-ViT-B-32", "ViT-B-16-SigLIP", "coca_ViT-B-32"):
        with pytest.raises(UsageError, match="--prompts vectors"):
            load_text_tower(name, random_seed=0)


def test_frozen_prompts_are_the_mean_of_their_sentences(tiny_clip, tower):
    """Each hand-written vector is the normalised mean of its sentences' normalised features."""
    prompts = FrozenPrompts(tower, noun="bearing")
    for row, state in enumerate(("normal", "abnormal")):
        sentences = frozen_sentences(state, "bearing")
        assert len(set(sentences)) == 24 and all("bearing" in sentence for sentence in sentences)
        mean = tiny_clip.encode_text(tower.tokenize(sentences), normalize=True).mean(dim=0)
        torch.testing.assert_close(prompts()[row], unit(mean), atol=1e-5, rtol=1e-5)
    assert list(prompts.parameters()) == []


def test_vector_prompts_start_where_told_and_stay_unit():
    """Directly learned vectors take a start, have unit length whatever their values, and learn."""
    start = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 2.0]])
    prompts = VectorPrompts(3, init=start)
    torch.testing.assert_close(prompts(), torch.tensor([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]))
    with torch.no_grad():
        prompts.vectors.mul_(5)
    torch.testing.assert_close(prompts().norm(dim=-1), torch.ones(2))
    prompts()[0, 2].backward()
    assert prompts.vectors.grad[0, 2] > 0
    assert torch.equal(VectorPrompts(8, seed=3)(), VectorPrompts(8, seed=3)())
    with pytest.raises(ValueError, match="init must be"):
        VectorPrompts(4, init=start)


def test_deep_prompts_pass_through_float16_where_told(tower):
    """Text features are those of deep tokens rounded to float16, and so are the gradients of the deep tokens alone."""
    exact, half = (randomised(ClipPrompts(tower, depth=3, deep_prompts=kind)) for kind in ("float32", "float16"))
    rounded = randomised(ClipPrompts(tower, depth=3))
    with torch.no_grad():
        for learned in rounded.compound_prompts_text:
            learned.copy_(learned.half().float())
    assert torch.equal(half(), rounded()) and not torch.equal(half(), exact())
    for prompts in (half, rounded):
        prompts()[0, 0].backward()
    pairs = zip(half.compound_prompts_text, rounded.compound_prompts_text, strict=True)
    assert all(torch.equal(one.grad, other.grad.half().float()) for one, other in pairs)
    assert torch.equal(half.ctx_pos.grad, rounded.ctx_pos.grad)
