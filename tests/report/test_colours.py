"""Scores become colours by fixed limits, in perceptual order, and unseen points stay grey."""

import numpy as np
import pytest

from align3d_cli.report.colours import COLOUR_TABLE, UNSEEN_RGB, score_rgb


def cielab_lightness(rgb: np.ndarray) -> np.ndarray:
    """L* of (K, 3) uint8 sRGB, as CIE 15 defines it."""
    value = rgb / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(luminance > (6 / 29) ** 3, 116 * np.cbrt(luminance) - 16, luminance * (29 / 3) ** 3)


def test_lightness_rises_with_every_step():
    """A higher score is never darker, so the order survives grey print."""
    assert np.diff(cielab_lightness(COLOUR_TABLE)).min() > 0


def test_lightness_rises_evenly():
    """No stretch of the map swallows differences: each eighth gains between half and twice its share of lightness."""
    gains = np.diff(cielab_lightness(COLOUR_TABLE[:: len(COLOUR_TABLE) // 8]))
    assert gains.min() > 0.5 * gains.mean()
    assert gains.max() < 2.0 * gains.mean()


def test_a_score_has_one_colour_whatever_the_part():
    """The colour of a score does not depend on the other scores of its part."""
    alone = score_rgb(np.array([0.4]), 0.2, 0.8)
    in_company = score_rgb(np.array([0.0, 0.4, 0.9]), 0.2, 0.8)
    np.testing.assert_array_equal(alone[0], in_company[1])


def test_scores_beyond_the_limits_take_the_end_colours():
    """Below the low limit everything looks alike, and above the high one too."""
    rgb = score_rgb(np.array([-1.0, 0.2, 0.8, 3.0]), 0.2, 0.8)
    np.testing.assert_array_equal(rgb, COLOUR_TABLE[[0, 0, -1, -1]])


def test_unseen_points_are_grey_and_the_map_is_not():
    """NaN gets the grey that no score comes near."""
    rgb = score_rgb(np.array([np.nan, 0.5]), 0.0, 1.0)
    np.testing.assert_array_equal(rgb[0], UNSEEN_RGB)
    assert np.abs(COLOUR_TABLE.astype(int) - UNSEEN_RGB).max(axis=1).min() > 40


def test_an_image_of_scores_keeps_its_shape():
    """(H, W) scores give (H, W, 3) colours."""
    assert score_rgb(np.zeros((4, 5), np.float32), 0.0, 1.0).shape == (4, 5, 3)


def test_limits_that_do_not_rise_are_a_bug():
    """Equal limits would divide by nothing."""
    with pytest.raises(ValueError, match="rise"):
        score_rgb(np.zeros(3), 0.5, 0.5)
