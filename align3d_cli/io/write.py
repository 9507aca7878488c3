"""Anomaly maps on their way out: in the form the scan came in, or as a picture of numbers."""

import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.errors import UsageError
from align3d_cli.helpers.files import check_free, replacing
from align3d_cli.io.glb import write_glb
from align3d_cli.io.ply import PlyOrigin
from align3d_cli.io.ply_write import DEVIATION, REGION, SCORE, write_back, write_new

MAP_FORMATS = ("ply", "npz", "tiff", "glb")
NEAREST = 3  # samples a vertex takes its value from


def write_scores(
    path: str | Path,
    cloud: PointCloud,
    scores: np.ndarray,
    rgb: np.ndarray,
    *,
    regions: np.ndarray | None = None,
    deviation: np.ndarray | None = None,
    format: str | None = None,
    force: bool = False,
) -> Path:
    """Write an anomaly map; the file appears whole or not at all.

    scores: (N,) float, NaN where a point has none; rgb: (N, 3) uint8, the colours of the map
    regions: (N,) int, the number of each point's region, 0 in none; written to ply and npz
    deviation: (N,) float, signed distance from a reference, NaN where there is none; likewise
    format: one of MAP_FORMATS, instead of the path's suffix
    Raises UsageError for an unknown format, a tiff of a scan without grid, or a path that is taken.
    """
    path = check_free(path, force=force)
    format = check_format(format or path.suffix, cloud)
    with replacing(path, force=force) as stream:
        dump_scores(stream, cloud, scores, rgb, format, regions, deviation)
    return path


def check_format(format: str, cloud: PointCloud) -> str:
    """The map's format in short ("tif" and ".TIFF" -> "tiff"). Raises UsageError when the cloud cannot take it."""
    format = format.lower().lstrip(".").replace("tif", "tiff").replace("tifff", "tiff")
    if format not in MAP_FORMATS:
        raise UsageError(f"'{format}' is no format of an anomaly map; use one of {', '.join(MAP_FORMATS)}")
    if format == "tiff" and cloud.grid is None:
        raise UsageError(f"{cloud.path or 'the cloud'}: has no pixel grid, so no tiff map; use ply, npz or glb")
    return format


def dump_scores(
    stream: BinaryIO,
    cloud: PointCloud,
    scores: np.ndarray,
    rgb: np.ndarray,
    format: str,
    regions: np.ndarray | None = None,
    deviation: np.ndarray | None = None,
) -> None:
    """Write an anomaly map to a seekable binary stream; arguments as for `write_scores`."""
    if format == "npz":
        return _write_npz(stream, cloud, scores, rgb, regions, deviation)
    if format == "tiff":
        return _write_tiff(stream, cloud, scores)
    values = _columns(cloud, scores, rgb, regions, deviation)
    if format == "glb":
        return write_glb(stream, cloud, values)
    if isinstance(cloud.origin, PlyOrigin):
        return write_back(stream, cloud.origin, values)
    return write_new(stream, cloud, values)


def to_vertices(cloud: PointCloud, values: np.ndarray) -> np.ndarray:
    """Values of a mesh's samples carried to its vertices, by inverse distance from the nearest three.

    cloud:  sampled from a mesh; without one its own points are the vertices
    values: (N,) or (N, K), one row for each point of the cloud; rows with NaN count for nothing
    Returns (M,) or (M, K) float64, NaN when no sample has a value.
    """
    from scipy.spatial import cKDTree

    rows = values.reshape(len(values), -1).astype(np.float64)
    known = np.isfinite(rows).all(axis=1) & cloud.valid
    vertices = cloud.xyz if cloud.mesh is None else cloud.mesh.vertices
    out = np.full((len(vertices), rows.shape[1]), np.nan)
    at = np.flatnonzero(np.isfinite(vertices).all(axis=1))
    if known.any():
        nearest = [i + 1 for i in range(min(NEAREST, int(known.sum())))]
        distance, sample = cKDTree(cloud.xyz[known]).query(vertices[at], k=nearest)
        weight = 1.0 / np.maximum(distance, 1e-12 + 1e-6 * distance.mean())
        weight /= weight.sum(axis=1, keepdims=True)
        out[at] = np.einsum("mk,mkc->mc", weight, rows[known][sample])
    return out.reshape(len(vertices), *values.shape[1:])


def regions_to_vertices(cloud: PointCloud, regions: np.ndarray) -> np.ndarray:
    """(M,) the number of the nearest sample's region for each vertex of the cloud's mesh; 0 for vertices nowhere."""
    from scipy.spatial import cKDTree

    if cloud.mesh is None:
        return regions
    vertices = cloud.mesh.vertices
    out = np.zeros(len(vertices), regions.dtype)
    at, known = np.flatnonzero(np.isfinite(vertices).all(axis=1)), np.flatnonzero(cloud.valid)
    if len(known):
        out[at] = regions[known[cKDTree(cloud.xyz[known]).query(vertices[at])[1]]]
    return out


def _columns(
    cloud: PointCloud,
    scores: np.ndarray,
    rgb: np.ndarray,
    regions: np.ndarray | None,
    deviation: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Scores, what else is known, and colours by property name, one row for each point or, of a mesh, each vertex."""
    numbers = {}
    if deviation is not None:
        off = deviation if cloud.mesh is None else to_vertices(cloud, deviation)
        numbers[DEVIATION] = off.astype(np.float32)
    if regions is not None:
        numbers[REGION] = regions_to_vertices(cloud, regions).astype(np.float32)
    if cloud.mesh is not None:
        scores = to_vertices(cloud, scores)
        rgb = np.clip(np.rint(np.nan_to_num(to_vertices(cloud, rgb))), 0, 255).astype(np.uint8)
    return {SCORE: scores.astype(np.float32)} | numbers | {"red": rgb[:, 0], "green": rgb[:, 1], "blue": rgb[:, 2]}


def _write_npz(
    stream: BinaryIO,
    cloud: PointCloud,
    scores: np.ndarray,
    rgb: np.ndarray,
    regions: np.ndarray | None,
    deviation: np.ndarray | None,
) -> None:
    """points (N, 3) float64, scores (N,) float32, colours (N, 3) uint8, and where they are known regions (N,) int32 and
    deviation (N,) float32; the same bytes at any time of day."""
    arrays = {"points": cloud.xyz, "scores": scores.astype(np.float32), "colours": rgb}
    arrays |= {} if regions is None else {"regions": regions.astype(np.int32)}
    arrays |= {} if deviation is None else {"deviation": deviation.astype(np.float32)}
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


def _write_tiff(stream: BinaryIO, cloud: PointCloud, scores: np.ndarray) -> None:
    """(H, W) float32 on the scan's grid; pixels without measurement or score are 0."""
    import tifffile

    image = np.where(cloud.valid, np.nan_to_num(scores), 0).astype(np.float32).reshape(cloud.grid)
    tifffile.imwrite(stream, image, photometric="minisblack")
