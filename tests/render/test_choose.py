"""Views chosen by the scan: one-sided sheets from the front, closed parts from all around."""

import time

import numpy as np
import pytest

from align3d_cli.render.cameras import choose_views, preset_rotations


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("n", [2000, 100_000])
def test_sheets_are_seen_from_the_front(tilted_plane, n, noise):
    """Open sheets, flat or bent, noisy or not, get front views along the axis they face."""
    flat = tilted_plane(n, 0.0, 0.3)
    flat[:, 2] += np.random.default_rng(1).normal(size=n) * noise
    bowl = flat + np.outer((flat[:, :2] ** 2).sum(axis=1) / 150, [0, 0, 1])
    assert choose_views(flat, None, 9) == choose_views(bowl, None, 9) == "front:9"
    assert choose_views(flat[:, [2, 0, 1]], None, 5) == "front+x:5"


def test_closed_parts_are_seen_from_all_around(sphere, cube):
    """Spheres, cubes and even a thin closed plate (2 % thick) get views all around."""
    thick, normals = cube(50_000)
    side = (normals[:, 2] == 0) & (np.arange(50_000) % 50 != 0)  # as many points on the narrow sides as their area has
    plate = thick[~side] * [1, 1, 0.02]
    for xyz in (sphere(20_000), cube(3000)[0], plate):
        assert choose_views(xyz, None, 12) == "sphere:12"


@pytest.mark.parametrize(("depth_sign", "expected"), [(1, "front-z:9"), (-1, "front:9")])
def test_organised_scans_are_seen_from_the_sensor(depth_sign, expected):
    """The order of rows and columns tells on which side the sensor stood, also when rows were dropped."""
    rows, columns = np.mgrid[:60, :80].astype(np.float64)
    depth = 500 + 5 * np.sin(rows / 9) * np.cos(columns / 7)
    # x right; y down looking along +z, y up looking along -z: both right-handed frames of a sensor
    xyz = np.stack([columns, rows * depth_sign, depth * depth_sign], axis=-1).reshape(-1, 3)
    assert choose_views(xyz, (60, 80), 9) == expected
    kept = np.flatnonzero(np.random.default_rng(0).random(4800) < 0.9)
    assert choose_views(xyz[kept], (60, 80), 9, kept) == expected
    assert choose_views(xyz[kept], (60, 80), 9) == expected  # no index: towards the origin
    toward_sensor = preset_rotations(expected)[0, 2]
    assert toward_sensor @ [0, 0, -depth_sign] == pytest.approx(1)


@pytest.mark.parametrize("tilt_deg", [0, 45, 80])
def test_steep_scans_are_seen_from_the_sensor_too(tilt_deg):
    """A side that falls away from the sensor is not drawn from where it faces: nobody measured what is seen there."""
    rows, columns = np.mgrid[:60, :80].astype(np.float64)
    depth = 500 + np.tan(np.radians(tilt_deg)) * rows + np.sin(columns / 7)
    xyz = np.stack([columns, rows, depth], axis=-1).reshape(-1, 3)
    assert choose_views(xyz, (60, 80), 9) == "front-z:9"
    assert choose_views(xyz[:, [1, 2, 0]], (60, 80), 9) == "front-y:9"


def test_real_parts(shared_data):
    """CAD parts are closed; tiles of road are sheets with a sensor above."""
    import tifffile
    import trimesh

    for name in ("sprocket_32", "washer_PlainWasher_M26", "spurgear_m2_z12", "screw_HexHeadScrew_M24-3"):
        mesh = trimesh.load(shared_data / "cad" / f"{name}.stl", force="mesh")
        assert choose_views(np.asarray(mesh.sample(50_000, seed=0)), None, 9) == "sphere:9"
    tile = tifffile.imread(next((shared_data / "pothole/road/test/good/xyz").glob("*.tiff"))).astype(np.float64)
    assert choose_views(tile.reshape(-1, 3), None, 9) == "front:9"
    assert choose_views(tile.reshape(-1, 3), tile.shape[:2], 9) == "front-z:9"


def test_choosing_is_cheap(sphere):
    """A million points are judged in well under the 50 ms of processor time that scoring allows for it."""
    xyz = sphere(1_000_000)
    choose_views(xyz, None, 9)
    start = time.process_time()
    choose_views(xyz, None, 9)
    assert time.process_time() - start < 0.05
