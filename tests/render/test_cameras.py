"""Cameras: where they stand, what fills their image, and the views of every preset."""

import numpy as np
import pytest
import torch

from align3d_cli.render.cameras import Cameras, fitted_cameras, pointad_cameras, preset_rotations, rolled_to_fit

PRESETS = [
    "mvtec",
    "eyecandies",
    "real3d",
    "sphere:9",
    "sphere:1",
    "front:9",
    "front-z:5",
    "front+x:3",
    "front-y:4",
    "around:9",
    "around:14",
    "facing:9",
]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_rotations(name):
    """Every preset turns the cloud rigidly; that of Eyecandies alone mirrors it, since it swaps two axes."""
    rotations = preset_rotations(name)
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (len(rotations), 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(rotations), -1.0 if name == "eyecandies" else 1.0)


def test_published_presets_have_nine_views():
    """The published presets draw nine views; real3d goes around the x axis, by 36 to 144 degrees and 180."""
    assert [len(preset_rotations(name)) for name in ("mvtec", "eyecandies", "real3d")] == [9, 9, 9]
    angles = np.degrees(np.arctan2(preset_rotations("real3d")[:, 2, 1], preset_rotations("real3d")[:, 1, 1]))
    np.testing.assert_allclose(np.sort(np.abs(angles)), [36, 36, 72, 72, 108, 108, 144, 144, 180], atol=1e-9)


def test_the_eyecandies_camera_steps_back_until_it_sees_all_points():
    """In steps of 0.005, one after the other; from as far as the others where everything is seen at once."""
    xyz = np.random.default_rng(6).uniform(-0.5, 0.5, (500, 3))
    rotations = preset_rotations("eyecandies")
    near, back = pointad_cameras(xyz, rotations), pointad_cameras(xyz, rotations, step_back=0.005)
    for view in range(9):
        steps, matrix = 0, near.camera_from_cloud[view].copy()
        while True:
            u, v, _ = Cameras(matrix[None], "perspective", near.scale_px, 336).project(xyz)
            if min(u.min(), v.min()) >= 0 and max(u.max(), v.max()) <= 336:
                break
            matrix[2, 3] += 0.005
            steps += 1
        np.testing.assert_allclose(back.camera_from_cloud[view], matrix, atol=1e-12)
    flat = xyz * [1, 1, 1e-3]
    pairs = (pointad_cameras(flat, preset_rotations("front:1"), step_back=step) for step in (None, 0.005))
    np.testing.assert_array_equal(*(cameras.camera_from_cloud for cameras in pairs))


def test_front_views_start_straight_and_stay_in_the_cone():
    """front:N looks straight along -z first and never more than 45 degrees off; front-z does so from behind."""
    toward = preset_rotations("front:9")[:, 2]
    np.testing.assert_allclose(toward[0], [0, 0, 1], atol=1e-12)
    assert (toward @ [0, 0, 1]).min() > np.cos(np.radians(45))
    assert (preset_rotations("front-z:9")[:, 2] @ [0, 0, -1]).min() > np.cos(np.radians(45))


def test_sphere_views_look_from_everywhere():
    """From any direction the nearest of 20 sphere views is less than 35 degrees away."""
    anywhere = np.random.default_rng(0).normal(size=(2000, 3))
    anywhere /= np.linalg.norm(anywhere, axis=1, keepdims=True)
    nearest = (anywhere @ preset_rotations("sphere:20")[:, 2].T).max(axis=1)
    assert nearest.min() > np.cos(np.radians(35))


@pytest.mark.parametrize("name", ["top", "sphere:", "sphere:0", "front:x", "mvtec:9"])
def test_unknown_presets_are_named(name):
    """A preset that does not exist is refused with the list of those that do."""
    with pytest.raises(ValueError, match="sphere:N"):
        preset_rotations(name)


def test_fitted_cameras_just_hold_the_cloud():
    """Every view shows the whole cloud within the margin, the widest view touches it, and all share one scale."""
    xyz = np.random.default_rng(1).normal(size=(5000, 3)) * [3, 1, 0.2] + [1e4, -500, 7]
    cameras = fitted_cameras(xyz, preset_rotations("sphere:9"), 200, margin=0.05)
    u, v, depth = cameras.project(xyz)
    assert min(u.min(), v.min()) >= 10 - 1e-6 and max(u.max(), v.max()) <= 190 + 1e-6
    width = torch.maximum(u.amax(1) - u.amin(1), v.amax(1) - v.amin(1))
    assert width.max().item() == pytest.approx(180)
    np.testing.assert_allclose((u.amax(1) + u.amin(1)) / 2, 100, atol=1e-6)
    assert depth.min() > 0


def test_long_parts_are_rolled_onto_the_diagonal():
    """A rod of 100 x 4 lies along the diagonal: the square around it has (100 + 4) / sqrt 2 a side, not 100."""
    xyz = np.random.default_rng(4).uniform(-0.5, 0.5, (20_000, 3)) * [100, 4, 2] + [1e5, 3, -7]
    rotations = preset_rotations("front:5")
    rolled = rolled_to_fit(xyz, rotations)
    np.testing.assert_allclose(rolled[:, 2], rotations[:, 2], atol=1e-12)  # the same direction of view
    np.testing.assert_allclose(np.linalg.det(rolled), 1.0)
    cameras = fitted_cameras(xyz, rolled[:1], 200, margin=0.0)
    assert 200 / cameras.scale_px == pytest.approx(104 / 2**0.5, rel=0.01)
    u, v, _ = (part.numpy() for part in cameras.project(xyz))
    np.testing.assert_allclose([u.min(), v.min(), u.max(), v.max()], [0, 0, 200, 200], atol=2)


def test_no_view_gets_smaller_by_rolling():
    """Whatever the cloud, each view's square is at most what it was; a box that fits its square stays as it is."""
    xyz = np.random.default_rng(5).normal(size=(3000, 3)) * [3, 1, 0.4]
    for name in ("sphere:9", "front:9"):
        before, rotations = preset_rotations(name), rolled_to_fit(xyz, preset_rotations(name))
        for one, two in zip(before, rotations, strict=True):
            assert np.ptp(xyz @ two[:2].T, axis=0).max() <= np.ptp(xyz @ one[:2].T, axis=0).max() * (1 + 1e-9)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    np.testing.assert_allclose(rolled_to_fit(corners, preset_rotations("front:1")), preset_rotations("front:1"))


def test_pointad_cameras_look_at_the_middle_from_the_published_distance():
    """The bounding box centre of the rotated cloud lands in the image centre, 0.7 / tan 30 longest sides away."""
    xyz = np.random.default_rng(2).uniform(-1, 1, (4000, 3)) * [2, 1, 0.5]
    rotations = preset_rotations("mvtec")
    cameras = pointad_cameras(xyz, rotations, 336)
    rotated = xyz @ rotations[3].T
    low, high = rotated.min(axis=0), rotated.max(axis=0)
    middle = 0.5 * (low + high) @ rotations[3]  # back into the cloud's frame
    u, v, depth = cameras.project(middle[None])
    assert (u[3].item(), v[3].item()) == pytest.approx((168, 168))
    assert depth[3].item() == pytest.approx(0.7 / np.tan(np.radians(30)) * (high - low).max())
    assert cameras.scale_px == pytest.approx(168 / np.tan(np.radians(30)))


def test_projection_by_hand():
    """A point 1 right, 2 up, 10 away lies 10 px right of and 20 px above the middle at 100 px focal length."""
    camera_from_cloud = np.diag([1.0, -1.0, -1.0, 1.0])[None].copy()
    camera_from_cloud[0, 2, 3] = 10.0
    point = np.array([[1.0, 2.0, 0.0]])
    u, v, depth = Cameras(camera_from_cloud, "perspective", 100.0, 64).project(point)
    assert (u.item(), v.item(), depth.item()) == pytest.approx((42.0, 12.0, 10.0))
    u, v, _ = Cameras(camera_from_cloud, "orthographic", 4.0, 64).project(point)
    assert (u.item(), v.item()) == pytest.approx((36.0, 24.0))


def test_cameras_check_what_they_are_given():
    """Wrong shapes, projections and sizes are bugs of the caller."""
    for arguments in [
        (np.eye(4), "orthographic", 1.0, 8),
        (np.eye(4)[None], "fisheye", 1.0, 8),
        (np.eye(4)[None], "orthographic", 0.0, 8),
    ]:
        with pytest.raises(ValueError):
            Cameras(*arguments)


@pytest.mark.parametrize("n", [6, 8, 12, 14, 18, 20, 26])
def test_directions_around_a_cube_do_not_tell_its_axes_apart(n):
    """Every turn and mirror of the cube maps them onto themselves: of a part of equal axes, or of unsure signs, the
    same sides are seen."""
    toward = preset_rotations(f"around:{n}")[:, 2]
    assert len(toward) == n
    for turn in (np.diag([-1.0, 1.0, 1.0]), np.eye(3)[[1, 0, 2]], np.eye(3)[[1, 2, 0]]):
        assert (toward @ (toward @ turn).T).max(axis=1) == pytest.approx(np.ones(n))


def test_steady_rolling_leaves_round_parts_and_turns_long_ones(sphere):
    """What rolling would win on a ball is chance; a stick still comes to lie nearly along the diagonal."""
    before = preset_rotations("around:8")
    for seed in range(3):
        np.testing.assert_array_equal(rolled_to_fit(sphere(500, seed=seed), before, steady=True), before)
    stick = np.linspace(-1, 1, 200)[:, None] * [1.0, 0.02, 0.02]
    rolled = rolled_to_fit(stick, preset_rotations("facing:1"), steady=True)[0]
    along = rolled[:2] @ [1.0, 0.0, 0.0]
    assert abs(along[0]) == pytest.approx(abs(along[1]), abs=0.3)
