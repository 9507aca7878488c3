"""The default model's tower: shapes, padding, and folding that changes nothing."""

import pytest
import torch
from torch.nn import functional as F

from align3d_cli.encoders.lite import LiteEncoder
from align3d_cli.encoders.lite_trunk import LiteTrunk, SameConv, fold_batch_norms, grow_kernels, load_imagenet


@pytest.mark.parametrize(
    ("kernel", "height", "width", "pads"),
    [(3, 8, 8, (0, 1, 0, 1)), (5, 8, 6, (1, 2, 1, 2)), (5, 9, 8, (1, 2, 2, 2)), (3, 7, 7, (1, 1, 1, 1))],
)
def test_same_padding_puts_the_odd_pixel_right_and_below(kernel, height, width, pads):
    """A stride-2 convolution pads as TensorFlow does: at both sides alike, an odd pixel at the end."""
    conv = SameConv(2, 4, kernel, 2, groups=2)
    image = torch.rand(1, 2, height, width)
    expected = F.conv2d(F.pad(image, pads), conv.weight, conv.bias, stride=2, groups=2)
    torch.testing.assert_close(conv(image), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("side", [64, 36, 47])
def test_growing_kernels_keeps_the_output(side):
    """Sides that stay even and sides that become odd: the same maps, and nothing is left to pad a kernel with."""
    torch.manual_seed(0)
    trunk, images = LiteTrunk(in_channels=3).eval(), torch.rand(2, 3, side, side)
    with torch.no_grad():
        before = trunk(images)
        grow_kernels(trunk, images)
        after = trunk(images)
        kernels = [conv.kernel_size for conv in trunk.modules() if isinstance(conv, SameConv)]
        grow_kernels(trunk, images)
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert any(kernel[0] % 2 == 0 for kernel in kernels)
    assert kernels == [conv.kernel_size for conv in trunk.modules() if isinstance(conv, SameConv)]


def test_tokens_are_unit_vectors_on_a_grid_of_stride_four():
    """Images (B, 7, S, S) give (B, D) and (B, (S/4)^2, D) of unit length."""
    encoder = LiteEncoder(image_size=64, embed_dim=16, width=32).eval()
    pooled, tokens = encoder(torch.rand(2, 7, 64, 64))
    assert (pooled.shape, tokens.shape) == ((2, 16), (2, 256, 16))
    assert encoder.spec.n_tokens == 256
    assert torch.allclose(tokens.norm(dim=-1), torch.ones(2, 256), atol=1e-5)


def test_folding_batch_norms_keeps_the_output():
    """The folded tower gives the same tokens as the tower it came from."""
    torch.manual_seed(0)
    encoder = LiteEncoder(image_size=64, embed_dim=16, width=32)
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
    images = torch.rand(1, 7, 64, 64)
    with torch.no_grad():
        before = encoder.eval()(images)[1]
        after = fold_batch_norms(encoder)(images)[1]
    assert torch.allclose(before, after, atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in encoder.modules())


def test_published_weights_load_in_order_and_the_stem_is_spread():
    """Weights for 3 channels load into a trunk of 7; equal channels give the same stem response."""
    rgb = LiteTrunk("lite0")
    wide = LiteTrunk("lite0", in_channels=7)
    load_imagenet(wide, rgb.state_dict())
    image = torch.rand(1, 1, 32, 32)
    ours = wide.stem[0](image.expand(-1, 7, -1, -1))
    kernel = rgb.stem[0].weight.repeat(1, 3, 1, 1)[:, :7] * (3 / 7)
    assert torch.allclose(ours, F.conv2d(F.pad(image.expand(-1, 7, -1, -1), (0, 1, 0, 1)), kernel, stride=2), atol=1e-5)
    assert torch.equal(wide.stages[6][0].body[0][0].weight, rgb.stages[6][0].body[0][0].weight)
