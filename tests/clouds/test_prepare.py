"""Background, outliers, spacing: which points of a scan are scored."""

import time
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from scipy.spatial import cKDTree

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.planes import heights, ransac_plane
from align3d_cli.clouds.prepare import prepare, spread_to_cloud
from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.clouds.voxels import _in_occupied_cells, _in_whole_grid, components
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

RADIUS = 0.03  # of the ball on the plate, in metres


def plate_with_ball(side=300, *, tilt=0.2, noise=0.0003, ball=True, seed=0):
    """(H, W, 3) metres as a pinhole camera half a metre above sees a plate, and (H, W) what is the ball."""
    v, u = np.mgrid[:side, :side] + 0.5
    rays = np.stack([(u - side / 2) / (1.75 * side), (v - side / 2) / (1.75 * side), np.ones_like(u)], axis=-1)
    up = np.array([0, np.sin(tilt), -np.cos(tilt)])
    foot = np.array([0, 0, 0.5])
    depth = (foot @ up) / (rays @ up)
    centre = foot + RADIUS * up
    along, square = rays @ centre, (rays**2).sum(axis=-1)
    inside = along**2 - square * (centre @ centre - RADIUS**2)
    is_ball = ball & (inside > 0)
    depth = np.where(is_ball, (along - np.sqrt(np.maximum(inside, 0))) / square, depth)
    depth += np.random.default_rng(seed).normal(0, noise, depth.shape)
    return rays * depth[..., None], is_ball


def organised(image, unit=None):
    return PointCloud(np.ascontiguousarray(image.reshape(-1, 3)), grid=image.shape[:2], unit=unit)


@pytest.mark.parametrize(("scale", "unit"), [(1, None), (1, "m"), (1000, "mm"), (1000, None), (39.37, "in")])
def test_the_plate_goes_and_the_ball_stays(scale, unit):
    """A part on a plate is kept but for its lowest 5 mm, whatever the unit; all else goes."""
    image, is_ball = plate_with_ball()
    prepared = prepare(organised(image * scale, unit))
    is_ball = is_ball.ravel()
    assert is_ball[prepared.index].all()
    assert len(prepared.index) > 0.95 * is_ball.sum()
    assert prepared.report["n_background"] == len(is_ball) - len(prepared.index)
    np.testing.assert_allclose(abs(prepared.report["plane"][2]), np.cos(0.2), atol=0.002)


def test_preparing_again_drops_nothing_more():
    """With the background gone the same points are chosen again, and the cloud given is not touched."""
    image, _ = plate_with_ball()
    cloud = organised(image)
    before = cloud.xyz.copy()
    first = prepare(cloud)
    np.testing.assert_array_equal(cloud.xyz, before)
    rest = np.full_like(before, np.nan)
    rest[first.index] = before[first.index]
    for background in ("auto", "remove"):
        again = prepare(PointCloud(rest, grid=cloud.grid), background=background)
        np.testing.assert_array_equal(again.index, first.index)
        assert again.report["n_background"] == 0 and again.report["plane"] is None


def test_pieces_that_seem_apart_are_kept_and_what_the_picture_cuts_is_not():
    """A rim and the handle amid its glass, of which nothing was measured, are one part; clutter at the edge is none."""
    v, u = np.mgrid[:300, :300] / 1000.0
    reach = np.hypot(u - 0.15, v - 0.15)
    rim, handle = (reach > 0.08) & (reach < 0.09), reach < 0.02
    clutter, speck = np.hypot(u, v - 0.15) < 0.03, np.hypot(u - 0.15, v - 0.2) < 0.0025
    z = 0.5 - 0.01 * rim - 0.03 * handle - 0.02 * clutter - 0.03 * speck
    kept = np.zeros(u.size, bool)
    kept[prepare(organised(np.stack([u, v, z], axis=-1))).index] = True
    kept = kept.reshape(u.shape)
    assert kept[rim].all() and kept[handle].all()
    assert not kept[clutter | speck].any()


def test_a_steep_wall_stays_with_its_part_and_flying_pixels_go():
    """Rows of a wall 20 mm apart are sparse in space and dense in the picture; a line of stray pixels is neither."""
    v, u = np.mgrid[:300, :300] / 1000.0
    top = (np.abs(u - 0.15) < 0.04) & (v > 0.08) & (v < 0.12)
    wall = (np.abs(u - 0.15) < 0.04) & (v >= 0.12) & (v < 0.132)
    stray = (np.abs(u - 0.15) < 0.04) & (np.abs(v - 0.0785) < 0.001)
    z = np.where(top, 0.24, np.where(wall, 0.24 + 20 * (v - 0.12), 0.5))
    z = np.where(stray, 0.3 + 3 * np.abs(u - 0.15), z)
    kept = np.zeros(u.size, bool)
    kept[prepare(organised(np.stack([u, v, z], axis=-1))).index] = True
    kept = kept.reshape(u.shape)
    assert kept[top].all() and kept[wall].mean() > 0.9
    assert not kept[stray].any() and not kept[~(top | wall)].any()


@pytest.mark.parametrize("seen", ["floor", "ghost"])
def test_what_is_seen_beside_a_part_is_not_kept(seen):
    """The floor far below, through a slot in the table, and a patch of wild depths touch a block and go."""
    v, u = np.mgrid[:300, :300] + 0.5
    rays = np.stack([(u - 150) / 525, (v - 150) / 525, np.ones_like(u)], axis=-1)
    block = (np.abs(u - 150) < 40) & (np.abs(v - 150) < 30)
    depth = np.where(block, 0.45, 0.5)
    beside = {
        "floor": (u > 191) & (u < 203) & (np.abs(v - 150) < 20),
        "ghost": (u > 190) & (u < 202) & (np.abs(v - 150) < 12),
    }[seen]
    beyond = np.random.default_rng(0).uniform(0.3, 0.6, u.shape) if seen == "ghost" else 3.0
    image = rays * np.where(beside, beyond, depth)[..., None]
    kept = np.zeros(u.size, bool)
    kept[prepare(organised(image), background="remove").index] = True
    kept = kept.reshape(u.shape)
    assert kept[block].all() and kept[beside].mean() < 0.05


def test_keep_keeps_and_a_plate_alone_is_the_part():
    """Nothing is removed when asked to keep, nor when the plate is all there is."""
    image, _ = plate_with_ball()
    assert prepare(organised(image), background="keep").report["n_background"] == 0
    image, _ = plate_with_ball(ball=False)
    assert prepare(organised(image)).report["n_background"] == 0


@pytest.mark.parametrize("depth", [-0.012, 0.012])
def test_dents_and_bumps_in_a_plate_are_not_parts_on_it(depth):
    """A smooth dent or bump, deep as it may be, belongs to the plate, which stays."""
    v, u = np.mgrid[:200, :200] / 1000.0
    z = depth * np.exp(-((u - 0.1) ** 2 + (v - 0.1) ** 2) / (2 * 0.02**2))
    prepared = prepare(organised(np.stack([u, v, 0.5 - z], axis=-1)))
    assert prepared.report["n_background"] == 0


def test_a_hole_seen_through_the_plate_is_no_part():
    """What lies behind the plate, seen from the camera, is not a part on it."""
    v, u = np.mgrid[:300, :300] + 0.5
    rays = np.stack([(u - 150) / 525, (v - 150) / 525, np.ones_like(u)], axis=-1)
    depth = np.where(np.hypot(u - 150, v - 150) < 40, 0.53, 0.5)
    assert prepare(organised(rays * depth[..., None])).report["n_background"] == 0


def test_roads_are_not_emptied(shared_data):
    """No point of a road tile is taken for background: the surface is the part."""
    paths = sorted((shared_data / "pothole/road/test").glob("*/xyz/*.tiff"))[::4]
    assert len(paths) == 10
    for path in paths:
        assert prepare(read_scan(path)).report["n_background"] == 0


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_unordered_points_on_a_table(scale):
    """Asked to, the table under an unordered cloud is found; on request only, and not mistaken for a box's lid."""
    rng = np.random.default_rng(0)
    table = np.c_[rng.uniform(-0.15, 0.15, (20000, 2)), rng.normal(0, 0.0003, 20000)]
    box = rng.uniform(-0.03, 0.03, (9000, 3))
    box[np.arange(9000), rng.integers(0, 3, 9000)] = rng.choice([-0.03, 0.03], 9000)
    box[:, 2] += 0.03
    cloud = PointCloud(np.concatenate([table, box]) * scale)
    assert prepare(cloud).report["n_background"] == 0
    kept = prepare(cloud, background="remove").index
    assert (kept >= 20000).all() and len(kept) > 6000
    far = rng.uniform(-9, 9, (900, 3)) * scale
    again = prepare(PointCloud(np.concatenate([cloud.xyz, far])), background="remove")
    np.testing.assert_array_equal(again.index, kept)
    alone = PointCloud(box[box[:, 2] > 1e-9] * scale)
    assert prepare(alone, background="remove").report["n_background"] == 0


def test_few_points_are_refused():
    """Fewer than fifty finite points are refused with their number."""
    xyz = np.full((100, 3), np.nan)
    xyz[:49] = np.random.default_rng(0).random((49, 3))
    with pytest.raises(InputRejected, match="49 of 100 points are measured, at least 50"):
        prepare(PointCloud(xyz))


def test_report_and_colours_follow_the_rows():
    """Invalid rows are counted and left out, colours go along, values come back to their rows."""
    rng = np.random.default_rng(0)
    xyz, colours = rng.random((500, 3)), rng.integers(0, 255, (500, 3), np.uint8)
    xyz[[3, 77]] = np.nan
    prepared = prepare(PointCloud(xyz, colours, unit="mm"))
    assert prepared.report["n_points"] == 500 and prepared.report["n_invalid"] == 2 and prepared.report["unit"] == "mm"
    np.testing.assert_array_equal(prepared.xyz, xyz[prepared.index])
    np.testing.assert_array_equal(prepared.colours, colours[prepared.index])
    spread = spread_to_cloud(np.arange(498.0), prepared, 500)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(spread)), [3, 77])
    np.testing.assert_array_equal(spread[prepared.index], np.arange(498))


def sphere(n, seed=0):
    points = np.random.default_rng(seed).normal(size=(n, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize("n", [500, 30_000, 300_000])
def test_spacing_is_the_median_distance_to_the_next_point(n):
    """Spacing from a subsample agrees with all nearest neighbours of the whole cloud."""
    xyz = sphere(n) * [1, 0.5, 0.2] + 1000
    true = np.median(cKDTree(xyz).query(xyz[:20000], k=2)[0][:, 1])
    assert point_spacing(xyz) == pytest.approx(true, rel=0.05)
    assert point_spacing(np.repeat(xyz[:500], 2, axis=0)) > 0, "copies are no neighbours"


def test_spacing_of_points_at_one_place_is_zero():
    """Coinciding points have no spacing."""
    assert point_spacing(np.ones((1000, 3))) == 0.0


def test_components_are_those_of_single_linkage():
    """Clusters far apart get labels of their own, points of a thin bridge none when sparse cells do not connect."""
    rng = np.random.default_rng(0)
    blobs = rng.normal(0, 0.1, (1000, 3))
    blobs[500:, 0] += 3
    labels = components(blobs, 0.3)
    assert set(labels[:500]) == {labels[0]} and set(labels[500:]) == {labels[500]} and labels[0] != labels[500]
    bridge = np.c_[np.linspace(0.5, 2.5, 9), np.zeros((9, 2))]
    assert len(set(components(np.concatenate([blobs, bridge]), 0.3))) == 1
    labels = components(np.concatenate([blobs, bridge]), 0.3, least=30)
    assert labels[0] != labels[500] and (labels[1003:1006] == 0).all()


def test_ransac_finds_the_plane_most_points_share():
    """Half of the points elsewhere do not tilt the plane; points on a line have none."""
    rng = np.random.default_rng(0)
    plane = np.array([0.6, 0.0, 0.8, -2.0])
    xyz = rng.uniform(-1, 1, (2000, 3))
    xyz[:1000] -= heights(xyz[:1000], plane)[:, None] * plane[:3]
    found = ransac_plane(xyz, 0.01, np.random.default_rng(1))
    np.testing.assert_allclose(found * np.sign(found[2]), plane, atol=0.005)
    assert ransac_plane(np.outer(np.arange(50.0), [1, 2, 3]), 0.01, rng) is None


def test_steps_of_a_part_stay_together_and_other_things_on_the_plate_go():
    """A part in two levels far apart in depth is one part, for it is one in the image; a small nut beside it is not."""
    v, u = np.mgrid[:300, :300] + 0.5
    height = np.where(np.hypot(u - 120, v - 120) < 60, 0.02, 0.0)
    height[np.hypot(u - 120, v - 120) < 20] = 0.06
    nut = np.hypot(u - 250, v - 250) < 10
    height[nut] = 0.01
    x, y = (u - 150) / 1000, (v - 150) / 1000
    z = 0.5 - height + np.random.default_rng(0).normal(0, 0.0002, u.shape)
    prepared = prepare(organised(np.stack([x, y, z], axis=-1)))
    expected = np.flatnonzero((height > 0) & ~nut)
    np.testing.assert_array_equal(prepared.index, expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("hole", [np.nan, np.inf, 1e30])
def test_two_holes_side_by_side_on_the_outline_change_nothing_else(hole):
    """Neighbouring pixels without measurement at the part's edge cost these pixels, and no warning."""
    image, is_ball = plate_with_ball()
    whole = prepare(organised(image)).index
    row = 150
    left = np.flatnonzero(is_ball[row])[0]
    for column in (left - 1, left):
        image[row, column] = image[row + 1, column] = hole
    lost = (np.array([[row], [row + 1]]) * image.shape[1] + [left - 1, left]).ravel()
    np.testing.assert_array_equal(prepare(organised(image)).index, np.setdiff1d(whole, lost))


@pytest.mark.parametrize("cell", [0.1, 0.02])
@pytest.mark.parametrize("least", [1, 30])
def test_components_in_occupied_cells_are_those_of_the_whole_grid(cell, least):
    """Grids too large to be held whole give the same parts with the same labels."""
    rng = np.random.default_rng(0)
    xyz = np.concatenate([rng.normal(at, 0.1, (n, 3)) for at, n in ((0, 2000), (1, 500), (0.6, 40), (-2, 5))])
    whole = _in_whole_grid(xyz, cell, least)
    np.testing.assert_array_equal(_in_occupied_cells(xyz, cell, least), whole)
    assert len(np.unique(whole)) > 2


@pytest.mark.parametrize("grid", [(26, 26), None])
def test_coordinates_over_many_powers_of_ten_take_no_room(grid):
    """A grid over coordinates from 1e10 to 1e17 is never held whole: tens of megabytes and a second at most."""
    rng = np.random.default_rng(0)
    xyz = rng.choice([-1.0, 1.0], (676, 3)) * 10 ** rng.uniform(10, 17, (676, 3))
    tracemalloc.start()
    start = time.process_time()
    for background in ("auto", "remove"):
        with suppress(InputRejected):  # what is left, if anything, is not the matter here
            prepare(PointCloud(xyz, grid=grid), background=background)
    assert time.process_time() - start < 4 and tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()
