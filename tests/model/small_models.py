"""Models of every profile on the small random CLIP of `tests/tiny_clip.py`."""

from dataclasses import replace

import pytest
import torch

from align3d_cli.model.aligner import Aligner
from align3d_cli.model.parts import bundle_encoder
from align3d_cli.model.profiles import get_profile
from align3d_cli.model.start import untrained, with_view_size


@pytest.fixture(scope="session")
def clip_bundles(tiny_clip, tiny_config):
    """Models of the three profiles on one small CLIP that travels in the model itself, with random learned parts."""
    bundles, rng = {}, torch.Generator().manual_seed(5)
    visual = {f"encoder.{key}": value for key, value in tiny_clip.visual.state_dict().items()}
    dim = tiny_config["embed_dim"]
    learned = {
        f"text.{b}": torch.nn.functional.normalize(torch.randn(2, dim, generator=rng)) for b in ("rendering", "rgb")
    }
    with torch.random.fork_rng():
        torch.manual_seed(6)
        learned |= {f"aligner.{key}": value for key, value in Aligner(dim).state_dict().items()}
    for name in ("paper", "pointad", "align3d"):
        bundle = untrained(get_profile(name), "mvtec3d", backbone="tiny")
        bundle = replace(
            bundle,
            encoder={"name": "tiny", "config": tiny_config, "settings": bundle.encoder["settings"]},
            tensors=visual | {k: v for k, v in learned.items() if name != "pointad" or k == "text.rendering"},
        )
        bundles[name] = with_view_size(bundle, bundle_encoder(bundle, "cpu"))
    return bundles
