"""Probabilities, maps and view averages on cases worked by hand."""

import math

import pytest
import torch

from align3d_cli.model.aligner import Aligner
from align3d_cli.model.similarity import average_views, patch_probabilities, view_logits, view_maps, view_probability

TEXT = torch.eye(2)  # row 0 normal, row 1 abnormal


def test_probabilities_of_known_cosines():
    """Cosines 0.6 and 0.8 at temperature 0.1 give logits 6 and 8 and an abnormal share of 1 / (1 + e^-2)."""
    tokens = torch.tensor([[[0.6, 0.8], [1.0, 0.0]]])
    torch.testing.assert_close(view_logits(tokens, TEXT, 0.1)[0, 0], torch.tensor([6.0, 8.0]))
    probabilities = patch_probabilities(tokens, TEXT, 0.1)
    assert probabilities[0, 0, 1].item() == pytest.approx(1 / (1 + math.exp(-2)))
    torch.testing.assert_close(probabilities.sum(dim=-1), torch.ones(1, 2))
    assert view_probability(tokens[:, 0], TEXT, 0.1).item() == pytest.approx(1 / (1 + math.exp(-2)))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_features_are_compared_in_full(kind):
    """Features as a store keeps them meet float32 text vectors: what they say, computed in float32."""
    features = torch.nn.functional.normalize(torch.randn(3, 7, 5), dim=-1).to(kind)
    text = torch.nn.functional.normalize(torch.randn(2, 5), dim=-1)
    got = patch_probabilities(features, text)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, patch_probabilities(features.float(), text), atol=0, rtol=0)


def test_maps_put_patches_where_they_are():
    """The class row is dropped; patch 1 of a 2 x 3 grid is the middle of the top row, channel 1 the abnormal one."""
    probabilities = torch.zeros(1, 7, 2)
    probabilities[0, 0] = 9.0  # class row
    probabilities[0, 1 + 1, 1] = 1.0
    maps = view_maps(probabilities, (2, 3), (2, 3), class_token=True)
    assert maps.shape == (1, 2, 2, 3) and maps.sum() == 1 and maps[0, 1, 0, 1] == 1


def test_maps_are_bilinear_with_corners_off():
    """Doubling a pair 0, 1 gives 0, 1/4, 3/4, 1."""
    probabilities = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    maps = view_maps(probabilities, (1, 2), (1, 4), class_token=False)
    torch.testing.assert_close(maps[0, 1, 0], torch.tensor([0.0, 0.25, 0.75, 1.0]))


def test_maps_refuse_a_wrong_grid():
    """A class row left in, or a grid of another encoder, is a bug and says so."""
    with pytest.raises(ValueError, match="do not fill"):
        view_maps(torch.zeros(1, 5, 2), (2, 2), 8, class_token=False)


def test_the_view_average_is_per_sample():
    """With two samples of three views, each sample's mean holds its own views and none of the other's."""
    views = torch.tensor([1.0, 2.0, 3.0, 10.0, 20.0, 30.0])  # sample-major, as the feature store gives them
    assert average_views(views, 2).tolist() == [2.0, 20.0]
    logits = torch.stack([views, -views], dim=1)
    assert average_views(logits, 2).tolist() == [[2.0, -2.0], [20.0, -20.0]]


def test_the_published_average_mixes_samples():
    """The published form averages views 0, 2, 4 and 1, 3, 5 of that batch; with one sample both forms agree."""
    views = torch.tensor([1.0, 2.0, 3.0, 10.0, 20.0, 30.0])
    assert average_views(views, 2, per_sample=False).tolist() == [8.0, 14.0]
    assert average_views(views, 1, per_sample=False).tolist() == average_views(views, 1).tolist() == [11.0]
    with pytest.raises(ValueError, match="do not divide"):
        average_views(views, 4)


@pytest.mark.parametrize("dim", [5, 32])
def test_the_aligner_written_out(dim):
    """Three linear layers with the exact GELU between them, then unit length; global and tokens each their own."""
    aligner, features = Aligner(dim, seed=4), torch.randn(3, 7, dim)
    weights = aligner.state_dict()

    def written_out(x, mlp):
        for layer in ("input", "projection", "output"):
            x = x @ weights[f"{mlp}.{layer}.weight"].T + weights[f"{mlp}.{layer}.bias"]
            x = x if layer == "output" else x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        return x / x.square().sum(dim=-1, keepdim=True).sqrt()

    pooled, tokens = aligner(features[:, 0], features)
    torch.testing.assert_close(pooled, written_out(features[:, 0], "global_mlp"))
    torch.testing.assert_close(tokens, written_out(features, "local_mlp"))


def test_aligner_gives_unit_features_from_two_independent_mlps():
    """Global and local features go through different weights; a seed fixes them without touching torch's generator."""
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    aligner = Aligner(6, seed=1)
    assert torch.equal(before, torch.random.get_rng_state()) and aligner.dim == 6
    features = torch.randn(4, 6)
    pooled, tokens = aligner(features, features[None])
    torch.testing.assert_close(pooled.norm(dim=-1), torch.ones(4))
    assert tokens.shape == (1, 4, 6) and not torch.allclose(pooled, tokens[0])
    again = Aligner(6, seed=1).state_dict()
    assert all(torch.equal(value, again[key]) for key, value in aligner.state_dict().items())
    names = {f"{mlp}.{layer}.{kind}" for mlp in ("global_mlp", "local_mlp")
             for layer in ("input", "projection", "output") for kind in ("weight", "bias")}  # fmt: skip
    assert set(again) == names
