"""The views that the rendering tower is tuned on: made ahead in processes, kept in a pool, augmented in depth."""

import math
import multiprocessing
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from align3d_cli.clouds.labelled import LabelledCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.helpers.workers import end_with_parent
from align3d_cli.render.cameras import rotation_z
from align3d_cli.render.draw import draw_views
from align3d_cli.render.geometry import depth_px
from align3d_cli.render.settings import ViewSettings
from align3d_cli.render.shade import mask_views

BACKGROUND, GOOD, DEFECT = 0, 1, 2  # values of a view's target
WAVE_CELLS = (3, 7, 16, 36)  # px from node to node of the added waves, about the windows of the relief bands
WAVE_PX = (0.08, 3.0)  # their strength; stereo relief of roads shows 0.2 to 0.9 px in every band
ROLLED_SHARE = 0.6  # of the scans, rolled to fit as for scoring; the rest shows parts of every size
SCAN_POINTS = 4096  # of each scan, by which its views are put together where whole scans are ranked


@dataclass(frozen=True, slots=True)
class SampleViews:
    """One scan as training data.

    depth_px: (V, S, S) float32, NaN off the scan; target: (V, S, S) uint8
    pixel:    (V, SCAN_POINTS) int32, where each view shows some points of the scan: flat pixel, -1 where it does not
    """

    depth_px: np.ndarray
    target: np.ndarray
    pixel: np.ndarray


@dataclass(frozen=True, slots=True)
class Batch:
    """Views of a step: depth (B, S, S) px, target (B, S, S) uint8, pixel (B, SCAN_POINTS), as in SampleViews."""

    depth: Tensor
    target: Tensor
    pixel: Tensor


class ViewPool:
    """The newest `capacity` views of the stream, on the training device, those of a scan one after the other."""

    def __init__(self, capacity: int, size_px: int, device: str) -> None:
        self.depth = torch.empty(capacity, size_px, size_px, device=device)
        self.target = torch.empty(capacity, size_px, size_px, dtype=torch.uint8, device=device)
        self.pixel = torch.empty(capacity, SCAN_POINTS, dtype=torch.int32, device=device)
        self.added = 0

    @property
    def capacity(self) -> int:
        """How many views it can hold."""
        return len(self.depth)

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, views: SampleViews) -> None:
        """Take the views of one scan, in place of the oldest where the pool is full."""
        rows = (torch.arange(len(views.depth_px)) + self.added) % len(self.depth)
        rows = rows.to(self.depth.device)
        for kept, new in ((self.depth, views.depth_px), (self.target, views.target), (self.pixel, views.pixel)):
            kept[rows] = torch.from_numpy(new).to(kept.device)
        self.added += len(views.depth_px)

    def draw(self, count: int, generator: torch.Generator, views: int = 1) -> Batch:
        """count views at random, with replacement, in runs of `views`: all views of a scan, where it has that many."""
        first = torch.randint(len(self) // views, (count // views,), generator=generator) * views
        rows = (first[:, None] + torch.arange(views)).flatten().to(self.depth.device)
        return Batch(self.depth[rows], self.target[rows], self.pixel[rows])


def views_of(labelled: LabelledCloud, plan: ViewSettings, count: int, rng: np.random.Generator) -> SampleViews:
    """Depth and targets of `count` of the planned views of one labelled cloud, turned at random."""
    torch.set_num_threads(1)
    scan = prepare(labelled.cloud)
    turn = _roll(rng) if labelled.cloud.grid else _rotation(rng)
    views = draw_views(scan, plan, turn=turn, roll=rng.random() < ROLLED_SHARE)
    keep = torch.from_numpy(np.sort(rng.permutation(len(views.depth))[:count]))
    points = rng.integers(len(scan.xyz), size=SCAN_POINTS)
    pixel = torch.where(views.visible, views.pixel_of_point, -1)[keep][:, points]
    depth, mask = depth_px(views)
    defect = mask_views(views, labelled.defect[scan.index])
    target = torch.where(mask, torch.where(defect, DEFECT, GOOD), BACKGROUND).to(torch.uint8)
    depth = torch.where(mask, depth, torch.nan).float()
    return SampleViews(depth[keep].numpy(), target[keep].numpy(), pixel.int().numpy())


def _rotation(rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def _roll(rng: np.random.Generator) -> np.ndarray:
    return rotation_z(rng.uniform(0, 360))


def inside_out(depth: Tensor, generator: torch.Generator) -> Tensor:
    """A quarter of the views as from behind: (B, S, S) px -> the same, bumps made dents."""
    behind = torch.rand(len(depth), 1, 1, generator=generator) < 0.25
    return torch.where(behind.to(depth.device), -depth, depth)


def add_noise(depth: Tensor, generator: torch.Generator, wave_share: float) -> Tensor:
    """Noise a sensor could have added: (B, S, S) px -> the same.

    White noise to half of the views. To wave_share of them, noise of a stereo camera or of the ground itself, all
    over and of any scale: roughness is a defect only where the rest is smooth.
    """
    count, device = len(depth), depth.device

    def uniform(low: float, high: float) -> Tensor:
        return (torch.rand(count, 1, 1, generator=generator) * (high - low) + low).to(device)

    white = torch.where(uniform(0, 1) < 0.5, uniform(0, 1) ** 2 * 0.6, 0.0)
    grain = torch.randn(depth.shape, generator=generator) if device.type == "cpu" else torch.randn_like(depth)
    strength = torch.where(uniform(0, 1) < wave_share, torch.exp(uniform(*map(math.log, WAVE_PX))), 0.0)
    heavy_tailed = uniform(0, 1) < 0.5
    waves = torch.zeros_like(depth)
    for cell in WAVE_CELLS:
        coarse = torch.randn(count, 1, *(max(2, s // cell) for s in depth.shape[1:]), generator=generator).to(device)
        wave = F.interpolate(coarse, size=depth.shape[1:], mode="bicubic")[:, 0]
        waves += torch.where(heavy_tailed, wave * wave.abs(), wave) * uniform(0, 1)
    return depth + white * grain + strength * waves


def turn_views(batch: Batch, generator: torch.Generator) -> Batch:
    """One of the eight turns and mirrorings of the square for the whole batch."""
    turns, mirror = int(torch.randint(4, (), generator=generator)), bool(torch.randint(2, (), generator=generator))
    both = torch.stack([batch.depth, batch.target.to(batch.depth.dtype)])
    both = torch.rot90(both.flip(-1) if mirror else both, turns, (-2, -1)).contiguous()
    side = batch.depth.shape[-1]
    row, column = batch.pixel // side, batch.pixel % side
    column = side - 1 - column if mirror else column
    for _ in range(turns):
        row, column = side - 1 - column, row
    pixel = torch.where(batch.pixel < 0, -1, row * side + column)
    return Batch(both[0], both[1].to(torch.uint8), pixel)


def crop_views(images: Tensor, target: Tensor, size_px: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A square part of every view, around a pixel of its surface: for half of the views that show it, of the defect.

    images: (B, C, S, S), target: (B, S, S) -> (B, C, size_px, size_px), (B, size_px, size_px)
    """
    side, parts = target.shape[-1], []
    for image, labels in zip(images, target, strict=True):
        on_defect, which = torch.rand(2, generator=generator).tolist()
        defect = labels == DEFECT
        pixels = (defect if on_defect < 0.5 and defect.any() else labels > BACKGROUND).nonzero()
        middle = pixels[int(which * len(pixels))] if len(pixels) else torch.full((2,), side // 2)
        row, column = (middle - size_px // 2).clamp(0, side - size_px).tolist()
        window = (slice(row, row + size_px), slice(column, column + size_px))
        parts.append((image[:, *window], labels[window]))
    return torch.stack([part[0] for part in parts]), torch.stack([part[1] for part in parts])


def stream(make: Callable[[int], SampleViews], first: int, jobs: int) -> Generator[SampleViews, None, None]:
    """make(first), make(first + 1), .. in order, computed ahead in `jobs` processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=end_with_parent) as pool:
        waiting: deque[Future[SampleViews]] = deque()
        index = first
        try:
            while True:
                while len(waiting) < 4 * jobs:
                    waiting.append(pool.submit(make, index))
                    index += 1
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
