"""Anomaly maps that were written by `io.write`, read back."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from align3d_cli.io.ply import PlyOrigin, read_ply
from align3d_cli.io.ply_write import DEVIATION, REGION, SCORE
from align3d_cli.io.source import ReadOptions, Source, open_source

READ_BACK = ("ply", "npz")  # what holds points and their scores both, whatever the scan was
STEP = "score the part again"


@dataclass(frozen=True, slots=True)
class ScoreMap:
    """An anomaly map as it was written; arguments of `write_scores` that the file holds.

    xyz:       (N, 3) float64; of a mesh its vertices
    scores:    (N,) float32, NaN where there is none
    regions:   (N,) int32, 0 in none; deviation: (N,) float32, NaN where there is none; None where the file has none
    """

    xyz: np.ndarray
    scores: np.ndarray
    regions: np.ndarray | None = None
    deviation: np.ndarray | None = None


def read_scores(path: str | Path) -> ScoreMap:
    """An anomaly map read back.

    path: of a .ply or .npz
    Raises InputRejected for a file that cannot be read or is no such map, and for one without any score.
    """
    with open_source(path) as source:
        found = _of_npz(source) if Path(path).suffix.lower() == ".npz" else _of_ply(source)
        if not np.isfinite(found.xyz[np.isfinite(found.scores)]).all(axis=1).any():
            raise source.reject("holds no point with a score", STEP)
        return found


def _of_ply(source: Source) -> ScoreMap:
    cloud = read_ply(source, ReadOptions(samples=1))  # of a mesh its vertices are wanted, no samples
    if not isinstance(cloud.origin, PlyOrigin) or SCORE not in cloud.origin.vertex.columns:
        raise source.reject(f"has no {SCORE}", STEP)
    columns = cloud.origin.vertex.columns
    xyz = np.stack([np.asarray(columns[axis], np.float64) for axis in "xyz"], axis=1)
    return _map_of(xyz, columns[SCORE], columns, REGION, DEVIATION)


def _of_npz(source: Source) -> ScoreMap:
    try:
        with np.load(io.BytesIO(source.read()), allow_pickle=False) as arrays:
            found = _map_of(arrays["points"].astype(np.float64), arrays["scores"], arrays, "regions", "deviation")
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise source.reject("holds no points and scores", STEP) from error
    beside = [one for one in (found.scores, found.regions, found.deviation) if one is not None]
    if found.xyz.ndim != 2 or found.xyz.shape[1] != 3 or any(one.shape != found.xyz.shape[:1] for one in beside):
        raise source.reject("holds points and scores that do not belong together", STEP)
    return found


def _map_of(
    xyz: np.ndarray, scores: np.ndarray, columns: Mapping[str, np.ndarray], region: str, deviation: str
) -> ScoreMap:
    """The map with what else the columns hold under these names."""
    regions = np.nan_to_num(np.asarray(columns[region], np.float32)).astype(np.int32) if region in columns else None
    off = np.asarray(columns[deviation], np.float32) if deviation in columns else None
    return ScoreMap(xyz, np.asarray(scores, np.float32), regions, off)
