"""Normals on one side: outwards on closed parts, towards the sensor of a scan from one side."""

import numpy as np

from align3d_cli.matching.evenly import even_points
from align3d_cli.matching.orientation import oriented_normals
from tests.matching.shapes import sampled


def torus(n=60_000, ring=1.0, tube=0.45, spacing=0.06):
    """Even points of a torus and the true normals there."""
    along, around = np.random.default_rng(0).uniform(0, 2 * np.pi, (2, n))
    out = np.stack([np.cos(along), np.sin(along), 0 * along], axis=1)
    xyz = ring * out + tube * (np.cos(around)[:, None] * out + np.sin(around)[:, None] * [0, 0, 1])
    even, _ = even_points(xyz, spacing)
    flat = even * [1, 1, 0]
    normals = even - ring * flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return even, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def test_outwards_on_a_torus():
    """Also in its hole, where outwards is towards the middle."""
    xyz, true = torus()
    found = oriented_normals(xyz)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert (np.einsum("ij,ij->i", found, true) > 0.9).all()


def test_outwards_on_parts_with_edges():
    """Across the edges of a box and the corners of a bracket; beside an edge a normal belongs to neither face."""
    for name in ("box", "bracket"):
        made = sampled(name, 6000, seed=1)
        along = np.einsum("ij,ij->i", oriented_normals(made.xyz), made.normals)
        assert np.mean(along > 0) > 0.995, name


def test_two_separate_parts_are_each_turned_outwards():
    """No side is handed on from one part to another, however they lie."""
    xyz, true = torus()
    both = np.concatenate([xyz, xyz[:, [2, 0, 1]] + [9, 0, 0]])
    found = oriented_normals(both)
    assert (np.einsum("ij,ij->i", found, np.concatenate([true, true[:, [2, 0, 1]]])) > 0.9).all()


def test_towards_the_sensor_of_a_scan_from_one_side():
    """Every normal faces the sensor, whatever side of the part it is."""
    xyz, true = torus()
    towards = np.array([0.6, 0.0, 0.8])
    seen = true @ towards > 0.1
    found = oriented_normals(xyz[seen], towards)
    assert (found @ towards >= 0).all()
    assert np.mean(np.einsum("ij,ij->i", found, true[seen]) > 0.9) > 0.95
    np.testing.assert_array_equal(oriented_normals(xyz[seen], -towards), -found)


def test_order_changes_nothing():
    """Shuffled points have the same normals but for rounding."""
    xyz, _ = torus(20_000, spacing=0.1)
    shuffle = np.random.default_rng(1).permutation(len(xyz))
    np.testing.assert_allclose(oriented_normals(xyz[shuffle]), oriented_normals(xyz)[shuffle], atol=1e-4)
