"""What is drawn of a scan: all its points, or as many as a view has pixels; and how scores come back to all."""

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import Prepared, prepare
from align3d_cli.errors import InputRejected
from align3d_cli.render.drawable import drawable
from align3d_cli.render.settings import ViewSettings

RESIZED = ViewSettings(input="size of a view", size_px=24)


def organised(height: int, width: int) -> Prepared:
    """A wavy sheet with colours, a tenth of whose pixels hold nothing."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    xyz = np.stack([columns, rows, 5 + np.sin(columns / 9)], axis=-1).reshape(-1, 3).astype(float)
    xyz[rng.random(len(xyz)) < 0.1] = np.nan
    colours = rng.integers(0, 255, (len(xyz), 3), dtype=np.uint8)
    return prepare(PointCloud(xyz, colours=colours, grid=(height, width)), background="keep")


@pytest.mark.parametrize(("height", "width"), [(60, 43), (13, 20), (24, 24)])
def test_organised_scans_are_resized_to_the_nearest_pixel(height, width):
    """Pixel (i, j) of the grid of a view holds pixel (i * H / 24, j * W / 24), rounded down, or nothing as there."""
    scan = organised(height, width)
    drawn = drawable(scan, RESIZED)
    row_at = dict(zip(scan.index.tolist(), range(len(scan.index)), strict=True))
    expected = {}
    for i in range(24):
        for j in range(24):
            row = row_at.get((i * height // 24) * width + j * width // 24)
            if row is not None:
                expected[24 * i + j] = row
    assert dict(zip(drawn.scan.index.tolist(), drawn.rows.tolist(), strict=True)) == expected
    np.testing.assert_array_equal(drawn.scan.xyz, scan.xyz[drawn.rows])
    np.testing.assert_array_equal(drawn.scan.colours, scan.colours[drawn.rows])
    np.testing.assert_array_equal(drawn.cloud_rows, scan.index[drawn.rows])
    assert drawn.scan.grid == (24, 24) and drawn.scan.report["n_points"] == 576


@pytest.mark.parametrize("count", [200, 576, 1500])
def test_other_scans_are_resampled_in_the_order_of_the_array(count):
    """Point k is point k * M / 576 of the scan, rounded down: fewer or more, and as many as a view has pixels."""
    scan = prepare(PointCloud(np.random.default_rng(1).normal(size=(count, 3))), background="keep")
    drawn = drawable(scan, RESIZED)
    assert drawn.cloud_rows.tolist() == [k * len(scan.xyz) // 576 for k in range(576)]
    assert drawn.scan.index.tolist() == list(range(576)) and drawn.scan.grid is None


@pytest.mark.parametrize("scan", [organised(60, 43), organised(13, 20)])
def test_values_come_back_to_every_point(scan):
    """A drawn point has its own value, of its copies the first one's; another that of the nearest drawn point."""
    drawn = drawable(scan, RESIZED)
    values = np.random.default_rng(2).random(len(drawn.rows))
    back, first = drawn.back(values), {}
    for value, row in zip(values, drawn.rows, strict=True):
        first.setdefault(row, value)
    for row, place in enumerate(scan.xyz):
        away = np.linalg.norm(scan.xyz[drawn.rows] - place, axis=1)
        near = {first[r] for r in drawn.rows[away == away.min()]}
        assert back[row] == first[row] if row in first else back[row] in near


def test_all_points_are_drawn_as_they_are():
    """The scan itself, and values without a copy."""
    scan = organised(20, 20)
    drawn, values = drawable(scan, ViewSettings()), np.arange(len(scan.xyz))
    assert drawn.scan is scan and drawn.back(values) is values
    np.testing.assert_array_equal(drawn.cloud_rows, scan.index)


def test_a_scan_of_which_nothing_is_left_is_refused():
    """A part that is a few pixels of a large image does not survive the resizing."""
    xyz = np.full((400 * 400, 3), np.nan)
    rows, columns = np.mgrid[:8, :8]
    xyz[(rows * 400 + columns).ravel()] = np.stack([columns, rows, np.sin(rows)], axis=-1).reshape(-1, 3)
    scan = prepare(PointCloud(xyz, grid=(400, 400)), background="keep")
    with pytest.raises(InputRejected, match="of 64 points of the scan are left at 24 x 24"):
        drawable(scan, RESIZED)
