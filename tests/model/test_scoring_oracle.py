"""The profiles `paper` and `pointad` from a cloud to its scores, against the published way in plain numpy.

Given are the drawn images, whose look has an oracle of its own (tests/render/test_open3d_oracle.py); places in the
views, towers, lifting, fill, smoothing and scores are all said again.
"""

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.encoders.clip_vision import vv_block_count
from align3d_cli.model.inspector import Inspector

from . import own_oracle, own_scoring_oracle

HEIGHT, WIDTH, SIDE = 50, 41, 32  # of the scan, and of a view of the small CLIP
TOLERANCE = 1e-5  # float32 towers against float64


@pytest.fixture(scope="module")
def cloud() -> PointCloud:
    """An organised wavy sheet with a steep bump and a hole, in metres, before a sensor that looks along +z."""
    u, v = np.meshgrid(np.linspace(-0.1, 0.1, WIDTH), np.linspace(-0.1, 0.1, HEIGHT))
    z = 0.5 + 0.01 * np.sin(40 * u) - 0.06 * np.exp(-((u - 0.03) ** 2 + v**2) / 4e-4)
    z[(u + 0.05) ** 2 + (v + 0.05) ** 2 < 4e-4] = np.nan
    return PointCloud(np.stack([u, v, z], -1).reshape(-1, 3), grid=(HEIGHT, WIDTH))


def wide(tensors):
    return {key: value.detach().double().numpy() for key, value in tensors.items()}


def branches_of(inspector, images, config):
    """Maps (V, 1, 32, 32) of the abnormal class and view probabilities (V,) of every branch, by `own_oracle`."""
    bundle, vision = inspector.bundle, config["vision_cfg"]
    weights = wide({f"visual.{key}": value for key, value in bundle.part("encoder").items()})
    mean, std = (part.double().numpy() for part in (inspector.encoder.mean, inspector.encoder.std))
    given = (images.double().numpy() - mean) / std
    tokens, pooled, _ = own_oracle.image_features(given, weights, vision, vv_block_count(None, vision["layers"]))
    tokens, pooled, found = own_oracle.unit(tokens), own_oracle.unit(pooled), {}
    for branch in bundle.branches:
        text, whole, local = bundle.tensors[f"text.{branch}"].double().numpy(), pooled, tokens
        if branch == "rgb":
            learned = wide({f"aligner.{key}": value for key, value in bundle.part("aligner").items()})
            whole = own_oracle.aligned(pooled, learned, "aligner.global_mlp")
            local = own_oracle.aligned(tokens, learned, "aligner.local_mlp")
        patches = own_oracle.softmax(local @ text.T / own_oracle.TEMPERATURE)[:, 1:, 1]
        rows = vision["image_size"] // vision["patch_size"]
        maps = own_oracle.enlarged(patches.reshape(-1, 1, rows, rows), SIDE)
        found[branch] = maps, own_oracle.softmax(whole @ text.T / own_oracle.TEMPERATURE)[:, 1]
    return found


@pytest.mark.parametrize("profile", ["paper", "pointad"])
def test_a_cloud_is_scored_as_published(clip_bundles, tiny_config, cloud, profile):
    """Pixels and visibility are the same, the scores of all drawn points and of the object within 1e-5."""
    inspector = Inspector(clip_bundles[profile])
    look = inspector.look(prepare(cloud, background="keep"))
    rows = own_scoring_oracle.resized_rows(HEIGHT, WIDTH, SIDE).ravel()
    held = np.flatnonzero(np.isfinite(cloud.xyz[rows]).all(axis=1))
    xyz = cloud.xyz[rows[held]]
    pixel, visible = [], []
    for turn in own_scoring_oracle.turns():
        row, column, depth = own_scoring_oracle.places(xyz, turn, SIDE)
        pixel.append(row * SIDE + column)
        visible.append(own_scoring_oracle.kept(pixel[-1], depth))
    pixel, visible = np.array(pixel), np.array(visible)
    np.testing.assert_array_equal(look.views.pixel_of_point.numpy(), pixel)
    np.testing.assert_array_equal(look.views.visible.numpy(), visible)
    assert 0 < (~visible.any(axis=0)).sum() < len(held)  # some are filled
    maps, views = {}, {}
    for branch, (view_maps, probability) in branches_of(inspector, look.images, tiny_config).items():
        image = np.zeros(SIDE * SIDE)
        image[held] = own_scoring_oracle.lifted_in_array_order(view_maps, pixel, visible)[0]
        maps[branch], views[branch] = image.reshape(SIDE, SIDE), probability
    if profile == "paper":
        points, judged, view = own_scoring_oracle.align3d_scores(maps, views, again_points=True, again_object=True)
        expected = judged.max() + view
    else:
        points, judged, view = own_scoring_oracle.pointad_scores(maps, views)
        expected = 0.5 * judged.max() + 0.5 * view
    found = inspector.inspect(cloud, background="keep")
    np.testing.assert_allclose(found.point_scores[rows[held]], points.ravel()[held], atol=TOLERANCE)
    assert found.raw_score == pytest.approx(expected, abs=TOLERANCE)
    assert points.ravel()[held].std() > 100 * TOLERANCE  # a map that says something


def test_a_scan_without_grid_is_an_image_in_array_order(clip_bundles, cloud):
    """As published, and a fault: the same points in another order have other scores under `paper`, not under ours."""
    xyz = cloud.xyz[np.isfinite(cloud.xyz).all(axis=1)]
    order = np.random.default_rng(0).permutation(len(xyz))
    moved = {}
    for name in ("paper", "align3d"):
        inspector = Inspector(clip_bundles[name], views="real3d")
        straight, shuffled = (
            inspector.inspect(PointCloud(points), background="keep").point_scores for points in (xyz, xyz[order])
        )
        moved[name] = float(np.abs(shuffled - straight[order]).mean() / straight.std())
    assert moved["paper"] > 0.5 and moved["align3d"] < 0.1
