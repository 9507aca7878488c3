"""Normals against surfaces whose normals are known."""

import time

import numpy as np
import pytest

from align3d_cli.clouds.normals import estimate_normals, smallest_axes


def test_normals_of_a_sphere_point_outwards_or_inwards():
    """On a dense sphere every normal is the radius, up to sign, even far from the origin."""
    points = np.random.default_rng(0).normal(size=(20_000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    normals = estimate_normals(points + np.array([5e5, 5e6, 300]))
    assert normals.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    assert np.abs((normals * points).sum(axis=1)).min() > 0.995


def test_normals_of_a_plane_are_all_alike():
    """A noiseless plane has one normal, with its sign fixed."""
    uv = np.random.default_rng(0).random((500, 2))
    xyz = uv[:, :1] * [1, 0, -1] + uv[:, 1:] * [0, 1, 0]
    np.testing.assert_allclose(estimate_normals(xyz), np.tile([0.5**0.5, 0, 0.5**0.5], (500, 1)), atol=1e-5)


def test_radius_limits_the_neighbours():
    """At a step the radius keeps the upper plate's points out of the lower plate's normals."""
    u, v = np.meshgrid(np.arange(20.0), np.arange(20.0))
    lower = np.c_[u.ravel(), v.ravel(), np.zeros(400)]
    upper = np.c_[u.ravel() + 3, v.ravel(), np.full(400, 3.0)]
    xyz = np.concatenate([lower, upper])
    assert (estimate_normals(xyz, k=40)[:, 2] < 0.999).any()
    np.testing.assert_allclose(estimate_normals(xyz, k=40, radius=2.0), np.tile([0, 0, 1], (800, 1)), atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_points_still_give_unit_vectors(n):
    """One, two or three points get unit normals and no error."""
    np.testing.assert_allclose(np.linalg.norm(estimate_normals(np.eye(3)[:n]), axis=1), 1, atol=1e-6)


def test_closed_form_is_the_eigenvector():
    """The axis in closed form is numpy's eigenvector of the smallest eigenvalue, at any scale."""
    roots = np.random.default_rng(0).normal(size=(2000, 3, 3))
    matrices = roots @ roots.transpose(0, 2, 1) * np.logspace(-12, 12, 2000)[:, None, None]
    expected = np.linalg.eigh(matrices)[1][:, :, 0]
    assert np.abs((smallest_axes(matrices) * expected).sum(axis=1)).min() > 0.9999


def test_time_for_many_points():
    """100 000 points take a second or so of processor time (a million: 4 to 5, shared by the cores)."""
    points = np.random.default_rng(0).random((100_000, 3)) * [1, 1, 0.01]
    start = time.process_time()
    estimate_normals(points)
    assert time.process_time() - start < 3
