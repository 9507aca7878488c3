"""The OpenGL renderer stands at the same cameras as ours, and says what is missing where it cannot run."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import trimesh

from align3d_cli.errors import EnvironmentMissing
from align3d_cli.render import gl
from align3d_cli.render.cameras import fitted_cameras, pointad_cameras, preset_rotations
from align3d_cli.render.splat import splat


@pytest.fixture(scope="module")
def part() -> trimesh.Trimesh:
    """A tube with a bar across: curved and flat faces, a hole, depth edges."""
    tube = trimesh.creation.annulus(r_min=18, r_max=30, height=40, sections=64)
    return trimesh.util.concatenate([tube, trimesh.creation.box(extents=(80, 12, 10))])


@pytest.fixture(scope="module")
def context(part) -> None:
    """Skips with the reason where no OpenGL context can be had."""
    try:
        gl.draw_mesh(part, fitted_cameras(part.vertices, preset_rotations("front:1"), 16))
    except EnvironmentMissing as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("place", [fitted_cameras, pointad_cameras])
def test_meshes_agree_in_outline_and_depth(context, part, place, spacing):
    """A mesh drawn by OpenGL and points sampled from it, drawn by us, share silhouette (IoU >= 0.97) and depth."""
    xyz = np.asarray(part.sample(200_000, seed=0))
    cameras = place(np.asarray(part.vertices), preset_rotations("sphere:3"), 224)
    image, depth = gl.draw_mesh(part, cameras)
    ours = splat(xyz, cameras, spacing=spacing(part.area, len(xyz)))
    assert image.shape == (3, 3, 224, 224) and image.dtype == depth.dtype == torch.float32
    drawn, expected = ours.index >= 0, depth.isfinite()
    assert (drawn & expected).sum() / (drawn | expected).sum() >= 0.97
    assert (image[:, 0][~expected] == 1).float().mean() > 0.98  # but for outlines: OpenGL blends four samples a pixel
    error_px = (ours.surface - depth)[drawn & expected].abs() / cameras.pixel_size(float(depth[expected].median()))
    assert error_px.median() < 0.5  # on slopes: the sample that OpenGL keeps lies up to 0.4 px beside the centre
    assert error_px.quantile(0.9) < 1.5


def test_clouds_agree_in_outline_and_depth(context, part):
    """Square points of 3 px drawn by OpenGL are our plain z-buffer's squares, seen at a sample beside the centre."""
    xyz = np.asarray(part.sample(20_000, seed=1))
    cameras = fitted_cameras(xyz, preset_rotations("sphere:2"), 160)
    _, depth = gl.draw_cloud(xyz, cameras, point_px=3.0)
    ours = splat(xyz, cameras, spacing=0.0, depth_tolerance=0.0, radius_px=1.5)
    drawn, expected = ours.index >= 0, depth.isfinite()
    assert (drawn & expected).sum() / (drawn | expected).sum() >= 0.97
    error_px = (ours.depth - depth)[drawn & expected].abs() * cameras.scale_px
    assert error_px.median() < 1e-3
    assert error_px.quantile(0.8) < 2.0


def test_vertex_colours_are_drawn(context):
    """A red sphere is red in the middle."""
    ball = trimesh.creation.icosphere(radius=10)
    ball.visual.vertex_colors = np.tile(np.array([255, 0, 0, 255], np.uint8), (len(ball.vertices), 1))
    image, _ = gl.draw_mesh(ball, fitted_cameras(ball.vertices, preset_rotations("front:1"), 64))
    red, green, blue = image[0, :, 32, 32].tolist()
    assert red > 0.5 and max(green, blue) < 0.2


def test_without_a_driver_the_error_says_what_to_install():
    """On a machine whose EGL finds no driver the renderer ends in EnvironmentMissing (exit 5), packages named."""
    code = """
import numpy as np
from align3d_cli.errors import EnvironmentMissing
from align3d_cli.render import gl
from align3d_cli.render.cameras import fitted_cameras, preset_rotations
xyz = np.eye(3)
try:
    gl.draw_cloud(xyz, fitted_cameras(xyz, preset_rotations("front:1"), 16))
except EnvironmentMissing as error:
    print(error.exit_code, error)
"""
    nowhere = {"__EGL_VENDOR_LIBRARY_FILENAMES": "/nowhere.json", "PYOPENGL_PLATFORM": "egl"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | nowhere)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("5 ")
    assert "libegl1 libgl1-mesa-dri" in done.stdout
