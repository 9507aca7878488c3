"""Sheets with a relief out of proportion are pressed, everything else is left as it is."""

import numpy as np
import pytest

from align3d_cli.render.relief import main_plane, press_relief


def sheet(depth: float) -> np.ndarray:
    """A tilted noisy square with a pit of that depth over a hundredth of its area."""
    rng = np.random.default_rng(0)
    xy = rng.uniform(-1, 1, (20_000, 2))
    z = rng.normal(0, 0.002, len(xy)) - depth * (np.abs(xy).max(axis=1) < 0.1)
    return np.column_stack([xy, z + 0.3 * xy[:, 0]])


def test_the_plane_ignores_the_pit():
    """A tilted sheet's normal is found although a pit lies far below it."""
    normal = main_plane(sheet(1.0))[1]
    expected = np.array([-0.3, 0, 1]) / np.hypot(0.3, 1)
    assert abs(normal @ expected) == pytest.approx(1, abs=1e-4)


def test_a_deep_pit_is_pressed_to_a_tenth_of_the_extent():
    """Depth shrinks to the limit, places within the plane stay, and pressing again changes little."""
    deep = sheet(1.0)
    pressed = press_relief(deep)
    centre, normal = main_plane(deep)
    depth = np.ptp((pressed - centre) @ normal)
    assert 0.18 < depth < 0.23
    along = np.eye(3) - np.outer(normal, normal)
    assert np.allclose(pressed @ along, deep @ along)
    assert np.allclose(press_relief(pressed), pressed, atol=0.02)


def test_shallow_sheets_and_bodies_are_left_alone():
    """A dent in proportion, a ball and a box keep every coordinate."""
    rng = np.random.default_rng(1)
    ball = rng.normal(size=(5000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    for xyz in (sheet(0.05), ball, rng.uniform(-1, 1, (5000, 3))):
        assert press_relief(xyz) is xyz
