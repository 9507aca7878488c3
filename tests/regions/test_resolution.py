"""How small a defect a scan can show."""

import math

import pytest

from align3d_cli.regions.resolution import resolution_of


def test_points_or_pixels_are_the_bound():
    """A disc that ten points lie on, or three pixels across, whichever is larger; without views the points alone."""
    disc = math.sqrt(40 / math.pi)
    assert resolution_of(1.0, 0.1).smallest == pytest.approx(disc, rel=1e-5)
    assert resolution_of(0.1, 2.0).smallest == 6.0
    assert resolution_of(2.0, None).as_dict() == {
        "spacing": 2.0,
        "pixel": None,
        "smallest": pytest.approx(2 * disc, rel=1e-5),
    }
