"""The splatter against shapes whose visibility, depth and outline are known."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.render.cameras import fitted_cameras, pointad_cameras, preset_rotations
from align3d_cli.render.footprint import closing_footprint, splat_weights
from align3d_cli.render.splat import splat

SPHERE_AREA = 4 * np.pi * 50**2


@pytest.fixture(params=[20_000, 100_000, 400_000])
def sphere_view(request, sphere, spacing, pixel_centres):
    """A sphere of radius 50 seen from three sides: points, views, true depth of view 0 at the pixel centres."""
    xyz = sphere(request.param)
    cameras = fitted_cameras(xyz, preset_rotations("sphere:3"), 200)
    views = splat(xyz, cameras, spacing=spacing(SPHERE_AREA, len(xyz)))
    x, y = pixel_centres(cameras)
    middle_depth = torch.from_numpy(cameras.camera_from_cloud[0, :3, 3])[2]
    depth = middle_depth - (2500 - x**2 - y**2).clamp(min=0).sqrt()
    return xyz, views, depth, (x**2 + y**2).sqrt()


def test_a_sphere_hides_its_far_half(sphere_view):
    """Points on the near half of a sphere are visible, those on the far half are not, but for a narrow rim."""
    xyz, views, _, _ = sphere_view
    toward = -views.cameras.camera_from_cloud[:, 2, :3] @ xyz.T / 50  # 1 nearest to the eye, -1 farthest
    visible = views.visible.numpy()
    assert visible[toward > 0.15].mean() > 0.999
    assert visible[toward < -0.25].mean() < 1e-3


def test_a_sphere_closes_and_keeps_its_outline(sphere_view):
    """No hole inside the outline, nothing more than a pixel beyond it."""
    _, views, _, off_axis = sphere_view
    drawn = views.index[0] >= 0
    pixel = 1 / views.cameras.scale_px
    assert drawn[off_axis < 50 - 2 * pixel].float().mean() > 0.9995
    assert not drawn[off_axis > 50 + 1 * pixel].any()


def test_the_blended_depth_of_a_sphere(sphere_view):
    """The blended surface lies on the sphere within a tenth of a pixel, no pixel shows the far side."""
    xyz, views, depth, off_axis = sphere_view
    inner = (views.index[0] >= 0) & (off_axis < 45)
    error_px = ((views.surface[0] - depth)[inner] * views.cameras.scale_px).abs()
    assert error_px.median() < 0.1
    assert (error_px > 3).float().mean() < (2e-3 if len(xyz) < 50_000 else 1e-4)


def test_the_index_is_the_point_at_the_pixel(sphere_view):
    """The point that a pixel shows lies near the pixel's centre and is visible there."""
    xyz, views, _, _ = sphere_view
    u, v, _ = views.cameras.project(xyz)
    row, column = (views.index[0] >= 0).nonzero(as_tuple=True)
    point = views.index[0][row, column].long()
    away = torch.maximum((u[0, point] - column - 0.5).abs(), (v[0, point] - row - 0.5).abs())
    assert away.median() < 0.6 * (50_000 / len(xyz)) ** 0.5 + 0.5
    assert views.visible[0, point].float().mean() > 0.97
    own = views.pixel_of_point[0, point].long()
    assert torch.equal(own, v[0, point].long() * 200 + u[0, point].long())


@pytest.mark.parametrize("slopes", [(0.0, 0.0), (0.7, -0.4), (3.0, 1.0)])
def test_a_plane_is_exact(tilted_plane, spacing, pixel_centres, slopes):
    """The blended depth of a plane is the plane at the pixel centres, every point is visible, also at 72 degrees."""
    xyz = tilted_plane(60_000, *slopes)
    cameras = fitted_cameras(xyz, preset_rotations("front:1"), 150)
    area = 1e4 * np.sqrt(1 + slopes[0] ** 2 + slopes[1] ** 2)
    views = splat(xyz, cameras, spacing=spacing(area, len(xyz)))
    x, y = pixel_centres(cameras)
    rotation, shift = cameras.camera_from_cloud[0, :3, :3], cameras.camera_from_cloud[0, :3, 3]
    normal = rotation @ np.array([*slopes, -1.0])
    depth = (normal @ shift - normal[0] * x - normal[1] * y) / normal[2]
    inner = (views.index[0] >= 0) & (torch.maximum(x.abs(), y.abs()) < 0.9 * 50)
    error_px = (views.surface[0] - depth)[inner].abs() * cameras.scale_px
    assert inner.sum() > 100
    assert error_px.quantile(0.99) < 2e-3
    assert views.visible.float().mean() > 0.999


def test_a_plane_in_perspective(tilted_plane, spacing):
    """A tilted plane seen by a pinhole comes out within a hundredth of a pixel."""
    xyz = tilted_plane(60_000, 0.5, 0.2)
    cameras = pointad_cameras(xyz, preset_rotations("front:1"), 150)
    views = splat(xyz, cameras, spacing=spacing(1e4 * np.sqrt(1.29), len(xyz)))
    axis = (torch.arange(150, dtype=torch.float64) + 0.5 - 75) / cameras.scale_px
    ray = torch.stack(
        [axis.expand(150, 150), axis[:, None].expand(150, 150), torch.ones(150, 150, dtype=torch.float64)]
    )
    rotation, shift = cameras.camera_from_cloud[0, :3, :3], cameras.camera_from_cloud[0, :3, 3]
    normal = torch.from_numpy(rotation @ np.array([0.5, 0.2, -1.0]))
    depth = (normal @ torch.from_numpy(shift)) / torch.einsum("i,ihw->hw", normal, ray)
    inner = (views.index[0] >= 0)[40:-40, 40:-40]
    error_px = (views.surface[0] - depth)[40:-40, 40:-40][inner].abs() * cameras.scale_px / depth[75, 75]
    assert inner.float().mean() > 0.99
    assert error_px.quantile(0.99) < 0.01


def test_a_cube_shows_three_faces(cube, spacing):
    """Seen along its diagonal a cube shows exactly the three faces that look to the eye."""
    xyz, normals = cube(60_000)
    rotation = preset_rotations("front:1")[0]
    toward = np.array([1.0, 1.0, 1.0]) / np.sqrt(3)
    right = np.cross([0.0, 1.0, 0.0], toward)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(toward, right), toward])[None]
    cameras = fitted_cameras(xyz, rotation, 200)
    views = splat(xyz, cameras, spacing=spacing(6e4, len(xyz)))
    facing = normals @ toward > 0
    rim = np.abs(np.abs(xyz).max(axis=1) - np.sort(np.abs(xyz), axis=1)[:, 1]) < 2.5  # within 2.5 of a cube edge
    assert views.visible[0].numpy()[facing].mean() > 0.999
    assert views.visible[0].numpy()[~facing & ~rim].mean() < 2e-3


def test_a_noisy_sheet_is_smoothed_and_wholly_visible(tilted_plane, spacing):
    """Noise of a third of a pixel on a dense sheet: the blended depth has a fraction of it, every point is visible."""
    rng = np.random.default_rng(5)
    xyz = tilted_plane(300_000, 0.3, 0.0)
    cameras = fitted_cameras(xyz, preset_rotations("front:1"), 150)
    noise = 0.33 / cameras.scale_px
    flat_depth = splat(xyz, cameras, spacing=spacing(1.05e4, len(xyz))).surface
    xyz[:, 2] += rng.normal(size=len(xyz)) * noise
    views = splat(xyz, cameras, spacing=spacing(1.05e4, len(xyz)))
    error = (views.surface - flat_depth)[0, 20:-20, 20:-20] * cameras.scale_px
    assert error.std() < 0.12
    assert views.visible.float().mean() > 0.9


def test_a_step_stays_sharp(spacing):
    """Two sheets at different depths: both keep their points visible up to the edge, pixels show one or the other."""
    rng = np.random.default_rng(0)
    xyz = np.column_stack([rng.uniform(-50, 50, (80_000, 2)), np.zeros(80_000)])
    xyz[:, 2] = np.where(xyz[:, 0] > 0, 20.0, 0.0)
    cameras = fitted_cameras(xyz, preset_rotations("front:1"), 150)
    views = splat(xyz, cameras, spacing=spacing(1e4, len(xyz)))
    assert views.visible.float().mean() > 0.995
    drawn = views.index[0] >= 0
    depth = views.surface[0][drawn]
    near, far = depth.min(), depth.max()
    assert far - near == pytest.approx(20.0, abs=0.5)
    assert (torch.minimum((depth - near).abs(), (depth - far).abs()) < 0.5).float().mean() > 0.999
    shown = torch.from_numpy(xyz[:, 2])[views.index[0][drawn].long()] > 10
    column = drawn.nonzero()[:, 1]
    assert ((column + 0.5 > 75) == shown).float().mean() > 0.98


def test_grids_need_small_splats():
    """A regular grid with one point a pixel closes, and its outline grows by less than two pixels."""
    x, y = np.meshgrid(np.arange(100.0), np.arange(100.0))
    xyz = np.column_stack([x.ravel(), y.ravel(), np.zeros(10_000)])
    cameras = fitted_cameras(xyz, preset_rotations("front:1"), 120)
    drawn = splat(xyz, cameras, spacing=1.0).index[0] >= 0
    rows, columns = drawn.any(dim=1).nonzero(), drawn.any(dim=0).nonzero()
    assert drawn[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].all()
    assert rows.max() - rows.min() <= 99 * cameras.scale_px + 4


def test_a_plain_z_buffer_keeps_one_point_a_pixel(sphere):
    """With tolerance 0 and a given radius, each pixel shows the nearest of all points whose square covers it."""
    xyz = sphere(3000)
    cameras = pointad_cameras(xyz, preset_rotations("real3d")[:2], 64)
    views = splat(xyz, cameras, spacing=1.0, depth_tolerance=0.0, radius_px=2.5)
    u, v, depth = cameras.project(xyz)
    column, row, depth = u[1].floor(), v[1].floor(), depth[1].float()
    expected = torch.full((64, 64), -1, dtype=torch.int32)
    for i in range(64):
        for j in range(64):
            covering = ((column - j).abs() <= 2) & ((row - i).abs() <= 2)
            if covering.any():
                expected[i, j] = torch.where(covering, depth, torch.inf).argmin()
    assert torch.equal(views.index[1], expected)
    assert torch.equal(views.surface, views.depth)
    assert views.visible[1].sum() < 1000


def test_points_outside_the_image_have_no_pixel(sphere):
    """Points beside the image or behind the camera are -1, never visible, and do no harm."""
    xyz = np.concatenate([sphere(5000, radius=1.0), [[100.0, 0, 0], [0, 0, 500.0]]])
    cameras = pointad_cameras(xyz[:-2], preset_rotations("front:1"), 64)
    views = splat(xyz, cameras, spacing=0.02)
    assert (views.pixel_of_point[0, -2:] == -1).all()
    assert not views.visible[0, -2:].any()
    assert (views.pixel_of_point[0, :-2] >= 0).all()


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_a_handful_of_points(n):
    """Clouds of a few points, or of one point many times, are drawn and seen."""
    xyz = np.random.default_rng(n).normal(size=(n, 3))
    for cloud in (xyz, np.repeat(xyz[:1], n, axis=0)):
        views = splat(cloud, fitted_cameras(cloud, preset_rotations("sphere:2"), 64), spacing=0.0)
        assert views.visible.any(dim=0).float().mean() > 0.4
        assert (views.index >= 0).any(dim=2).any(dim=1).all()


def test_wrong_points_are_refused():
    """Anything but (N, 3) is a bug of the caller."""
    cameras = fitted_cameras(np.eye(3), preset_rotations("front:1"), 16)
    for wrong in (np.zeros((4, 2)), np.zeros((0, 3))):
        with pytest.raises(ValueError):
            splat(wrong, cameras, spacing=1.0)


@pytest.mark.parametrize("copies", [2, 5])
def test_copies_of_points_change_no_picture(sphere, spacing, copies):
    """A cloud whose points are all there several times is drawn as the cloud itself: copies close no gap."""
    xyz = sphere(20_000)
    cameras = fitted_cameras(xyz, preset_rotations("sphere:3"), 200)
    apart = spacing(SPHERE_AREA, len(xyz))
    once, often = (splat(cloud, cameras, spacing=apart) for cloud in (xyz, np.repeat(xyz, copies, axis=0)))
    torch.testing.assert_close(once.depth, often.depth, equal_nan=True)


def test_frames_laid_over_each_other_leave_no_holes(sphere, spacing, pixel_centres):
    """Ten noisy frames of one fixed sensor: the gaps between its rays are closed although points abound."""
    xyz = sphere(20_000)
    apart = spacing(SPHERE_AREA, len(xyz))
    rng = np.random.default_rng(0)
    frames = np.concatenate([xyz + rng.normal(scale=0.05 * apart, size=xyz.shape) for _ in range(10)])
    cameras = fitted_cameras(frames, preset_rotations("sphere:3"), 400)
    views = splat(frames, cameras, spacing=point_spacing(frames))
    x, y = pixel_centres(cameras)
    inside = (x**2 + y**2).sqrt() < 50 - 2 / cameras.scale_px
    assert (views.index[0] >= 0)[inside].float().mean() > 0.9995


def test_gradual_blending_has_no_jumps(sphere):
    """As the picture grows, splats widen and weights follow without steps."""
    xyz, rotations = sphere(20_000), preset_rotations("sphere:2")
    drawn = [
        closing_footprint(fitted_cameras(xyz, rotations, size), xyz, 0.5, gradual=True) for size in range(50, 250, 3)
    ]
    widths = [footprint.width_px or 0.0 for footprint in drawn]
    assert np.ptp(widths) > 1 and np.abs(np.diff(widths)).max() < 0.2
    weights = [splat_weights(width) for width in np.linspace(1, 6, 500)]
    for one, two in pairwise(weights):
        longer = np.pad(one, (0, len(two) - len(one)))
        assert np.abs(longer - two).max() <= 3


def test_whole_pixels_are_the_default(sphere):
    """Models that state no blending are drawn as ever: as wide as one pixel beyond the square."""
    xyz = sphere(5000)
    footprint = closing_footprint(fitted_cameras(xyz, preset_rotations("sphere:2"), 200), xyz, 0.5)
    assert footprint.width_px is None
    assert footprint.weights == splat_weights(footprint.reach_px + 1)
