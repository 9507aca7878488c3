"""Both stages on made features: the losses of two epochs are numbers that are known."""

import pytest
import torch

from align3d_cli.model.aligner import Aligner
from align3d_cli.model.prompts import VectorPrompts
from align3d_cli.training.align import AlignSettings, train_aligner
from align3d_cli.training.prompts import Branches, PromptSettings, train_prompts
from align3d_cli.training.run import Run

ROUNDING = 1e-4  # relative, between processors and releases of torch; equal to the bit on one machine


def test_two_epochs_of_stage_1(store_and_names):
    """Tokens drawn, reweighted in the second epoch: loss and cosines as they have always been."""
    store, names = store_and_names
    config = AlignSettings(epochs=2, reweight_epochs=1, batch=5, tokens_per_view=9)
    aligner, lines = train_aligner(store, names, 16, config, Run())
    first = {"epoch": 1, "loss": 1.7476205, "cosine_global": 0.0603661, "cosine_local": 0.1920134}
    second = {"epoch": 2, "loss": 2.0908363, "cosine_global": 0.0879913, "cosine_local": 0.2132834}
    for line, known in zip(lines, (first, second), strict=True):
        assert line == pytest.approx(known, rel=ROUNDING)
    assert torch.isfinite(torch.cat([value.flatten() for value in aligner.state_dict().values()])).all()


def test_two_epochs_of_stage_2(store_and_names, spec):
    """Both branches, contrast in the second epoch: the sum of the losses, and two of its parts."""
    store, names = store_and_names
    prompts = {name: VectorPrompts(16, seed=seed) for seed, name in enumerate(("rendering", "rgb"))}
    config = PromptSettings(epochs=2, contrastive_epochs=1, batch=5)
    _, lines = train_prompts(store, names, Branches(spec, prompts, Aligner(16, seed=1)), config, Run())
    assert [line["loss"] for line in lines] == pytest.approx([11.3772063, 11.0527454], rel=ROUNDING)
    assert [line["rgb_maps"] for line in lines] == pytest.approx([0.5355772, 0.5349842], rel=ROUNDING)
    assert [line["rendering_contrastive"] for line in lines] == pytest.approx([0.5790912, 0.5812528], rel=ROUNDING)
