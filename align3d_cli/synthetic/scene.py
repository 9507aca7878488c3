"""One part put before a scanner: surface, relief, colours, pose, defects, measurement.

Every step draws from its own generator (see STREAMS), so that a good twin shares all but the defect.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.unproject import unproject
from align3d_cli.synthetic import sdf
from align3d_cli.synthetic.camera import DepthCamera, Frame, capture, framed, look_at
from align3d_cli.synthetic.defects import add_defect
from align3d_cli.synthetic.families import FAMILIES, varied
from align3d_cli.synthetic.fields import scaled
from align3d_cli.synthetic.labelled_surface import LabelledSurface, displace, faceted
from align3d_cli.synthetic.meshes import mesh_part
from align3d_cli.synthetic.neighbourhood import room
from align3d_cli.synthetic.sampling import Viewpoint, sample_surface
from align3d_cli.synthetic.sensor import Sensor, add_background, measure, random_sensor, thin_unevenly, touch
from align3d_cli.synthetic.solid import Solid
from align3d_cli.synthetic.stamps import Site
from align3d_cli.synthetic.texture import Lamp, lit, paint, random_lamp

STREAMS = ("choice", "part", "relief", "colour", "pose", "sensor", "defect", "scan", "light")
SURFELS_PER_PIXEL = 2.6  # dense points per pixel of the scan, so that hardly a pixel of a closed surface stays empty
FEWEST_LABELS = 10  # points; a smaller defect is as good as not there, another place is tried
MESHED = 0.15  # share of the parts that look like a coarse mesh of a real scan
SLABS = ("relief",)  # families of which a camera sees a crop that fills its image


def source_name(source: str | Path) -> str:
    """The category a scan of this source belongs to."""
    return str(source) if source in FAMILIES else Path(source).stem


def _surface(source, n: int, rngs: dict, view: Viewpoint | None) -> LabelledSurface:
    """The good part: n dense points (front-facing ones when a view is given) with relief, no labels yet."""
    if source not in FAMILIES:
        dense = mesh_part(str(source))
        front = np.arange(len(dense)) if view is None else np.flatnonzero(view.cosine(dense.xyz, dense.normals) > -0.1)
        take = front[:n]
        surface = replace(dense.take(take), spacing=dense.spacing * np.sqrt(len(front) / max(len(take), 1)))
    else:
        part = _part(source, rngs)
        surface = sample_surface(part, n, rngs["relief"], view)
        for amplitude, field in part.reliefs:
            surface, _ = displace(surface, scaled(field, amplitude))
        if rngs["relief"].random() < MESHED:
            facets = int(np.exp(rngs["relief"].uniform(np.log(2500), np.log(12_000))))
            surface = faceted(surface, facets, rngs["relief"].uniform(0, 0.06), rngs["relief"])
    return replace(surface, defect=np.zeros(len(surface), bool))


def _part(source: str, rngs: dict) -> Solid:
    part = _drawn(source, rngs["part"])
    return replace(part, sdf=sdf.intersect(part.sdf, sdf.box(part.half)))


def _coloured(surface: LabelledSurface, rng: np.random.Generator) -> LabelledSurface:
    return surface if surface.colours is not None else replace(surface, colours=paint(surface.xyz, rng))


def _unit(rng: np.random.Generator) -> tuple[float, str | None]:
    """What one part unit is in the scan: metres, millimetres, or nothing one can know."""
    size = np.exp(rng.uniform(np.log(0.02), np.log(0.3)))
    return ((size, "m"), (1000 * size, "mm"), (float(np.exp(rng.normal())), None))[rng.integers(3)]


def full_scan(source, kind: str, n_points: int, rngs: dict) -> tuple[PointCloud, np.ndarray]:
    """A part scanned from all sides in a frame of its own, and (N,) bool, its defective points."""
    surface = _surface(source, int(1.25 * n_points), rngs, None)
    extent = float(np.ptp(surface.xyz, axis=0).max())
    sensor = random_sensor(rngs["sensor"], extent)
    surface = _coloured(thin_unevenly(surface, sensor, n_points, rngs["scan"]), rngs["colour"])
    if kind != "good":
        surface = _damaged_surface(surface, kind, extent, sensor, rngs["defect"])
    surface = touch(lit(surface, random_lamp(rngs["light"], None)), sensor, rngs["pose"])
    rotation = np.linalg.qr(rngs["pose"].normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    scale, unit = _unit(rngs["pose"])
    xyz = (surface.xyz.astype(np.float64) @ rotation.T) * scale + rngs["pose"].normal(size=3) * scale
    return PointCloud(xyz, surface.colours, unit=unit), surface.labels


def _eye(rng: np.random.Generator, half: np.ndarray, slab: bool) -> np.ndarray:
    """Where the camera stands: mostly a side that shows much of the part, sometimes any."""
    directions = rng.normal(size=(3, 3))
    if slab:
        directions = directions * (0.3, 0.3, 0) + (0, 0, 1)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    shown = np.abs(directions) @ (half.prod() / half)
    best = int(np.argmax(shown)) if rng.random() < 0.75 else 0
    return directions[best] * float(np.linalg.norm(half)) * np.exp(rng.uniform(np.log(2.0), np.log(8.0)))


def organised_scan(source, kind: str, n_points: int, rngs: dict) -> tuple[PointCloud, np.ndarray]:
    """A part as one depth camera sees it, on the camera's grid, and (N,) bool, its defective points."""
    half, slab = _half_size(source, rngs), source in SLABS
    eye = _eye(rngs["pose"], half, slab)
    rotation = look_at(eye, rngs["pose"].uniform(0, 2 * np.pi))
    dense = _surface(source, int(SURFELS_PER_PIXEL * n_points), rngs, Viewpoint(eye))
    surface = _coloured(dense, rngs["colour"])
    crop = rngs["pose"].uniform(0.5, 0.85) if slab else 1.0
    camera = framed(eye, rotation, surface.xyz, n_points, 0.0 if slab else rngs["pose"].uniform(0.02, 0.12), crop)
    extent = float(np.ptp(surface.xyz, axis=0).max()) * crop
    sensor = random_sensor(rngs["sensor"], extent)
    lamp, frame = random_lamp(rngs["light"], eye), None
    if kind != "good":
        frame = _damaged_frame(surface, camera, lamp, kind, extent, sensor, rngs["defect"])
    frame = capture(lit(surface, lamp), camera) if frame is None else frame
    if rngs["pose"].random() < 0.15 and not slab:
        frame = _on_a_table(frame, camera, surface, rngs["pose"])
    frame = measure(frame, camera, sensor, rngs["scan"])
    return _cloud_of(frame, camera, rngs["pose"])


def _half_size(source, rngs: dict) -> np.ndarray:
    """Half sides of the part's bounding box, without spending the part's generator."""
    if source not in FAMILIES:
        return np.abs(mesh_part(str(source)).xyz).max(axis=0).astype(float)
    copy = np.random.default_rng()
    copy.bit_generator.state = rngs["part"].bit_generator.state
    return np.asarray(_drawn(source, copy).half, float)


def _drawn(source: str, rng: np.random.Generator) -> Solid:
    return FAMILIES[source](rng) if source in SLABS else varied(FAMILIES[source](rng), rng)


def _damage(
    surface: LabelledSurface, rows: np.ndarray, camera, kind: str, extent: float, sensor: Sensor, rng
) -> LabelledSurface:
    """One to three defects of a kind at some of the rows."""
    sites = []
    for _ in range(int(rng.choice((1, 2, 3), p=(0.6, 0.28, 0.12)))):
        row = _place(surface, rows, rng)
        point, normal = surface.xyz[row].astype(float), surface.normals[row].astype(float)
        towards = None if camera is None else (camera.eye - point) / np.linalg.norm(camera.eye - point)
        sites.append(Site(point, normal, extent, sensor.noise, room(surface, point, 0.2 * extent), towards))
    for site in sites:
        surface = add_defect(surface, kind, site, rng, dense=camera is not None)
    return surface


def _damaged_surface(good: LabelledSurface, kind: str, extent: float, sensor: Sensor, rng) -> LabelledSurface:
    """The part with defects anywhere; a few places are tried until enough points are labelled."""
    for _ in range(8):
        surface = _damage(good, np.arange(len(good)), None, kind, extent, sensor, rng)
        if surface.labels.sum() >= FEWEST_LABELS:
            break
    return surface


def _place(surface: LabelledSurface, rows: np.ndarray, rng: np.random.Generator) -> int:
    """One of the rows: any, or (for a third) the most curved of six, so that edges and cavities get their share."""
    some = rows[rng.integers(len(rows), size=6)]
    if rng.random() < 0.67:
        return int(some[0])
    bent = []
    for row in some:
        near = np.abs(surface.xyz - surface.xyz[row]).max(axis=1) < 5 * surface.spacing
        bent.append(np.linalg.norm(surface.normals[near].mean(axis=0)))
    return int(some[np.argmin(bent)])


def _damaged_frame(
    surface: LabelledSurface, camera: DepthCamera, lamp: Lamp | None, kind: str, extent: float, sensor: Sensor, rng
) -> Frame | None:
    """What the camera sees of the part with defects; a few places are tried until one shows, None if none does."""
    seen = visible_rows(surface, camera)
    for _ in range(8):
        damaged = _damage(surface, seen, camera, kind, extent, sensor, rng)
        frame = capture(lit(damaged, lamp), camera)
        if frame.defect.sum() >= FEWEST_LABELS:
            return frame
    return None


def visible_rows(surface: LabelledSurface, camera: DepthCamera) -> np.ndarray:
    """Rows of the points that the camera sees, not at a grazing angle; all rows when there is none. Coarse z-buffer."""
    q = camera.to_camera(surface.xyz)
    cosine = -(surface.normals @ camera.rotation.T.astype(np.float32) * q).sum(axis=1) / np.linalg.norm(q, axis=1)
    cell = 4.0 / camera.focal
    at = np.floor(q[:, :2] / q[:, 2:] / cell).astype(int)
    at -= at.min(axis=0)
    flat = at[:, 0] * (at[:, 1].max() + 1) + at[:, 1]
    nearest = np.full(int(flat.max()) + 1, np.inf, np.float32)
    np.minimum.at(nearest, flat, q[:, 2])
    inside = (q[:, :2] / q[:, 2:] * camera.focal + camera.centre)[:, ::-1]
    inside = ((inside > 0) & (inside < camera.shape)).all(axis=1)
    rows = np.flatnonzero((cosine > 0.34) & (q[:, 2] < nearest[flat] + 8 * cell * q[:, 2]) & inside)
    return rows if len(rows) else np.arange(len(surface))


def _on_a_table(frame: Frame, camera: DepthCamera, surface: LabelledSurface, rng: np.random.Generator) -> Frame:
    """Put a support plane under the part, tilted by up to 35 degrees from the image plane, just touching it."""
    tilt, turn = np.radians(rng.uniform(0, 35)), rng.uniform(0, 2 * np.pi)
    normal = np.array((np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)))
    offset = float((camera.to_camera(surface.xyz) @ normal).max()) * (1 + 1e-3)
    return add_background(frame, camera, (normal, offset), rng.uniform(30, 230, 3))


def _cloud_of(frame: Frame, camera: DepthCamera, rng: np.random.Generator) -> tuple[PointCloud, np.ndarray]:
    scale, unit = _unit(rng)
    xyz = unproject(frame.depth, camera.focal, camera.centre) * scale
    xyz = xyz.astype(np.float32).astype(np.float64)
    valid = np.isfinite(xyz).all(axis=1)
    colours = None
    if frame.colours is not None:
        colours = np.clip(frame.colours, 0, 255).astype(np.uint8).reshape(-1, 3)
        colours[~valid] = 0
    return PointCloud(xyz, colours, grid=camera.shape, unit=unit), frame.defect.ravel() & valid
