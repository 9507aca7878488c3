"""What a view looks like: head-lit grey, point colours, normals, depth, labels. All images are (V, 3, H, W) in [0, 1].

Every pixel shows the point that views.index names, so images, colours and masks come from one camera and one surface.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from align3d_cli.render.splat import Views

# Open3D's visualizer: pairs of white lights of diffuse power 0.66 on grey 0.7, specular power 0.2 each, shininess 100
DIFFUSE = 2 * 0.66
SPECULAR = 2 * 0.2
SHININESS = 100
GREY = 0.7
WHITE = 1.0


def grey(views: Views, normals: np.ndarray | torch.Tensor, *, lights_z: tuple[float, ...] = (0.0,)) -> torch.Tensor:
    """Uniform grey under a head light, on white: clip(0.924 cos(theta) + 0.4 cos(alpha)^100, 0, 1).

    normals: (N, 3) unit vectors in the cloud's frame, either sign: each is flipped to the eye.
    lights_z: depths at which lights stand on the optical axis of a perspective camera, 0 at the eye; orthographic
    views are lit along their direction. Every light adds that intensity; theta is the angle between normal and light,
    alpha between the mirrored light and the eye.
    """
    normals = _on(views, normals)

    def paint(view: int, shown: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        diffuse, glint = _light(views, view, shown, normals[rows], lights_z)
        return GREY * diffuse + glint

    return _paint(views, paint, 1).expand(-1, 3, -1, -1)


def lit_colour(
    views: Views,
    colours: np.ndarray | torch.Tensor,
    normals: np.ndarray | torch.Tensor,
    *,
    lights_z: tuple[float, ...] = (0.0,),
) -> torch.Tensor:
    """The points' own colours under the lights of `grey`, on white. colours: (N, 3) uint8 RGB; normals: (N, 3)."""
    colours, normals = _on(views, colours), _on(views, normals)

    def paint(view: int, shown: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        diffuse, glint = _light(views, view, shown, normals[rows], lights_z)
        return colours[rows] / 255.0 * diffuse + glint

    return _paint(views, paint)


def colour(views: Views, colours: np.ndarray | torch.Tensor) -> torch.Tensor:
    """The points' own colours without any light, on white. colours: (N, 3) uint8 RGB."""
    colours = _on(views, colours)
    return _paint(views, lambda view, shown, rows: colours[rows] / 255.0)


def normal_map(views: Views, normals: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Normals turned to the eye, as 0.5 + 0.5 (right, up, to the eye); background 0.5. normals: (N, 3), cloud frame."""
    normals = _on(views, normals)

    def paint(view: int, shown: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        normal = _to_camera(views, view, normals[rows])
        turned = torch.where(_dot(normal, _place(views, view, shown)) > 0, -normal, normal)
        return 0.5 + 0.5 * turned * turned.new_tensor([1.0, -1.0, -1.0])

    return _paint(views, paint, background=0.5)


def depth_map(views: Views) -> torch.Tensor:
    """Depth of the blended surface as grey: nearest 1, farthest 0.25, empty 0; one scale for all views."""
    depth, empty = views.surface[:, None], (views.index < 0)[:, None]
    near = depth.amin()
    span = (torch.where(empty, near, depth).amax() - near).clamp(min=torch.finfo(depth.dtype).tiny)
    return torch.where(empty, 0.0, 1.0 - 0.75 * (depth - near) / span).expand(-1, 3, -1, -1)


def mask_views(views: Views, defect: np.ndarray | torch.Tensor) -> torch.Tensor:
    """(V, H, W) bool, where a pixel shows a defect point: same camera, same points as the images. defect: (N,) bool."""
    defect = torch.as_tensor(defect, device=views.index.device)
    return defect[views.index.clamp(min=0).long()] & (views.index >= 0)


def _paint(
    views: Views,
    paint: Callable[[int, torch.Tensor, torch.Tensor], torch.Tensor],
    channels: int = 3,
    background: float = WHITE,
) -> torch.Tensor:
    """(V, C, H, W) float32, clipped to [0, 1]: paint(view, shown (H, W) bool, rows (P,)) gives (P, C) shown pixels."""
    n_views, height, width = views.index.shape
    images = torch.full((n_views, height, width, channels), background, device=views.index.device)
    for view, index in enumerate(views.index):
        shown = index >= 0
        images[view, shown] = paint(view, shown, index[shown].long()).clamp(0.0, 1.0)
    return images.permute(0, 3, 1, 2)


def _light(
    views: Views, view: int, shown: torch.Tensor, normals: torch.Tensor, lights_z: tuple[float, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Diffuse and specular light on the shown pixels, each (P, 1); normals: (P, 3) in the cloud's frame."""
    place = _place(views, view, shown)
    to_eye = F.normalize(-place, dim=1)
    normal = _to_camera(views, view, normals)
    normal = torch.where(_dot(normal, to_eye) < 0, -normal, normal)
    diffuse, glint = torch.zeros_like(normal[:, :1]), torch.zeros_like(normal[:, :1])
    for z in lights_z:
        to_light = to_eye
        if z != 0 and views.cameras.projection == "perspective":
            to_light = F.normalize(place.new_tensor([0.0, 0.0, z]) - place, dim=1)
        cos_theta = _dot(normal, to_light)
        cos_alpha = _dot(2.0 * cos_theta * normal - to_light, to_eye)
        diffuse = diffuse + DIFFUSE * cos_theta.clamp(0.0, 1.0)
        glint = glint + SPECULAR * cos_alpha.clamp(0.0, 1.0) ** SHININESS
    return diffuse, glint


def _place(views: Views, view: int, shown: torch.Tensor) -> torch.Tensor:
    """(P, 3) or (1, 3), in the camera frame: where the shown surface is, seen from the eye.

    An orthographic eye is infinitely far off: one direction for all.
    """
    cameras, depth = views.cameras, views.depth[view]
    if cameras.projection == "orthographic":
        return depth.new_tensor([[0.0, 0.0, 1.0]])
    row, column = shown.nonzero(as_tuple=True)
    middle, depth = 0.5 * cameras.size_px - 0.5, depth[shown]
    return torch.stack(
        [(column - middle) / cameras.scale_px * depth, (row - middle) / cameras.scale_px * depth, depth], 1
    )


def _to_camera(views: Views, view: int, vectors: torch.Tensor) -> torch.Tensor:
    """(P, 3) directions from the cloud's into the camera's frame."""
    return vectors.float() @ vectors.new_tensor(views.cameras.camera_from_cloud[view, :3, :3], dtype=torch.float32).T


def _dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a * b).sum(dim=1, keepdim=True)


def _on(views: Views, values: np.ndarray | torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(values, device=views.index.device)
