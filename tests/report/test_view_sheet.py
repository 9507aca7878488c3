"""The sheet shows the part under a veil that thickens with the score."""

import numpy as np
import pytest

from align3d_cli.report.colours import COLOUR_TABLE
from align3d_cli.report.view_sheet import CELL_PX, Legend, overlay, view_sheet

LEGEND = Legend("part.ply", "limit 0.5", 0.0, 1.0)


@pytest.fixture
def views():
    """Three views, 20 px: a grey square on white, with a hot spot in the middle of the second."""
    images = np.ones((3, 3, 20, 20), np.float32)
    images[:, :, 5:15, 5:15] = 0.6
    maps = np.where(images[:, 0] < 1, 0.0, np.nan).astype(np.float32)
    maps[1, 9:11, 9:11] = 1.0
    return images, maps


def test_pixels_without_surface_stay_white(views):
    """The veil covers the part only."""
    cells = overlay(*views, 0.0, 1.0)
    assert (cells[:, :5] == 255).all()
    assert (cells[:, 5:15, 5:15] < 255).any(axis=-1).all()


def test_the_hot_spot_takes_the_high_end_of_the_map(views):
    """A pixel at the high limit is drawn within a tenth of the map's last colour."""
    images, maps = views
    images[images < 1] = 0.99  # fully lit
    cells = overlay(images, maps, 0.0, 1.0)
    assert np.abs(cells[1, 9, 9].astype(int) - COLOUR_TABLE[-1]).max() < 26
    np.testing.assert_array_equal(cells[1, 6, 6], cells[0, 6, 6])


def test_a_good_part_keeps_its_own_look(views):
    """At the low limit differences of the surface's own shade survive the veil."""
    images, maps = views
    images[:, :, 5:10, 5:15] = 0.9
    cells = overlay(images, np.where(np.isnan(maps), np.nan, 0.0), 0.0, 1.0).astype(int)
    assert (cells[0, 6, 6] - cells[0, 12, 6]).min() > 30


def test_a_hot_region_keeps_its_shape(views):
    """Where all scores are high, light and dark sides of the surface still differ."""
    images, maps = views
    images[:, :, 5:10, 5:15] = 0.95
    cells = overlay(images, np.where(np.isnan(maps), np.nan, 1.0), 0.0, 1.0).astype(int)
    assert (cells[0, 6, 6] - cells[0, 12, 6]).max() > 30


def test_views_and_maps_that_differ_in_shape_are_a_bug(views):
    """Two views cannot carry three maps."""
    with pytest.raises(ValueError, match="belong together"):
        overlay(views[0][:2], views[1], 0.0, 1.0)


def test_the_sheet_holds_every_view_in_a_near_square(views):
    """Three small views stand in two columns and two rows, enlarged to a readable size."""
    sheet = view_sheet(*views, LEGEND)
    assert 2 * CELL_PX < sheet.width < 2.2 * CELL_PX
    assert sheet.height > 2 * CELL_PX


def test_the_head_is_left_out_without_a_title(views):
    """A page that has its own heading gets a lower sheet."""
    assert view_sheet(*views, Legend("", "", 0.0, 1.0)).height < view_sheet(*views, LEGEND).height


def test_a_long_name_does_not_run_out_of_the_sheet(views):
    """The title is cut to the width: the right margin stays white."""
    sheet = view_sheet(*views, Legend("a_very_long_folder/" * 20 + "part.ply", "", 0.0, 1.0))
    assert (np.asarray(sheet)[:30, -8:] == 255).all()
