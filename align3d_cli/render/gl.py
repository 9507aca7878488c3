"""Views drawn by OpenGL through pyrender: meshes with their textures, or clouds, from the very cameras of our splats.

pyrender is imported only here and only on demand. Its OSMesa path fails on import with its own PyOpenGL pin and
Scene.bounds breaks with numpy 2, so: EGL, an explicit camera, and explicit clipping planes.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from align3d_cli.errors import EnvironmentMissing
from align3d_cli.render.cameras import Cameras

OPENGL_FROM_CAMERA = np.diag([1.0, -1.0, -1.0, 1.0])  # OpenGL's camera looks along -z with y up
MARGIN = 0.05  # of the depth range, before and behind the scene
NEXT_STEP = "on Debian: apt install libegl1 libgl1-mesa-dri; or leave out --renderer pyrender"


def draw_mesh(mesh: Any, cameras: Cameras) -> tuple[torch.Tensor, torch.Tensor]:
    """Colour image (V, 3, H, W) float32 in [0, 1] on white, depth (V, H, W) float32, inf where empty.

    mesh: trimesh.Trimesh, with its texture or vertex colours when it has them; lit by a head light.
    Raises EnvironmentMissing where no OpenGL context can be had.
    """
    pyrender = _pyrender()
    return _draw(pyrender.Mesh.from_trimesh(mesh, smooth=False), np.asarray(mesh.vertices), cameras)


def draw_cloud(
    xyz: np.ndarray, cameras: Cameras, *, colours: np.ndarray | None = None, point_px: float = 3.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """As draw_mesh, for points as squares of point_px. xyz: (N, 3) float64; colours: (N, 3) uint8, else grey."""
    pyrender = _pyrender()
    if colours is None:
        colours = np.full((len(xyz), 3), 179, np.uint8)  # 0.7, the grey of the published views
    return _draw(pyrender.Mesh.from_points(xyz, colors=colours), xyz, cameras, point_px)


def _pyrender() -> Any:
    """The module, told to use EGL: it reads the choice once, when it is first imported."""
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    try:
        import pyrender
    except Exception as error:  # PyOpenGL raises what its platform plugin meets: ImportError, AttributeError, OSError
        raise EnvironmentMissing(f"--renderer pyrender: OpenGL cannot be loaded ({error}); {NEXT_STEP}") from error
    return pyrender


@contextlib.contextmanager
def _renderer(size_px: int, point_px: float) -> Iterator[Any]:
    """An off-screen renderer that is released again."""
    pyrender = _pyrender()
    try:
        renderer = pyrender.OffscreenRenderer(size_px, size_px, point_size=point_px)
    except Exception as error:  # EGL errors, AttributeError of missing functions, ValueError of a missing device
        raise EnvironmentMissing(f"--renderer pyrender: no OpenGL context can be had ({error}); {NEXT_STEP}") from error
    try:
        yield renderer
    finally:
        renderer.delete()


def _draw(node: Any, xyz: np.ndarray, cameras: Cameras, point_px: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    pyrender = _pyrender()
    images, depths = [], []
    with _renderer(cameras.size_px, point_px) as renderer:
        for matrix in cameras.camera_from_cloud:
            scene = pyrender.Scene(bg_color=(1.0, 1.0, 1.0, 0.0), ambient_light=(0.2, 0.2, 0.2))
            pose = np.linalg.inv(OPENGL_FROM_CAMERA @ matrix)
            near, far = _depth_range(matrix, xyz)
            scene.add(node)
            scene.add(_lens(pyrender, cameras, near, far), pose=pose)
            scene.add(pyrender.DirectionalLight(intensity=3.0), pose=pose)
            image, depth = renderer.render(scene)
            images.append(image)
            depths.append(_true_depth(depth, cameras, near, far))
    image = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255.0
    return image, torch.from_numpy(np.stack(depths))


def _depth_range(camera_from_cloud: np.ndarray, xyz: np.ndarray) -> tuple[float, float]:
    """Depths of clipping planes that just hold the scene."""
    depth = xyz @ camera_from_cloud[2, :3] + camera_from_cloud[2, 3]
    low, high = float(depth.min()), float(depth.max())
    slack = MARGIN * max(high - low, 1e-6 * abs(high))
    return max(low - slack, 1e-3 * high), high + slack


def _lens(pyrender: Any, cameras: Cameras, near: float, far: float) -> Any:
    middle = 0.5 * cameras.size_px
    if cameras.projection == "perspective":
        return pyrender.IntrinsicsCamera(cameras.scale_px, cameras.scale_px, middle, middle, znear=near, zfar=far)
    half = middle / cameras.scale_px
    return pyrender.OrthographicCamera(half, half, znear=near, zfar=far)


def _true_depth(depth: np.ndarray, cameras: Cameras, near: float, far: float) -> np.ndarray:
    """(H, W) float32 depth, inf where empty.

    pyrender turns the depth buffer into depth as if every camera were perspective; for an orthographic one the
    buffer is recovered and read as what it is, linear.
    """
    empty = depth == 0
    if cameras.projection == "orthographic":
        safe = np.where(empty, far, depth).astype(np.float64)
        buffer = 0.5 + 0.5 * (far + near - 2.0 * near * far / safe) / (far - near)
        depth = near + buffer * (far - near)
    return np.where(empty, np.inf, depth).astype(np.float32)
