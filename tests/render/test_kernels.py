"""The numba and the torch kernel are one renderer: the same maps, bit by bit."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from align3d_cli.render.cameras import fitted_cameras, pointad_cameras, preset_rotations
from align3d_cli.render.front import minimum_filter
from align3d_cli.render.splat import splat

CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"))
EXACT = ("index", "depth", "pixel_of_point", "visible")


@pytest.fixture(params=["noisy sphere", "cube", "grid", "few"])
def cloud(request, sphere, cube) -> tuple[np.ndarray, float]:
    """Points and their spacing: random, with ties in depth and position, far from the origin, sparse."""
    rng = np.random.default_rng(3)
    if request.param == "noisy sphere":
        return sphere(30_000) + rng.normal(size=(30_000, 3)) * 0.2 + [1e5, -3e4, 7.0], 0.4
    if request.param == "cube":
        return np.repeat(cube(8000)[0], 2, axis=0), 0.7  # every point twice: the smaller row wins
    if request.param == "grid":
        x, y = np.meshgrid(np.arange(70.0), np.arange(50.0))
        return np.column_stack([x.ravel(), y.ravel(), np.floor(x.ravel() / 20)]), 1.0
    return rng.normal(size=(60, 3)), 0.3


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("place", [fitted_cameras, pointad_cameras])
@pytest.mark.parametrize(
    "options", [{}, {"depth_tolerance": 0.0, "radius_px": 3.5}, {"radius_px": 1.5}, {"gradual": True}]
)
def test_numba_and_torch_agree(cloud, device, place, options):
    """Index, depth, pixel and visibility are identical; the blended depth to the last bits of a float."""
    xyz, spacing = cloud
    cameras = place(xyz, preset_rotations("sphere:3"), 96)
    ours = splat(xyz, cameras, spacing=spacing, kernel="numba", **options)
    theirs = splat(xyz, cameras, spacing=spacing, kernel="torch", device=device, **options)
    for name in EXACT:
        assert torch.equal(getattr(ours, name), getattr(theirs, name).cpu()), name
    torch.testing.assert_close(ours.surface, theirs.surface.cpu(), rtol=1e-6, atol=1e-6)


def test_a_part_far_from_the_origin_looks_the_same(sphere):
    """Moved by survey coordinates (half a million metres), a part gives the same maps but for the last digits."""
    xyz = np.round(sphere(20_000, radius=0.05) * 2**20) / 2**20
    far = xyz + np.array([2.0**19, -(2.0**22), 128.0])
    near_views, far_views = (
        splat(cloud, fitted_cameras(cloud, preset_rotations("sphere:3"), 96), spacing=5e-4) for cloud in (xyz, far)
    )
    assert (near_views.index == far_views.index).float().mean() > 0.999
    both = near_views.surface.isfinite() & far_views.surface.isfinite()
    torch.testing.assert_close(near_views.surface[both], far_views.surface[both], atol=2e-5, rtol=0)


def test_a_tiny_tolerance_does_not_overflow(sphere):
    """A tolerance of a billionth of the part still blends depths near the front."""
    xyz = sphere(20_000)
    views = splat(xyz, fitted_cameras(xyz, preset_rotations("sphere:2"), 96), spacing=0.5, depth_tolerance=1e-7)
    drawn = views.index >= 0
    assert (views.surface[drawn] - views.depth[drawn]).abs().max() < 8  # slopes at the rim
    assert (views.surface[drawn] - views.depth[drawn]).abs().median() < 0.5


def test_same_bytes_twice(cloud):
    """The same cloud gives the same bytes, however the views share the threads."""
    xyz, spacing = cloud
    cameras = fitted_cameras(xyz, preset_rotations("sphere:5"), 96)
    first, second = (splat(xyz, cameras, spacing=spacing) for _ in range(2))
    for name in (*EXACT, "surface"):
        assert getattr(first, name).numpy().tobytes() == getattr(second, name).numpy().tobytes()


@pytest.mark.parametrize("reach", [0, 1, 3, 10])
def test_minimum_filter_by_definition(reach):
    """The running minimum is the least value of the square around each pixel."""
    image = torch.from_numpy(np.random.default_rng(reach).normal(size=(2, 25, 31))).float()
    image[0, 3, 4] = torch.inf
    for row in range(0, 25, 4):
        for column in range(0, 31, 5):
            around = image[:, max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
            assert torch.equal(minimum_filter(image, reach)[:, row, column], around.amin(dim=(1, 2)))


@pytest.mark.slow
def test_ten_million_points_stay_below_4_gib():
    """Nine views of 10 M points, drawn and lifted, keep the whole process below 4 GiB."""
    code = """
import resource, numpy as np, torch
from align3d_cli.render.cameras import fitted_cameras, preset_rotations
from align3d_cli.render.lift import lift
from align3d_cli.render.splat import splat
angle = np.random.default_rng(0).random((10_000_000, 3))
views = splat(angle, fitted_cameras(angle, preset_rotations("sphere:9"), 336), spacing=0.002)
scores = lift(torch.zeros(9, 336, 336), views.pixel_of_point, views.visible)
assert scores.shape == (10_000_000,)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 4.0


def test_compiled_code_takes_no_number_from_outside_itself():
    """Its cache is not renewed when a number in another file changes: what kernels need comes as an argument."""
    from align3d_cli.render import splat_cpu

    kernels = [value for value in vars(splat_cpu).values() if hasattr(value, "py_func")]
    taken = {name for kernel in kernels for name in kernel.py_func.__code__.co_names}
    assert len(kernels) == 6
    assert not [name for name in taken if isinstance(vars(splat_cpu).get(name), int | float)]
