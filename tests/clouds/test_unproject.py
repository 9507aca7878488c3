"""The pinhole camera against points worked out by hand."""

import numpy as np

from align3d_cli.clouds.unproject import pixel_rays, unproject

# 2 x 4 pixels, focal length 2 px, principal point in the middle of the image, (2, 1)
DEPTH = np.array([[2.0, 2.0, 2.0, 2.0], [4.0, 4.0, np.nan, 8.0]])


def test_points_worked_out_by_hand():
    """The first pixel's middle lies 1.5 px left of the axis and 0.5 px above it."""
    points = unproject(DEPTH, 2.0, (2.0, 1.0))
    first = [[-1.5, -0.5, 2], [-0.5, -0.5, 2], [0.5, -0.5, 2], [1.5, -0.5, 2]]
    np.testing.assert_array_equal(points[:4], first)
    np.testing.assert_array_equal(points[4:], [[-3, 1, 4], [-1, 1, 4], [np.nan] * 3, [6, 2, 8]])


def test_a_plane_before_the_camera_is_symmetric_about_the_axis():
    """Seen along its normal, with the principal point in the middle, a plane's mean lies on the optical axis."""
    points = unproject(np.full((6, 10), 3.0), 7.0, (5.0, 3.0))
    np.testing.assert_allclose(points.mean(axis=0), [0, 0, 3], atol=1e-15)


def test_rays_are_what_points_lie_on():
    """A point is its depth times the ray of its pixel."""
    rays = pixel_rays((2, 4), 2.0, (1.7, 0.4))
    np.testing.assert_array_equal(unproject(DEPTH, 2.0, (1.7, 0.4)), (rays * DEPTH[..., None]).reshape(-1, 3))
