"""The grid and its kernels against the definition: the nearest point within reach whose normal agrees."""

import numpy as np
import pytest

from align3d_cli.matching import nearest, triangles
from align3d_cli.matching.nearest import agreements, grid_of, partners
from tests.matching.shapes import random_pose

REACH, COSINE = 0.3, 0.5


def by_definition(xyz, normals, pose, there, there_normals, oriented):
    """Row of the nearest agreeing point, -1 without one, and its distance."""
    away = np.linalg.norm((xyz @ pose[:3, :3].T + pose[:3, 3])[:, None] - there, axis=2)
    cosines = (normals @ pose[:3, :3].T) @ there_normals.T
    agree = (cosines if oriented else np.abs(cosines)) >= COSINE
    away = np.where(agree & (away < REACH), away, np.inf)
    return np.where(np.isfinite(away.min(axis=1)), away.argmin(axis=1), -1), away.min(axis=1)


@pytest.fixture
def cloud():
    rng = np.random.default_rng(5)
    normals = rng.normal(size=(2, 400, 3))
    normals = (normals / np.linalg.norm(normals, axis=2, keepdims=True)).astype(np.float32)
    return rng.uniform(-1, 1, (2, 400, 3)), normals


@pytest.mark.parametrize("oriented", [True, False])
def test_partners_are_the_nearest_agreeing_points(cloud, oriented):
    """In any pose, with normals of known and of unknown sign; points off the grid have none."""
    (here, there), (normals, there_normals) = cloud
    pose = random_pose(1, reach=0.5)
    grid = grid_of(there, there_normals, REACH, oriented)
    found, squared = partners(here, normals, pose, grid, REACH, COSINE)
    expected, away = by_definition(here, normals, pose, there, there_normals, oriented)
    has = expected >= 0
    assert 0 < has.sum() < len(has) and ((found >= 0) == has).all()
    assert (grid.rows[found[has]] == expected[has]).all()
    assert np.allclose(np.sqrt(squared[has]), away[has])


def test_agreement_is_the_mean_closeness(cloud):
    """1 on the surface, 0 without a partner, and falling with the square of the distance between."""
    (here, there), (normals, there_normals) = cloud
    poses = np.array([random_pose(seed, reach=0.5) for seed in range(3)] + [random_pose(4) + 9.0 * np.eye(4)[3]])
    found = agreements(here, normals, poses, grid_of(there, there_normals, REACH), REACH, COSINE)
    for pose, share in zip(poses, found, strict=True):
        away = by_definition(here, normals, pose, there, there_normals, True)[1]
        assert share == pytest.approx(np.maximum(1 - (away / REACH) ** 2, 0).mean())
    grid = grid_of(there, there_normals, REACH)
    assert agreements(there, there_normals, np.eye(4)[None], grid, REACH, COSINE)[0] == 1


def test_long_thin_surfaces_get_no_grid_of_their_whole_box():
    """A diagonal wire of a million spacings: the cells grow instead of their number."""
    line = np.linspace(0, 1e6, 2000)[:, None] * np.ones(3)
    grid = grid_of(line, np.tile(np.float32([0, 0, 1]), (2000, 1)), 1.0)
    assert len(grid.starts) < 3_000_000
    found, _ = partners(line, grid.normals, np.eye(4), grid, 1.0, COSINE)
    assert (grid.rows[found] == np.arange(2000)).all()


@pytest.mark.parametrize("module", [nearest, triangles])
def test_compiled_code_takes_no_number_from_outside_itself(module):
    """Its cache is not renewed when a number in another file changes: what kernels need comes as an argument."""
    kernels = [value for value in vars(module).values() if hasattr(value, "py_func")]
    taken = {name for kernel in kernels for name in kernel.py_func.__code__.co_names}
    assert kernels and not [name for name in taken if isinstance(vars(module).get(name), int | float)]
