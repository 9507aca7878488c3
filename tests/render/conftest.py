"""Clouds whose surface is known in closed form, thrown at random onto it (the hardest sampling to close)."""

from collections.abc import Callable

import numpy as np
import pytest
import torch


@pytest.fixture
def sphere() -> Callable[..., np.ndarray]:
    """sphere(n, radius=50, seed=0) -> (n, 3) points on a sphere about the origin."""

    def make(n: int, radius: float = 50.0, seed: int = 0) -> np.ndarray:
        xyz = np.random.default_rng(seed).normal(size=(n, 3))
        return radius * xyz / np.linalg.norm(xyz, axis=1, keepdims=True)

    return make


@pytest.fixture
def cube() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """cube(n, side=100, seed=0) -> (n, 3) points on a cube about the origin, (n, 3) outward normals."""

    def make(n: int, side: float = 100.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        xyz = rng.uniform(-0.5, 0.5, (n, 3)) * side
        axis, sign = rng.integers(0, 3, n), rng.choice([-1.0, 1.0], n)
        xyz[np.arange(n), axis] = sign * side / 2
        normals = np.zeros((n, 3))
        normals[np.arange(n), axis] = sign
        return xyz, normals

    return make


@pytest.fixture
def tilted_plane() -> Callable[..., np.ndarray]:
    """tilted_plane(n, slope_x, slope_y, side=100, seed=0) -> (n, 3) points on z = slope_x x + slope_y y."""

    def make(n: int, slope_x: float, slope_y: float, side: float = 100.0, seed: int = 0) -> np.ndarray:
        x, y = np.random.default_rng(seed).uniform(-side / 2, side / 2, (2, n))
        return np.column_stack([x, y, slope_x * x + slope_y * y])

    return make


@pytest.fixture
def spacing() -> Callable[[float, int], float]:
    """spacing(area, n): median nearest-neighbour distance of n points thrown at random onto an area."""
    return lambda area, n: float(np.sqrt(np.log(2) / np.pi * area / n))


@pytest.fixture
def pixel_centres() -> Callable:
    """pixel_centres(cameras) -> x, y (H, W) in units of the cloud, camera frame, of orthographic pixel centres."""

    def make(cameras) -> tuple[torch.Tensor, torch.Tensor]:
        axis = (torch.arange(cameras.size_px, dtype=torch.float64) + 0.5 - 0.5 * cameras.size_px) / cameras.scale_px
        return axis[None, :].expand(cameras.size_px, -1), axis[:, None].expand(-1, cameras.size_px)

    return make
