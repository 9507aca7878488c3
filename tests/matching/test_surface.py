"""Surfaces are checked when they are made, thinned evenly, and know what another scan must show of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from align3d_cli.matching.poses import inverse
from align3d_cli.matching.surface import in_own_order, shown, spacing_for, thinned
from align3d_cli.matching.visibility import View
from tests.matching.shapes import brought, random_pose, sampled


@pytest.fixture(scope="module")
def box():
    return sampled("box", 3000, seed=1)


@pytest.mark.parametrize("wrong", [{"normals": np.zeros((2, 3))}, {"descriptors": np.zeros((1, 4))}, {"spacing": 0.0}])
def test_what_does_not_belong_together_is_refused(box, wrong):
    """As many normals and descriptors as points, and a spacing: anything else is a bug of the caller."""
    with pytest.raises(ValueError):
        replace(box, **wrong)


def test_order_is_that_of_the_places(box):
    """However the points stand in the file, they come to stand alike."""
    shuffled = box.take(np.random.default_rng(0).permutation(len(box)))
    assert np.array_equal(in_own_order(shuffled).xyz, in_own_order(box).xyz)


def test_thinned_surfaces_are_even_and_about_as_many(box):
    """About as many points as asked for, none far from the next; a surface that is thin enough stays as it is."""
    thin = thinned(box, spacing_for(box, 500))
    assert 300 < len(thin) < 1000
    assert cKDTree(thin.xyz).query(box.xyz)[0].max() < 2 * thin.spacing
    assert thinned(box, box.spacing) is box and spacing_for(box, 10_000) == box.spacing


def test_a_scan_of_one_side_must_show_that_side_only(box):
    """In whatever pose: the face before its sensor, not the back; scans from all sides must show everything."""
    pose = random_pose(2)
    scan = replace(brought(box, pose), view=View(pose[:3, :3] @ np.array([0, 0, -1.0])))
    must = shown(box, scan, pose)
    assert must[box.normals[:, 2] > 0.9].mean() > 0.99 and not must[box.normals[:, 2] < -0.9].any()
    assert shown(scan, box, inverse(pose)).all()
