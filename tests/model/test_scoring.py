"""Scores of points and scans by hand, and the named settings through a small CLIP from cloud to score."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.normals import estimate_normals
from align3d_cli.clouds.prepare import Prepared, prepare
from align3d_cli.errors import UsageError
from align3d_cli.model.bundle import Bundle, load_bundle, save_bundle
from align3d_cli.model.inspector import Inspector
from align3d_cli.model.profiles import get_profile
from align3d_cli.model.scoring import BranchResult, fill_branches, score_scan, smooth_grid
from align3d_cli.model.settings import ScoringSettings
from align3d_cli.render.cameras import pointad_cameras, preset_rotations
from align3d_cli.render.draw import draw_style, draw_views, nearest_in_pixel
from align3d_cli.render.lift import fill_unseen
from align3d_cli.render.paper import pointad_images
from align3d_cli.render.settings import ViewSettings
from align3d_cli.render.splat import splat
from align3d_cli.render.window import Window

SIDE = 48


def scan_of(values: int, grid: tuple[int, int] | None, index: np.ndarray | None = None) -> Prepared:
    """A row of points one unit apart, `values` of them kept."""
    index = np.arange(values) if index is None else index
    xyz = np.column_stack([index.astype(float), np.zeros((len(index), 2))])
    return Prepared(xyz, index, None, grid, 1.0, {"n_points": values, "extent": [float(values), 0.0, 0.0]})


def branch(points: list[float], views: list[float]) -> BranchResult:
    return BranchResult(torch.tensor(points), torch.tensor(views))


BOTH = {"rendering": branch([0.2, 0.4], [0.1, 0.3]), "rgb": branch([0.8, 0.0], [0.5, 0.7])}


def score(branches, **settings) -> float:
    return score_scan(scan_of(2, None), branches, ScoringSettings(**settings), 8, "mvtec")[1]


def test_object_scores_by_hand():
    """Fused map (0.5, 0.2), mean view probabilities 0.2 and 0.6: Align3D-AD adds, PointAD halves one branch's two."""
    assert score(BOTH) == pytest.approx(0.5 + 0.4)
    assert score(BOTH, object_form="max") == pytest.approx(0.5)
    alone = {"rendering": BOTH["rendering"]}
    assert score(alone, object_max_weight=0.5, object_view_weight=0.5) == pytest.approx(0.5 * 0.4 + 0.5 * 0.2)


def test_the_object_score_has_its_own_weight_of_the_branches():
    """With w_i = 0.25 the object's map is (0.35, 0.3), whatever w_p the point map has."""
    assert score(BOTH, rgb_weight_object=0.25, rgb_weight_point=0.9) == pytest.approx(0.35 + 0.25 * 0.6 + 0.75 * 0.2)


def test_the_highest_points_and_a_wider_share_of_them_weigh_as_told():
    """Of 0.0, 0.1, .., 0.9 the top tenth is 0.9, the top half 0.7 in the mean: 3/4 of the one and 1/4 of the other."""
    alone = {"rendering": branch([i / 10 for i in (3, 9, 0, 1, 2, 5, 4, 8, 7, 6)], [0.5])}
    settings = {"object_form": "top", "top_share": 0.1, "wide_share": 0.5}
    for weight, expected in ((0.0, 0.9), (0.25, 0.75 * 0.9 + 0.25 * 0.7), (1.0, 0.7)):
        scoring = ScoringSettings(**settings, wide_weight=weight)
        assert score_scan(scan_of(10, None), alone, scoring, 8, "mvtec")[1] == pytest.approx(expected)


def test_the_level_of_the_scan_comes_off_the_points_alone():
    """Half of the median 0.4 off (0.1, 0.4, 0.7), not below 0; the object score is of the map as it was."""
    alone = {"rendering": branch([0.1, 0.4, 0.7], [0.5])}
    plain, above = (
        score_scan(scan_of(3, None), alone, ScoringSettings(level_share=share), 8, "mvtec") for share in (0.0, 0.5)
    )
    np.testing.assert_allclose(above[0], [0.0, 0.2, 0.5], atol=1e-6)
    np.testing.assert_array_equal(plain[0], alone["rendering"].points.numpy())
    assert above[1] == plain[1] == pytest.approx(0.7 + 0.5)


@pytest.mark.parametrize("preset", ["mvtec", "eyecandies", "real3d"])
def test_the_published_maps_are_reproduced(preset):
    """Branches smoothed on the view-sized grid and fused; the point map once more in the views of MVTec 3D-AD, the map
    of the object score, whose maximum is the whole image's, in all but those of Real3D-AD."""
    rng = np.random.default_rng(0)
    index = np.flatnonzero(rng.random(SIDE * SIDE) < 0.8)
    scan = scan_of(SIDE * SIDE, (SIDE, SIDE), index)
    maps = {name: rng.random(len(index)).astype(np.float32) for name in BOTH}
    smoothed = {}
    for name, values in maps.items():
        image = np.zeros(SIDE * SIDE)
        image[index] = values
        smoothed[name] = gaussian_filter(image.reshape(SIDE, SIDE), sigma=4)
    fused = 0.3 * smoothed["rgb"] + 0.7 * smoothed["rendering"]
    once, twice = fused.ravel(), gaussian_filter(fused, sigma=4).ravel()
    scoring = replace(get_profile("paper").scoring, rgb_weight_point=0.3, rgb_weight_object=0.3, object_form="max")
    lifted = {name: branch(values.tolist(), [0.5]) for name, values in maps.items()}
    points, peak = score_scan(scan, lifted, scoring, SIDE, preset)
    np.testing.assert_allclose(points, (twice if preset == "mvtec" else once)[index], atol=1e-5)
    assert peak == pytest.approx(once.max() if preset == "real3d" else twice.max(), abs=1e-5)


def test_sigma_counts_pixels_of_a_view_and_scans_without_grid_fill_a_square():
    """A grid twice the view's side is smoothed twice as wide; without grid rows stand in array order."""
    values = np.random.default_rng(1).random(400).astype(np.float32)
    wide = smooth_grid(values, scan_of(400, (20, 20)), 1.0, 10)
    np.testing.assert_allclose(wide, gaussian_filter(values.reshape(20, 20), 2.0).ravel(), atol=1e-6)
    np.testing.assert_array_equal(wide, smooth_grid(values, scan_of(400, None), 1.0, 10))


def test_one_point_a_pixel_is_the_nearest():
    """Of all points whose centres share a pixel exactly the one of least depth is kept, by a plain loop."""
    xyz = np.random.default_rng(2).normal(size=(300, 3))
    views = splat(xyz, pointad_cameras(xyz, preset_rotations("sphere:2"), 12), spacing=0.3)
    kept = nearest_in_pixel(xyz, views).numpy()
    depth = views.cameras.project(xyz)[2].numpy()
    for view, pixels in enumerate(views.pixel_of_point.numpy()):
        expected = {min(np.flatnonzero(pixels == p), key=lambda i: depth[view, i]) for p in set(pixels) - {-1}}
        assert set(np.flatnonzero(kept[view])) == expected


def relief() -> PointCloud:
    """An organised scan of a wavy plate with a bump and colours, before a sensor that looks along +z."""
    u, v = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    z = 5 + 0.1 * np.sin(4 * u) - 0.3 * np.exp(-((u - 0.3) ** 2 + v**2) / 0.03)
    colours = np.random.default_rng(3).integers(0, 255, (SIDE * SIDE, 3), dtype=np.uint8)
    return PointCloud(np.stack([u, v, z], -1).reshape(-1, 3), colours=colours, grid=(SIDE, SIDE))


@pytest.mark.slow
def test_the_published_look_is_drawn_through_the_same_road():
    """Grey and coloured views of a plan with that look are those of `pointad_images` in the published views."""
    scan = prepare(relief(), background="keep")
    for preset, window, normals in (
        ("mvtec", Window(1024, 7), estimate_normals(scan.xyz, k=50)),
        ("eyecandies", Window(1036, 7), estimate_normals(scan.xyz, k=50)),
        ("real3d", Window(1036, 12), estimate_normals(scan.xyz, k=30, radius=0.8)),
    ):
        plan = ViewSettings(preset, size_px=40, camera="pointad", look="published")
        step = 0.005 if preset == "eyecandies" else None
        cameras, views = (
            pointad_cameras(scan.xyz, preset_rotations(preset), 40, step_back=step),
            draw_views(scan, plan),
        )
        for style, colours in (("grey", None), ("colour", scan.colours)):
            expected = pointad_images(scan.xyz, cameras, window, normals=normals, colours=colours)
            assert torch.equal(draw_style(style, scan, views, plan), expected)
    with pytest.raises(UsageError, match="use camera pointad"):
        ViewSettings(look="published")


def test_profiles_score_a_scan_and_differ_by_named_settings_only(clip_bundles: dict[str, Bundle], tmp_path):
    """With the views and scoring settings of the other profile a model gives the other's scores, bit by bit."""
    found = {}
    for name, bundle in clip_bundles.items():
        save_bundle(tmp_path / f"{name}.safetensors", bundle)
        loaded = load_bundle(tmp_path / f"{name}.safetensors")
        assert (loaded.views, loaded.scoring) == (bundle.views, bundle.scoring)
        found[name] = Inspector(loaded).inspect(relief(), background="keep")
        assert np.isfinite(found[name].point_scores).all()
    paper, ours = clip_bundles["paper"], clip_bundles["align3d"]
    assert not np.allclose(found["paper"].point_scores, found["align3d"].point_scores, atol=1e-4)
    swapped = Inspector(replace(paper, views=ours.views, scoring=ours.scoring)).inspect(relief(), background="keep")
    np.testing.assert_array_equal(swapped.point_scores, found["align3d"].point_scores)
    assert swapped.raw_score == found["align3d"].raw_score
    changed = {k for k, v in asdict(paper.views).items() if v != asdict(ours.views)[k]}
    changed |= {k for k, v in asdict(paper.scoring).items() if v != asdict(ours.scoring)[k]}
    views, scoring = {"look", "visibility", "input", "pixels"}, {"unseen", "smoothing", "smooth_fused", "smooth_object"}
    assert changed == views | scoring


def test_branches_are_filled_together_as_each_alone():
    """Every branch gets what `fill_unseen` gives it; seen points stay, and so does a scan that no view sees."""
    rng = np.random.default_rng(0)
    xyz, unseen = rng.normal(size=(50, 3)), rng.random(50) < 0.3
    for hidden in (unseen, np.ones(50, bool), np.zeros(50, bool)):
        points = {name: np.where(hidden, np.nan, rng.random(50)).astype(np.float32) for name in ("rendering", "rgb")}
        branches = {name: BranchResult(torch.from_numpy(values), torch.zeros(1)) for name, values in points.items()}
        filled = fill_branches(xyz, branches)
        for name, values in points.items():
            np.testing.assert_array_equal(filled[name].points.numpy(), fill_unseen(xyz, values)[0])
