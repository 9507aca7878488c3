"""The networks of a model fit its settings and each other, or the model is refused."""

import pytest
import torch

from align3d_cli.errors import WeightsRejected
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.parts import bundle_aligner, bundle_encoder, check_fit
from align3d_cli.render.settings import ViewSettings


@pytest.mark.parametrize(
    "wrong",
    [{"weights": 5}, {"weights": "x", "weights_sha256": "short"}, {"weights": "x", "weights_sha256": 7}, {"odd": 1},
     {"name": 3}, {"settings": 5}, {"settings": {"odd": 1}}, {"config": {"embed_dim": 8}}, {"config": 8}],
)  # fmt: skip
def test_settings_that_are_none_are_refused(tiny_config, wrong):
    """Whatever a header says of its tower ends in one line with exit code 5."""
    encoder = {"name": "tiny", "config": tiny_config, "random_seed": 0, "settings": {}} | wrong
    with pytest.raises(WeightsRejected) as caught:
        bundle_encoder(Bundle("m", encoder, {}), "cpu")
    assert "\n" not in str(caught.value)


def test_prompts_must_fit_the_tower(tiny_config):
    """Rows of another length would end in a failure over shapes while scoring."""
    settings = {"name": "tiny", "config": tiny_config, "random_seed": 0}
    encoder, views = bundle_encoder(Bundle("m", settings, {}), "cpu"), ViewSettings(size_px=32)
    check_fit(Bundle("m", settings, {"text.rendering": torch.zeros(2, 24)}, views), encoder)
    for shape in ((2, 25), (3, 24), (24,)):
        with pytest.raises(WeightsRejected, match=r"shape \(.*needs \(2, 24\)"):
            check_fit(Bundle("m", settings, {"text.rendering": torch.zeros(shape)}, views), encoder)


def test_an_aligner_belongs_to_the_rgb_branch():
    """Without RGB prompts there is none; with them its layers must all be there, of their size."""
    tensors = {f"aligner.{key}": value for key, value in Aligner(8, seed=0).state_dict().items()}
    assert bundle_aligner(Bundle("m", {}, tensors), "cpu") is None
    model = Bundle("m", {}, tensors | {"text.rgb": torch.zeros(2, 8)})
    aligner = bundle_aligner(model, "cpu")
    assert aligner is not None and aligner.dim == 8
    del model.tensors["aligner.local_mlp.output.bias"]
    with pytest.raises(WeightsRejected, match=r"m: .*misses local_mlp\.output\.bias"):
        bundle_aligner(model, "cpu")
