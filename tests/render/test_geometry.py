"""Geometry channels on depth images whose normals and relief are known."""

import pytest
import torch

from align3d_cli.render.geometry import mirrored, plane_fit, relief_channels

SIZE = 64


def ramp(slope_x: float, slope_y: float) -> torch.Tensor:
    """(1, H, W) depth of a plane with these slopes, in px."""
    v, u = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    return (slope_x * u + slope_y * v)[None].float()


def plane_by_definition(depth: torch.Tensor, mask: torch.Tensor, row: int, column: int, half: int) -> torch.Tensor:
    """Offset and slopes of the least-squares plane in the window around one pixel, by lstsq."""
    rows, columns = torch.meshgrid(
        torch.arange(row - half, row + half + 1), torch.arange(column - half, column + half + 1), indexing="ij"
    )
    inside = mask[rows, columns]
    design = torch.stack([torch.ones_like(rows), columns - column, rows - row], -1)[inside].double()
    return torch.linalg.lstsq(design, depth[rows, columns][inside].double()[:, None]).solution[:, 0]


@pytest.mark.parametrize(("slope_x", "slope_y"), [(0.0, 0.0), (0.5, -0.25), (2.0, 1.0)])
def test_a_plane_has_its_normal_and_no_relief(slope_x: float, slope_y: float):
    """A tilted plane gives its own unit normal everywhere inside and no relief in any band."""
    channels = relief_channels(ramp(slope_x, slope_y), torch.ones(1, SIZE, SIZE, dtype=torch.bool))[0, :, 24:40, 24:40]
    expected = torch.nn.functional.normalize(torch.tensor([slope_x, slope_y, 1.0]), dim=0)
    assert torch.allclose(channels[0] * 2 - 1, expected[0].expand(16, 16), atol=1e-3)
    assert torch.allclose(channels[1] * 2 - 1, expected[1].expand(16, 16), atol=1e-3)
    assert torch.allclose(channels[2], expected[2].expand(16, 16), atol=1e-3)
    assert torch.allclose(channels[3:], torch.full_like(channels[3:], 0.5), atol=0.02)


def test_mirrored_channels_are_those_of_the_mirrored_surface():
    """Exchanging left and right before or after drawing gives the same channels."""
    coarse = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    depth = 6 * torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bicubic")[:, 0]
    mask = torch.ones(2, SIZE, SIZE, dtype=torch.bool)
    channels = relief_channels(depth, mask)
    torch.testing.assert_close(mirrored(channels), relief_channels(depth.flip(-1), mask), atol=0.02, rtol=0)
    assert (channels[:, 0] - channels[:, 0].flip(-1)).abs().max() > 0.2


def test_fit_is_least_squares_in_the_window():
    """On a ragged surface with holes each pixel's plane is the least-squares plane of its window."""
    generator = torch.Generator().manual_seed(1)
    depth = torch.randn(1, SIZE, SIZE, generator=generator) + ramp(0.3, 0.1)
    mask = torch.rand(1, SIZE, SIZE, generator=generator) > 0.4
    plane = plane_fit(depth, mask, 2)
    for row, column in [(5, 5), (30, 41), (60, 20)]:
        expected = plane_by_definition(depth[0], mask[0], row, column, 2)
        found = torch.stack([t[0, row, column] for t in (plane.offset, plane.slope_x, plane.slope_y)]).double()
        assert torch.allclose(found, expected, atol=5e-3)


def test_a_bump_rises_and_a_dent_sinks():
    """A bump of 3 px is above one half in the middle bands, the same dent below it, mirrored."""
    v, u = torch.meshgrid(torch.arange(SIZE) - 32, torch.arange(SIZE) - 32, indexing="ij")
    bump = -3.0 * torch.exp(-(u**2 + v**2) / (2 * 4.0**2))[None]
    mask = torch.ones(1, SIZE, SIZE, dtype=torch.bool)
    up, down = relief_channels(bump, mask)[0], relief_channels(-bump, mask)[0]
    assert (up[4:6, 32, 32] > 0.6).all()
    assert torch.allclose(up[3:] - 0.5, 0.5 - down[3:], atol=1e-5)


def test_background_is_neutral():
    """Pixels off the scan carry 0.5 in signed channels and a normal z of 0, whatever depth they hold."""
    mask = torch.zeros(1, SIZE, SIZE, dtype=torch.bool)
    mask[:, 20:40, 20:40] = True
    channels = relief_channels(torch.where(mask, 0.0, 99.0), mask)[0]
    assert (channels[:, 0, 0] == torch.tensor([0.5, 0.5, 0.0, 0.5, 0.5, 0.5, 0.5])).all()
    assert torch.allclose(channels[3:, 30, 30], torch.full((4,), 0.5))
