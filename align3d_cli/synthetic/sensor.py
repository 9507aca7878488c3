"""What a real scanner adds: noise by incidence angle, stereo-like correlated noise, flying pixels, dropouts, steps."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from align3d_cli.synthetic.camera import DepthCamera, Frame
from align3d_cli.synthetic.labelled_surface import LabelledSurface


@dataclass(frozen=True, slots=True)
class Sensor:
    """Strengths, lengths in part units.

    noise: standard deviation at normal incidence; grazing: how much it grows with the tangent of the incidence angle
    correlated: share of the noise that is smooth over `blur_px`; smoothing_px: Gaussian filter of the depth itself
    step: quantisation of depth (0 none); dropout: share of random losses; flying: share of edge pixels that fly
    uneven: strength of density variation of full scans
    """

    noise: float
    grazing: float = 0.3
    correlated: float = 0.5
    blur_px: float = 2.0
    smoothing_px: float = 0.0
    step: float = 0.0
    dropout: float = 0.0
    flying: float = 0.0
    uneven: float = 0.0


def random_sensor(rng: np.random.Generator, extent: float) -> Sensor:
    """From a clean laser line to a noisy stereo camera; noise is 0.005 % .. 0.3 % of the part's longest side."""
    noise = extent * float(np.exp(rng.uniform(np.log(5e-5), np.log(3e-3))))
    stereo = rng.random() < 0.35
    return Sensor(
        noise=noise,
        grazing=rng.uniform(0, 0.6),
        correlated=rng.uniform(0.5, 0.95) if stereo else rng.uniform(0, 0.5),
        blur_px=rng.uniform(1.5, 5.0) if stereo else rng.uniform(0.8, 2.0),
        smoothing_px=rng.uniform(0.5, 1.2) if stereo else 0.0,
        step=noise * rng.uniform(0.3, 2.0) if rng.random() < 0.3 else 0.0,
        dropout=rng.uniform(0, 0.02) if rng.random() < 0.5 else 0.0,
        flying=rng.uniform(0, 0.3) if rng.random() < 0.5 else 0.0,
        uneven=rng.uniform(0, 1.0),
    )


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, int], blur_px: float) -> np.ndarray:
    """(H, W) of unit variance, correlated over blur_px."""
    noise = ndimage.gaussian_filter(rng.normal(size=shape).astype(np.float32), blur_px)
    return noise / max(float(noise.std()), 1e-9)


def smooth_depth(depth: np.ndarray, sigma_px: float, reach: float) -> np.ndarray:
    """Gaussian filter over valid pixels; pixels that it would move by more than `reach` (edges) keep their depth."""
    valid = np.isfinite(depth)
    weight = ndimage.gaussian_filter(valid.astype(np.float32), sigma_px)
    mean = ndimage.gaussian_filter(np.where(valid, depth, 0).astype(np.float32), sigma_px) / np.maximum(weight, 1e-6)
    return np.where(valid & (np.abs(mean - depth) < reach), mean, depth)


def measure(frame: Frame, camera: DepthCamera, sensor: Sensor, rng: np.random.Generator) -> Frame:
    """The frame as this sensor sees it; the random fields do not depend on the frame, so twins share them."""
    white, smooth, loss, fly, far = _fields(rng, frame.depth.shape, sensor)
    depth = frame.depth
    pixel = float(np.nanmedian(depth)) / camera.focal if np.isfinite(depth).any() else 1.0
    if sensor.smoothing_px:
        depth = smooth_depth(depth, sensor.smoothing_px, 2 * pixel)
    c = sensor.correlated
    tangent = np.sqrt(np.maximum(1 / np.maximum(frame.cosine, 0.1) ** 2 - 1, 0))
    depth = depth + sensor.noise * (1 + sensor.grazing * tangent) * (np.sqrt(1 - c * c) * white + c * smooth)
    depth = _fly(depth, fly, far, sensor.flying, 4 * pixel)
    if sensor.step:
        depth = np.round(depth / sensor.step) * sensor.step
    lost = (loss < sensor.dropout) | (loss < 3 * (0.18 - frame.cosine))
    return replace(frame, depth=np.where(lost, np.nan, depth))


def _fields(rng: np.random.Generator, shape: tuple[int, int], sensor: Sensor) -> tuple[np.ndarray, ...]:
    """White noise, smooth noise, loss, flying chance and flying distance, (H, W) each."""
    white = rng.normal(size=shape).astype(np.float32)
    return (white, _smooth_noise(rng, shape, sensor.blur_px), *rng.random((3, *shape), np.float32))


def _fly(depth: np.ndarray, fly: np.ndarray, far: np.ndarray, share: float, jump: float) -> np.ndarray:
    """Pixels at depth edges that land between front and back, or a little behind the front where there is no back."""
    if not share:
        return depth
    there = np.isfinite(depth)
    behind = ndimage.maximum_filter(np.where(there, depth, np.inf), 3)
    open_end = ~np.isfinite(behind)
    reach = np.where(open_end, 3 * jump, np.where(open_end, 0, behind) - np.where(there, depth, 0))
    edge = there & (open_end | (reach > jump)) & (fly < share)
    return np.where(edge, depth + np.minimum(reach, 8 * jump) * far, depth)


def add_background(frame: Frame, camera: DepthCamera, plane: tuple[np.ndarray, float], colour: np.ndarray) -> Frame:
    """A support plane normal . x = offset (camera frame) behind the object; never a defect."""
    normal, offset = plane
    along = camera.rays() @ normal
    depth = np.where(np.abs(along) > 1e-3, offset / np.where(np.abs(along) > 1e-3, along, 1.0), np.nan)
    empty = ~np.isfinite(frame.depth) & (depth > 0) & (depth < 3 * np.nanmax(frame.depth))
    colours = frame.colours if frame.colours is None else np.where(empty[..., None], colour, frame.colours)
    cosine = np.where(empty, np.abs(normal[2]), frame.cosine)
    return replace(frame, depth=np.where(empty, depth, frame.depth), cosine=cosine, colours=colours)


def thin_unevenly(surface: LabelledSurface, sensor: Sensor, n: int, rng: np.random.Generator) -> LabelledSurface:
    """n points of a surface as a scan merged from a few positions has them: denser where one looks straight at it.

    Each point gets its draw of the sensor's noise here, so that a good twin shares it with the defective part.
    """
    views = rng.normal(size=(3, int(rng.integers(3, 8))))
    views /= np.linalg.norm(views, axis=0)
    straight = (surface.normals @ views.astype(np.float32)).max(axis=1)
    ramp = surface.xyz @ views[:, 0] / float(np.ptp(surface.xyz))
    weight = np.exp(sensor.uneven * (0.8 * np.clip(straight, -0.3, 1) + 1.5 * ramp))
    key = rng.random(len(surface)) ** (1 / weight)  # the n largest are a weighted draw (Efraimidis, Spirakis 2006)
    n = min(n, len(surface))
    rows = np.sort(np.argpartition(-key, n - 1)[:n]) if n < len(surface) else np.arange(n)
    thin = surface.take(rows)
    spacing = surface.spacing * np.sqrt(len(surface) / n)
    return replace(thin, spacing=spacing, noise=rng.normal(size=n).astype(np.float32))


def touch(surface: LabelledSurface, sensor: Sensor, views_seed: np.random.Generator) -> LabelledSurface:
    """Noise along the normals of a full scan, larger where no scanner position looks straight at the surface."""
    views = views_seed.normal(size=(3, 6))
    views /= np.linalg.norm(views, axis=0)
    cosine = np.clip((surface.normals @ views.astype(np.float32)).max(axis=1), 0.15, 1)
    tangent = np.sqrt(1 / cosine**2 - 1)
    moved = surface.noise_drawn * sensor.noise * (1 + sensor.grazing * tangent)
    xyz = surface.xyz + moved[:, None].astype(np.float32) * surface.normals
    if sensor.step:
        xyz = np.round(xyz / sensor.step) * sensor.step
    return replace(surface, xyz=xyz.astype(np.float32))
