"""Axes that turn with the part."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from align3d_cli.clouds.axes import principal_axes, some_by_radius

LENGTHS = np.array([5.0, 3.0, 1.0])


def part(n: int = 6000, seed: int = 0) -> np.ndarray:
    """(n, 3) points all over a box whose longest axis is x, with a knob on one corner."""
    rng = np.random.default_rng(seed)
    xyz, side = rng.uniform(-1, 1, (n, 3)), rng.choice(3, n, p=np.array([3.0, 5.0, 15.0]) / 23)
    xyz[np.arange(n), side] = rng.choice([-1.0, 1.0], n)
    xyz *= LENGTHS
    knob = rng.normal(size=(n // 10, 3))
    return np.concatenate([xyz, [5.0, 3.0, 1.0] + knob / np.linalg.norm(knob, axis=1)[:, None]])


def test_axes_lie_along_the_part():
    """Longest first, shortest last, right-handed, and the longest towards the knob that makes it uneven."""
    axes = principal_axes(part())
    assert np.abs(np.diag(axes)).min() > 0.95
    assert np.linalg.det(axes) == pytest.approx(1)
    assert axes[0, 0] > 0


def test_axes_turn_with_the_part():
    """Turned, moved and told in another order, the same points have the same axes to rounding."""
    xyz, rng = part(), np.random.default_rng(1)
    for turn in Rotation.random(5, random_state=rng):
        moved = rng.permutation(turn.apply(xyz)) + np.array([1e3, -50.0, 7.0])
        np.testing.assert_allclose(principal_axes(moved), turn.apply(principal_axes(xyz)), atol=1e-8)


def test_a_side_that_was_scanned_more_often_weighs_no_more():
    """Four times as many points on one half leave the axes within three degrees of those of even points."""
    xyz, more = part(20_000), part(80_000, seed=2)
    uneven = np.concatenate([xyz[xyz[:, 0] < xyz[:, 1]], more[more[:, 0] >= more[:, 1]]])
    assert np.abs(np.diag(principal_axes(uneven) @ principal_axes(xyz).T)).min() > np.cos(np.radians(3))


def test_other_points_of_the_part_have_nearly_its_axes():
    """Four fifths of the points, drawn at random, turn the axes by less than two degrees and leave their signs."""
    xyz, rng = part(10_000), np.random.default_rng(3)
    for _ in range(5):
        some = xyz[rng.random(len(xyz)) < 0.8]
        assert np.diag(principal_axes(some) @ principal_axes(xyz).T).min() > np.cos(np.radians(2))


def test_a_dent_tells_the_angle_of_a_round_part():
    """A shaft with a dent on one side: other draws of its points turn the axes by less than fifteen degrees."""
    rng = np.random.default_rng(4)
    angle, height = rng.uniform(0, 2 * np.pi, 20_000), rng.uniform(-1, 1, 20_000)
    radius = 0.3 * (1 - 0.3 * np.exp(-((3 * (angle - 2)) ** 2 + (4 * (height - 0.3)) ** 2)))
    xyz = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    axes = principal_axes(xyz)
    for _ in range(5):
        some = xyz[rng.random(len(xyz)) < 0.8]
        assert np.diag(principal_axes(some) @ axes.T).min() > np.cos(np.radians(15))


@pytest.mark.parametrize("sides", [3, 4, 6])
def test_the_axes_of_a_bar_lie_across_its_sides(sides):
    """Of a bar with equal sides the second axis is normal to one of them, or points at the edge across."""
    rng = np.random.default_rng(5)
    side, across, along = rng.integers(sides, size=20_000), rng.uniform(-1, 1, 20_000), rng.uniform(-4, 4, 20_000)
    turn = np.exp(2j * np.pi * (side / sides + 0.07))
    point = (1 + 1j * np.tan(np.pi / sides) * across) * turn
    axes = principal_axes(np.stack([point.real, point.imag, along], axis=1))
    assert abs(axes[0, 2]) > 0.99
    normal = np.exp(2j * np.pi * (np.arange(2 * sides) / 2 / sides + 0.07))  # of sides, and towards edges
    assert (axes[1, 0] * normal.real + axes[1, 1] * normal.imag).max() > np.cos(np.radians(2))


@pytest.mark.parametrize("n", [1, 2, 3, 50])
def test_a_handful_of_points(n):
    """One point, copies of it, and a few points have some right-handed frame."""
    few = np.random.default_rng(n).normal(size=(n, 3))
    for xyz in (few, np.repeat(few[:1], n, axis=0)):
        axes = principal_axes(xyz)
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(axes) == pytest.approx(1)


def test_some_points_are_the_same_after_a_turn():
    """The points that stand for a large cloud are chosen by their distance from its middle alone."""
    xyz = part()
    turn = Rotation.from_euler("xyz", (10, 20, 30), degrees=True)
    some = some_by_radius(xyz, 500)
    assert 400 < len(some) <= 500
    np.testing.assert_allclose(some_by_radius(turn.apply(xyz), 500), turn.apply(some), atol=1e-9)
