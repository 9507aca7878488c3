"""Which clouds have no surface: one place, one line, a handful of places; a plane has one."""

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.extent import lacking_extent
from align3d_cli.clouds.prepare import prepare
from align3d_cli.errors import InputRejected

RNG = np.random.default_rng(0)
ALONG = np.array([1.0, 0.3, -0.2])
PLATE = np.c_[RNG.random((2000, 2)) * 100, np.zeros(2000)]
LINE = RNG.random((500, 1)) * 100 * ALONG
OFFSETS = (0.0, 1e6, 1e7)


def stored(xyz, kind):
    """The points as a file of this type of numbers gives them back."""
    return xyz.astype(kind).astype(np.float64)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_one_place_is_found_at_any_distance(kind, offset, scale):
    """Copies of a point, and copies that differ by rounding alone, are one place."""
    place = stored(np.full((500, 3), offset + 0.3 * scale), kind)
    assert lacking_extent(place) == "all points lie at one place"
    jitter = np.nextafter(place.astype(kind), kind(np.inf)).astype(np.float64)
    mixed = np.where(RNG.random((500, 1)) < 0.5, place, jitter)
    assert lacking_extent(mixed) == "all points lie at one place"


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("offset", OFFSETS)
def test_one_line_is_found_at_any_distance(kind, offset):
    """Rounding bends a line, most of all far from the origin, and it stays a line."""
    assert lacking_extent(stored(LINE + offset, kind)) == "all points lie on one line"


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-2])
def test_a_line_with_noise_narrower_than_a_pixel_is_a_line(noise):
    """What a view cannot show wider than a pixel is no surface."""
    assert lacking_extent(LINE + RNG.normal(0, noise, LINE.shape)) == "all points lie on one line"


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("width", [1.0, 0.2])
def test_a_flat_plate_and_a_strip_have_a_surface(kind, offset, width):
    """Two dimensions are enough, also far from the origin."""
    if not (kind == np.float32 and offset == 1e7):  # 100 units are 100 steps of float32 there
        assert lacking_extent(stored(PLATE * [1, width, 1] + offset, kind)) is None


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e12])
def test_size_does_not_matter(scale):
    """The unit of a scan changes nothing."""
    assert lacking_extent(PLATE * scale) is None
    assert lacking_extent(LINE * scale) is not None


@pytest.mark.parametrize("scale", [1e-14, 1e-30, 1e-100])
def test_what_no_unit_of_length_can_mean_is_refused(scale):
    """Coordinates that vanish in float32 are told with their extent, not scored as a dot."""
    finding = f"its extent of 1e-{round(-np.log10(scale)) - 2} is too small for any unit of length"
    with pytest.raises(InputRejected, match=finding):
        prepare(PointCloud(PLATE * scale))


@pytest.mark.parametrize("distance", [1e3, 1e5, 1e10])
def test_a_far_point_makes_no_line_of_a_plate(distance):
    """Where most points are is looked at: a stray point hides no surface, and makes none of a line."""
    far = np.array([[distance * 100, 0, 0]])
    assert len(prepare(PointCloud(np.concatenate([PLATE, far]))).index) == len(PLATE)
    with pytest.raises(InputRejected, match="all points lie on one line"):
        prepare(PointCloud(np.concatenate([LINE, far])))


def test_a_handful_of_places_is_no_scan():
    """Three points told a hundred times are three points; a regular grid in few columns is a scan."""
    corners = np.repeat(np.eye(3), 300, axis=0)
    assert lacking_extent(corners) == "its 900 points lie at 3 places only"
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(400.0), [0.0]), axis=-1).reshape(-1, 3)
    assert lacking_extent(grid) is None


@pytest.mark.parametrize("xyz", [np.ones((500, 3)), LINE, np.vstack([LINE, np.full((90, 3), np.nan)])])
def test_clouds_without_surface_are_refused(xyz):
    """No score for what has no surface, whatever is asked about its background."""
    for background in ("auto", "keep", "remove"):
        with pytest.raises(InputRejected, match=r"all points lie .* check the scanner"):
            prepare(PointCloud(xyz), background=background)


def test_a_line_left_on_a_plate_is_refused():
    """What is left when the plate is gone has to be a surface too; the message says how to keep the plate."""
    y, x = np.mgrid[:120.0, :120.0:0.25]
    z = np.zeros_like(x)
    z[60, 80:400] = 15.0
    image = np.stack([x, y, z - 300.0], axis=-1)
    cloud = PointCloud(image.reshape(-1, 3), grid=x.shape, unit="mm")
    with pytest.raises(InputRejected, match="one line, of the 320 that are left; rerun with --background keep"):
        prepare(cloud, background="remove")
    assert len(prepare(cloud, background="keep").index) == x.size
