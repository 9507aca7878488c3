"""The side of the sensor is read from rows and columns, whatever the surface in front of it does."""

from itertools import permutations, product

import numpy as np
import pytest

from align3d_cli.clouds.sensor import sensor_direction

GRID = (60, 80)
AXES = [np.diag(sign)[list(order)] for order in permutations(range(3)) for sign in product((1.0, -1.0), repeat=3)]
PROPER = [turn for turn in AXES if np.linalg.det(turn) > 0]
EVERY_PIXEL = np.arange(GRID[0] * GRID[1])
TURNED = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
TURNED *= np.linalg.det(TURNED)


def places(slope: float, bent: float = 0.0, pinhole: bool = True, steps: float = 0.0, noise: float = 0.0):
    """(N, 3) of a camera that looks along +z with +y down at a plane that falls away by `slope` along the rows.

    bent, steps: heights of waves and of sudden steps, noise: along the line of sight; all in widths of the image
    """
    row, column = np.mgrid[: GRID[0], : GRID[1]].astype(np.float64)
    x, y = (column - 39.5) / 80, (row - 29.5) / 80
    wave = bent * np.sin(7 * x) * np.cos(9 * y) + steps * (np.sin(20 * x) > 0.3)
    wave = wave + noise * np.random.default_rng(1).normal(size=GRID)
    if not pinhole:
        return np.stack([x, y, 5 + slope * y + wave], axis=-1).reshape(-1, 3)
    # a ray meets z = 2 + slope * y where z = 2 / (1 - slope * y per z); a wide lens would not meet the steepest
    lens = 0.3
    depth = (2 + wave) / (1 - slope * lens * y)
    return np.stack([lens * x * depth, lens * y * depth, depth], axis=-1).reshape(-1, 3)


@pytest.mark.parametrize("pinhole", [True, False])
@pytest.mark.parametrize("tilt_deg", [0, 30, 60, 80])
@pytest.mark.parametrize("shape", [{}, {"bent": 0.05}, {"steps": 0.2}, {"bent": 0.02, "steps": 0.3, "noise": 0.003}])
def test_tilted_bent_and_stepped_surfaces(pinhole, tilt_deg, shape):
    """The sensor stands where the camera is, not where the surface faces, in any order and sign of the axes."""
    xyz = places(np.tan(np.radians(tilt_deg)), pinhole=pinhole, **shape)
    for turn in PROPER:
        assert sensor_direction(xyz @ turn.T, EVERY_PIXEL, GRID) @ turn @ [0, 0, -1] > 0.99


@pytest.mark.parametrize("pinhole", [True, False])
@pytest.mark.parametrize("tilt_deg", [0, 50, 80])
def test_frames_that_are_not_the_sensor_s(pinhole, tilt_deg):
    """A scan that was moved and turned by any angle still tells its sensor, unless its surface is a plane."""
    xyz = places(np.tan(np.radians(tilt_deg)), bent=0.05, pinhole=pinhole)
    middle = xyz.mean(axis=0) if pinhole else np.array([0.0, 0.0, 1.0])
    towards = -middle / np.linalg.norm(middle)
    moved = ((xyz - xyz.mean(axis=0)) @ TURNED.T + [0.3, -0.2, 0.1]).astype(np.float32).astype(np.float64)
    assert sensor_direction(moved, EVERY_PIXEL, GRID) @ (TURNED @ towards) > 0.9998  # a degree
    assert sensor_direction(xyz - xyz.mean(axis=0), EVERY_PIXEL, GRID) @ towards > 0.9998


@pytest.mark.parametrize("pinhole", [True, False])
def test_holes_and_points_that_lie_askew(pinhole):
    """Half of the pixels empty, a corner missing, and places off by a third of a pixel change nothing."""
    rng = np.random.default_rng(2)
    xyz = places(np.tan(np.radians(80)), bent=0.02, pinhole=pinhole)
    xyz += rng.normal(size=xyz.shape) * 0.3 * np.ptp(xyz[:, 0]) / GRID[1]
    kept = np.flatnonzero((rng.random(len(xyz)) < 0.5) & ~((EVERY_PIXEL % 80 > 50) & (EVERY_PIXEL > 2400)))
    for turn in PROPER:
        assert sensor_direction(xyz[kept] @ turn.T, kept, GRID) @ turn @ [0, 0, -1] > 0.95


def test_pixels_that_are_not_square():
    """A profiler moves on by four times the distance of its points: the axis stays."""
    xyz = places(0.0, bent=0.05, pinhole=False) * [1.0, 4.0, 1.0]
    assert sensor_direction(xyz, EVERY_PIXEL, GRID) == pytest.approx([0, 0, -1])


def test_mirrored_files():
    """A camera in its own frame stands at the origin, also where a file has y up and z ahead."""
    for turn in AXES:
        towards = sensor_direction(places(0.5, bent=0.05) @ turn.T, EVERY_PIXEL, GRID) @ turn
        assert towards @ [0, 0, -1] > 0.99


def test_scans_that_tell_nothing():
    """A single row, a handful of points and one place for all have no direction: +z."""
    xyz = places(0.3)
    few, one_row = EVERY_PIXEL[:: len(xyz) // 8], EVERY_PIXEL[:80]
    for rows, points in ((few, xyz[few]), (one_row, xyz[one_row]), (EVERY_PIXEL, np.ones_like(xyz))):
        assert sensor_direction(points, rows, GRID).tolist() == [0, 0, 1]
