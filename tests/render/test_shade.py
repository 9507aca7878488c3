"""The looks: head light by hand, colours, normals, depth and masks from one camera."""

import numpy as np
import pytest
import torch

from align3d_cli.render import shade
from align3d_cli.render.cameras import fitted_cameras, pointad_cameras, preset_rotations
from align3d_cli.render.splat import splat


@pytest.fixture
def tilted(tilted_plane):
    """A plane tilted by 45 degrees about y, seen straight on: views and the plane's normal for every point."""
    xyz = tilted_plane(20_000, 1.0, 0.0)
    views = splat(xyz, fitted_cameras(xyz, preset_rotations("front:1"), 80), spacing=0.5)
    return views, np.tile(np.array([-1.0, 0.0, 1.0], np.float32) / np.sqrt(2), (len(xyz), 1))


@pytest.mark.parametrize("sign", [1, -1])
def test_grey_by_hand(tilted, sign):
    """At 45 degrees the grey is 0.924 cos 45, without a glint, whichever way the normal points; around it is white."""
    views, normals = tilted
    image = shade.grey(views, sign * normals)
    drawn = views.index[0] >= 0
    assert image.shape == (1, 3, 80, 80)
    torch.testing.assert_close(image[0, :, drawn], torch.full((3, int(drawn.sum())), 0.924 * 0.5**0.5))
    assert (image[0, :, ~drawn] == 1).all()


def test_grey_glints_where_the_surface_faces_the_eye(sphere):
    """Facing the eye the sum is clipped to 1; a few degrees off it follows the formula."""
    xyz = sphere(50_000)
    views = splat(xyz, fitted_cameras(xyz, preset_rotations("front:1"), 100), spacing=0.3)
    image = shade.grey(views, xyz / 50)
    assert image[0, 0, 50, 50] == 1.0
    point = views.index[0, 50, 57].item()
    cos_theta = xyz[point, 2] / 50
    expected = 0.924 * cos_theta + 0.4 * (2 * cos_theta**2 - 1) ** 100
    assert image[0, 0, 50, 57].item() == pytest.approx(min(expected, 1.0), abs=1e-4)


def test_grey_in_perspective_is_lit_from_the_eye(tilted_plane):
    """In the corner of a pinhole view of a flat plane, cos(theta) is that of the ray, not of the axis."""
    xyz = tilted_plane(40_000, 0.0, 0.0)
    cameras = pointad_cameras(xyz, preset_rotations("front:1"), 100)
    views = splat(xyz, cameras, spacing=0.3)
    row, column = (views.index[0] >= 0).nonzero()[0].tolist()
    ray = np.array([column + 0.5 - 50, row + 0.5 - 50, cameras.scale_px])
    cos_theta = ray[2] / np.linalg.norm(ray)
    expected = 0.924 * cos_theta + 0.4 * (2 * cos_theta**2 - 1) ** 100
    image = shade.grey(views, np.tile([0.0, 0.0, 1.0], (len(xyz), 1)))
    assert image[0, 0, row, column].item() == pytest.approx(expected, abs=1e-4)


def test_colour_is_the_points_own(tilted):
    """Coloured views show the colour of the very point that the index map names, and white elsewhere."""
    views, normals = tilted
    colours = np.random.default_rng(0).integers(0, 256, (len(normals), 3), dtype=np.uint8)
    image = shade.colour(views, colours)
    row, column = (views.index[0] >= 0).nonzero()[77].tolist()
    np.testing.assert_allclose(image[0, :, row, column], colours[views.index[0, row, column]] / 255.0, atol=1e-6)
    assert image[0, :, views.index[0] < 0].min() == 1


def test_lit_grey_colours_are_grey_views(tilted):
    """A cloud coloured 0.7 grey, lit, is the grey view within the depth of 8 bits."""
    views, normals = tilted
    grey_points = np.full((len(normals), 3), 178, np.uint8)
    lit = shade.lit_colour(views, grey_points, normals)
    torch.testing.assert_close(lit, shade.grey(views, normals), atol=0.01, rtol=0)


def test_normals_point_to_the_eye(tilted):
    """Normals come in the camera's frame: right, up, to the eye, whichever way they were given."""
    views, normals = tilted
    for given in (normals, -normals):
        image = shade.normal_map(views, given)
        drawn = views.index[0] >= 0
        expected = torch.tensor([0.5 - 0.5**1.5, 0.5, 0.5 + 0.5**1.5])[:, None].expand(-1, int(drawn.sum()))
        torch.testing.assert_close(image[0, :, drawn], expected)
        assert (image[0, :, ~drawn] == 0.5).all()


def test_depth_is_nearest_bright(tilted):
    """The near edge of the plane is 1, the far edge 0.25, empty pixels 0."""
    views, _ = tilted
    image = shade.depth_map(views)
    drawn = views.index[0] >= 0
    assert image[0, 0][drawn].max() == 1 and image[0, 0][drawn].min().item() == pytest.approx(0.25)
    assert (image[0, 0][~drawn] == 0).all()
    assert image[0, 0, 40, 70] > image[0, 0, 40, 10]  # z rises with x, towards the eye


def test_masks_are_where_the_defect_points_are(tilted_plane):
    """A painted disc comes back as a disc: same camera as the images, same points."""
    xyz = tilted_plane(60_000, 0.2, 0.1)
    defect = np.hypot(xyz[:, 0] - 10, xyz[:, 1] + 5) < 15
    cameras = fitted_cameras(xyz, preset_rotations("front:3"), 150)
    views = splat(xyz, cameras, spacing=0.2)
    mask = shade.mask_views(views, defect)
    assert mask.dtype == torch.bool and mask.shape == (3, 150, 150)
    area = mask[0].sum().item() / cameras.scale_px**2
    assert area == pytest.approx(np.pi * 15**2, rel=0.03)
    own = views.pixel_of_point[0].long()
    assert mask[0].flatten()[own[defect]].float().mean() > 0.95
    assert mask[0].flatten()[own[~defect]].float().mean() < 0.01
