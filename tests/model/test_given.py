"""Views that others drew, scored by the same road: our own drawing, written down and given back, scores the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.given import GivenViews
from align3d_cli.clouds.prepare import prepare
from align3d_cli.errors import UsageError
from align3d_cli.model.given import look_at_given
from align3d_cli.model.inspector import Inspector

HEIGHT, WIDTH, SIDE = 44, 52, 32


@pytest.fixture(scope="module")
def cloud():
    """An organised wavy sheet with a border that was not measured."""
    v, u = np.meshgrid(np.linspace(-1, 1, HEIGHT), np.linspace(-1, 1, WIDTH), indexing="ij")
    xyz = np.dstack([u, v, 2 + 0.2 * np.sin(4 * u) * np.cos(3 * v)])
    xyz[:5] = xyz[-5:] = np.nan
    return PointCloud(xyz.reshape(-1, 3), grid=(HEIGHT, WIDTH))


def written(inspector, cloud) -> GivenViews:
    """What the authors of a root would have kept of our own published drawing of a scan."""
    look = inspector.look(prepare(cloud, background="keep"))
    scan = look.drawn.scan
    return GivenViews(
        pictures=(look.images * 255).round().byte().movedim(1, -1).numpy(),
        xyz=scan.xyz,
        rows=look.drawn.cloud_rows,
        index=scan.index,
        n_points=SIDE * SIDE,
        grid=(SIDE, SIDE),
        pixel_of_point=look.views.pixel_of_point.numpy(),
        visible=look.views.visible.numpy(),
        preset="mvtec",
    )


@pytest.mark.parametrize("profile", ["paper", "pointad"])
def test_our_own_drawing_given_back_scores_the_same(clip_bundles, cloud, profile):
    """Encoder, branches, lift and score know no difference: every point and the object, to rounding."""
    inspector, scan = Inspector(clip_bundles[profile]), prepare(cloud, background="keep")
    with torch.inference_mode():
        ours = inspector.look(scan)
        theirs = look_at_given(inspector, scan, written(inspector, cloud))
        (branches, unseen), (given, given_unseen) = inspector.branches(ours), inspector.branches(theirs)
        points, raw = inspector.scores(ours, branches)
        given_points, given_raw = inspector.scores(theirs, given)
    np.testing.assert_allclose(given_points, points, atol=1e-6)
    assert given_raw == pytest.approx(raw, abs=1e-6) and given_unseen == unseen
    assert points.std() > 1e-3  # a map that says something


def test_points_that_they_drew_and_we_leave_out_count_and_those_they_left_out_read_the_nearest(clip_bundles, cloud):
    """The two sides prepare a scan differently; every point that is scored here has a score."""
    inspector = Inspector(clip_bundles["paper"])
    whole = written(inspector, cloud)
    half = replace(prepare(cloud, background="keep"))
    kept = half.index >= len(cloud) // 2
    scan = replace(half, xyz=half.xyz[kept], index=half.index[kept])
    with torch.inference_mode():
        look = look_at_given(inspector, scan, whole)
        points, _ = inspector.scores(look, inspector.branches(look)[0])
    assert len(look.drawn.scan.xyz) == len(whole.rows) and points.shape == (kept.sum(),) and np.isfinite(points).all()
    own = look.drawn.rows >= 0
    assert 0 < own.sum() < len(own)
    values = np.arange(len(own), dtype=np.float64)
    assert (look.drawn.back(values)[look.drawn.rows[own]] == values[own]).all()


def test_larger_pictures_are_brought_to_the_size_the_model_reads(clip_bundles, cloud):
    """Pictures twice as large, with twice the coordinates: the same pixels."""
    inspector, scan = Inspector(clip_bundles["paper"]), prepare(cloud, background="keep")
    given = written(inspector, cloud)
    row, column = np.divmod(given.pixel_of_point, SIDE)
    large = replace(
        given,
        pictures=given.pictures.repeat(2, axis=1).repeat(2, axis=2),
        pixel_of_point=(2 * row * 2 * SIDE + 2 * column + 1).astype(np.int32),
    )
    look = look_at_given(inspector, scan, large)
    np.testing.assert_array_equal(look.views.pixel_of_point.numpy(), given.pixel_of_point)
    assert look.images.shape == (9, 3, SIDE, SIDE)


def test_a_model_that_reads_other_pictures_is_refused(clip_bundles, cloud):
    """The published renderings are grey; features of a tower for depth or colour would mean nothing."""
    inspector = Inspector(clip_bundles["paper"])
    given = written(inspector, cloud)
    inspector.encoder = type("Depth", (), {"spec": replace(inspector.encoder.spec, style="depth")})()
    with pytest.raises(UsageError, match=r"reads depth pictures.*--drawn ours"):
        look_at_given(inspector, prepare(cloud, background="keep"), given)
