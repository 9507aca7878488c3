"""Reasons for which a low score does not mean a good part."""

from pathlib import Path

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.io.read import read_scan
from align3d_cli.model.bundle import load_bundle
from align3d_cli.model.doubts import doubts_of
from align3d_cli.model.inspector import Inspector

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["chessman/dent/001.ply", "cookie/bump/002.ply", "organised/cookie/dent/001.tiff"])
def test_the_shipped_scans_raise_no_doubt(name):
    """Scans as dense as those the model was made with are left alone."""
    assert doubts_of(prepare(read_scan(EXAMPLES / name)), 320) == ()


@pytest.mark.parametrize("n", [5000, 1500])
def test_points_too_sparse_for_the_views_are_a_doubt(n):
    """Thinned to where verdicts flip, a scan says so; smaller views would show it."""
    xyz = read_scan(EXAMPLES / "chessman/dent/001.ply").xyz
    scan = prepare(PointCloud(np.random.default_rng(0).permutation(xyz)[:n]))
    (doubt,) = doubts_of(scan, 320)
    assert doubt.startswith(f"{n:,} points are too sparse for views of 320 px: they lie some ".replace(",", " "))
    assert doubts_of(scan, 60) == ()


def test_an_inspection_carries_all_doubts():
    """Two sparse parts in one scan: both reasons reach the result, and so do the notes."""
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(600, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    found = Inspector(load_bundle("align3d-lite"), device="cpu").inspect(
        PointCloud(np.concatenate([ball, ball - [5.0, 0, 0], [[900.0, 0, 0]]]), notes=("as read",))
    )
    assert [doubt.split(" ")[:3] for doubt in found.doubts] == [["the", "scan", "holds"], ["1", "200", "points"]]
    assert found.notes == ("as read", "1 of 1 201 points flies off the part and is left out")


@pytest.mark.parametrize(("n", "reach"), [(300, 30), (1000, 3), (1, 1e10)])
def test_strays_leave_the_score_as_it_is(n, reach):
    """Points thrown about the shipped part are found, counted and told, and the score stays within 0.05."""
    xyz = read_scan(EXAMPLES / "chessman/dent/001.ply").xyz
    middle, extent = (xyz.min(axis=0) + xyz.max(axis=0)) / 2, np.ptp(xyz, axis=0).max()
    thrown = middle + extent * np.random.default_rng(0).uniform(-reach, reach, (n, 3))
    found = Inspector(load_bundle("align3d-lite"), device="cpu").inspect(PointCloud(np.concatenate([xyz, thrown])))
    assert found.score == pytest.approx(0.754, abs=0.05)
    assert found.n_removed >= 0.99 * n and len(found.notes) == 1 and not found.doubts
    assert (found.point_scores[len(xyz) :] == 0).mean() >= 0.99
