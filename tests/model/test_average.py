"""The mean of models: by hand, and what has none."""

from dataclasses import replace

import pytest
import torch

from align3d_cli.errors import UsageError
from align3d_cli.model.average import average_bundles
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.settings import ScoringSettings


def model(level: float, text: torch.Tensor) -> Bundle:
    tensors = {
        "encoder.stem.weight": torch.full((2, 2), level, dtype=torch.float16),
        "encoder.norm.num_batches_tracked": torch.tensor(int(level)),
        "text.rendering": text,
        "text.rgb": text,
        "aligner.global_mlp.input.bias": torch.ones(2),
    }
    return Bundle("tiny", {"name": "lite"}, tensors, calibration=Calibration(offset=level), sha256=str(level))


def test_the_mean_of_two_models_by_hand():
    """Shares 3 and 1: weights 0 and 4 give 1; axes x and y give unit vectors along (3, 1)."""
    x, y = torch.tensor([[1.0, 0.0]]).expand(2, 2), torch.tensor([[0.0, 1.0]]).expand(2, 2)
    mean = average_bundles([model(0.0, x), model(4.0, y)], [3.0, 1.0])
    assert torch.equal(mean.tensors["encoder.stem.weight"], torch.ones(2, 2, dtype=torch.float16))
    expected = torch.tensor([[3.0, 1.0], [3.0, 1.0]]) / 10**0.5
    torch.testing.assert_close(mean.tensors["text.rendering"], expected)
    assert [part["share"] for part in mean.record["average"]] == [0.75, 0.25]
    assert [part["sha256"] for part in mean.record["average"]] == ["0.0", "4.0"]


def test_settings_are_the_first_ones_and_what_was_learned_for_one_tower_stays_behind():
    """Neither the second stage nor the calibration of either model fits the mean of their towers."""
    text, scoring = torch.eye(2), ScoringSettings(top_share=0.25)
    mean = average_bundles([replace(model(0.0, text), scoring=scoring), model(1.0, text)], [1.0, 1.0])
    assert mean.scoring == scoring and mean.calibration == Calibration() and mean.branches == ("rendering",)
    assert not mean.part("aligner") and mean.sha256 is None


def test_models_of_one_tower_keep_the_first_aligner_and_share_their_rgb_prompts():
    """Axes x and y give the diagonal in both branches; the second aligner is dropped. Half a tower more: no aligner."""
    x, y = torch.tensor([[1.0, 0.0]]).expand(2, 2), torch.tensor([[0.0, 1.0]]).expand(2, 2)
    first, second = model(1.0, x), model(1.0, y)
    other = replace(second, tensors=second.tensors | {"aligner.global_mlp.input.bias": torch.zeros(2)})
    mean = average_bundles([first, other], [1.0, 1.0])
    for branch in ("rendering", "rgb"):
        torch.testing.assert_close(mean.tensors[f"text.{branch}"], torch.full((2, 2), 0.5**0.5))
    assert torch.equal(mean.part("aligner")["global_mlp.input.bias"], torch.ones(2))
    assert mean.calibration == Calibration()
    without = replace(second, tensors={k: v for k, v in second.tensors.items() if k != "text.rgb"})
    for unlike in (model(1.5, y), without):
        assert average_bundles([first, unlike], [1.0, 1.0]).branches == ("rendering",)


def test_what_has_no_mean_is_refused():
    """One model, a share too few or of nothing, a model without prompts, towers of other settings or sizes."""
    first = model(0.0, torch.eye(2))
    for count, shares in ((1, [1.0]), (2, [1.0]), (2, [1.0, 0.0]), (2, [1.0, float("nan")])):
        with pytest.raises(UsageError, match="share"):
            average_bundles([first] * count, shares)
    larger = replace(first, tensors=first.tensors | {"encoder.stem.weight": torch.ones(3, 3)})
    for other in (larger, replace(first, encoder={"name": "lite", "variant": "lite1"})):
        with pytest.raises(UsageError, match="another tower"):
            average_bundles([first, other], [1.0, 1.0])
    promptless = replace(first, tensors={k: v for k, v in first.tensors.items() if not k.startswith("text.")})
    with pytest.raises(UsageError, match="no prompts"):
        average_bundles([first, promptless], [1.0, 1.0])
