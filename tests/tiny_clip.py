"""A CLIP small enough for tests, with every weight random, as a file in open_clip's layout."""

import open_clip
import pytest
import torch
from safetensors.torch import save_file

TINY = {
    "embed_dim": 24,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 5, "width": 32, "patch_size": 8, "head_width": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 4},
}


def randomise(module, seed=0, spread=0.2):
    """Every parameter drawn anew, norms and biases too, so that no term can hide behind a zero or a one."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            centre = 1.0 if ".ln_" in f".{name}" and name.endswith("weight") else 0.0
            parameter.copy_(centre + spread * torch.randn(parameter.shape, generator=rng))
    return module.eval()


@pytest.fixture(scope="session")
def tiny_config():
    return TINY


@pytest.fixture(scope="session")
def tiny_clip():
    """open_clip's own model, the reference."""
    return randomise(open_clip.model.CLIP(**TINY))


@pytest.fixture(scope="session")
def tiny_file(tiny_clip, tmp_path_factory):
    """Its state dict as a safetensors file."""
    path = tmp_path_factory.mktemp("clip") / "tiny.safetensors"
    save_file({key: value.contiguous() for key, value in tiny_clip.state_dict().items()}, path)
    return path


@pytest.fixture(scope="session")
def images():
    """(3, 3, 32, 32) in [0, 1]."""
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
