"""Views that others drew of a scan, in the place of our own: the same points, pixels and pictures for all that follows.

What they do not tell stays unknown: depths and cameras are NaN.
"""

import numpy as np
import torch
from PIL import Image

from align3d_cli.clouds.given import GivenViews
from align3d_cli.clouds.prepare import Prepared
from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.clouds.voxels import bounds
from align3d_cli.render.cameras import Cameras
from align3d_cli.render.drawable import Drawable
from align3d_cli.render.splat import Views


def given_drawable(scan: Prepared, given: GivenViews) -> Drawable:
    """The points that were drawn, and where the prepared points of the same scan read their scores.

    The drawn points count as they are, also those that `prepare` takes for background or strays.
    """
    low, high = bounds(given.xyz)
    drawn = Prepared(
        given.xyz,
        given.index,
        None,
        given.grid,
        point_spacing(given.xyz),
        scan.report | {"n_points": given.n_points, "extent": (high - low).tolist()},
    )
    row_at = np.full(scan.report["n_points"], -1)
    row_at[scan.index] = np.arange(len(scan.index))
    return Drawable(drawn, scan, row_at[given.rows])


def given_views(given: GivenViews, size_px: int, device: str | torch.device = "cpu") -> Views:
    """Pixels and visibility of the drawn points in views of size_px, on a device.

    index names a visible point of each pixel, the first in order, as far as points fall on pixels.
    """
    pixel = torch.from_numpy(_scaled(given.pixel_of_point, given.side_px, size_px)).to(device)
    visible = torch.from_numpy(given.visible).to(device)
    n_views, n_points = pixel.shape
    rows = torch.arange(n_points, device=device, dtype=torch.int32).expand(n_views, -1)
    first = torch.full((n_views, size_px**2), n_points, dtype=torch.int32, device=device)
    first.scatter_reduce_(1, pixel.long(), torch.where(visible, rows, n_points), "amin")
    index = torch.where(first < n_points, first, -1).view(n_views, size_px, size_px)
    unknown = torch.full(index.shape, torch.nan, device=device)
    cameras = Cameras(np.full((n_views, 4, 4), np.nan), "perspective", float(size_px), size_px)
    return Views(index, unknown, unknown, pixel, visible, cameras)


def _scaled(pixel: np.ndarray, side_px: int, size_px: int) -> np.ndarray:
    """Flat pixels of pictures of side_px as flat pixels of views of size_px: the one that holds their centre."""
    if side_px == size_px:
        return pixel
    row, column = ((2 * part + 1) * size_px // (2 * side_px) for part in np.divmod(pixel.astype(np.int64), side_px))
    return np.asarray(row * size_px + column).astype(np.int32)


def given_images(pictures: np.ndarray, size_px: int, device: str | torch.device = "cpu") -> torch.Tensor:
    """(V, S, S, 3) uint8 -> (V, 3, size_px, size_px) float32 in [0, 1]; other sizes by Pillow's bicubic filter."""
    if pictures.shape[1] != size_px:
        resized = [Image.fromarray(p).resize((size_px, size_px), Image.Resampling.BICUBIC) for p in pictures]
        pictures = np.stack([np.asarray(picture) for picture in resized])
    return torch.from_numpy(np.ascontiguousarray(pictures)).movedim(-1, 1).float().div(255.0).to(device)


def given_masks(masks: np.ndarray, size_px: int) -> torch.Tensor:
    """(V, S, S) bool -> (V, size_px, size_px) bool, nearest."""
    place = (2 * np.arange(size_px) + 1) * masks.shape[1] // (2 * size_px)
    return torch.from_numpy(np.ascontiguousarray(masks[:, place][:, :, place]))
