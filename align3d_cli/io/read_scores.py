"""Anomaly maps that were written by `io.write`, read back."""

import io
import zipfile
from pathlib import Path

import numpy as np

from align3d_cli.io.ply import PlyOrigin, read_ply
from align3d_cli.io.ply_write import SCORE
from align3d_cli.io.source import ReadOptions, Source, open_source

READ_BACK = ("ply", "npz")  # what holds points and their scores both, whatever the scan was
STEP = "score the part again"


def read_scores(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """The (N, 3) float64 points of an anomaly map and their (N,) float32 scores, NaN where there is none.

    path: of a .ply or .npz; of a mesh the points are its vertices
    Raises InputRejected for a file that cannot be read or is no such map, and for one without any score.
    """
    with open_source(path) as source:
        xyz, scores = _of_npz(source) if Path(path).suffix.lower() == ".npz" else _of_ply(source)
        if not np.isfinite(xyz[np.isfinite(scores)]).all(axis=1).any():
            raise source.reject("holds no point with a score", STEP)
        return xyz, scores


def _of_ply(source: Source) -> tuple[np.ndarray, np.ndarray]:
    cloud = read_ply(source, ReadOptions(samples=1))  # of a mesh its vertices are wanted, no samples
    if not isinstance(cloud.origin, PlyOrigin) or SCORE not in cloud.origin.vertex.columns:
        raise source.reject(f"has no {SCORE}", STEP)
    columns = cloud.origin.vertex.columns
    xyz = np.stack([np.asarray(columns[axis], np.float64) for axis in "xyz"], axis=1)
    return xyz, np.asarray(columns[SCORE], np.float32)


def _of_npz(source: Source) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(io.BytesIO(source.read()), allow_pickle=False) as arrays:
            xyz, scores = arrays["points"].astype(np.float64), arrays["scores"].astype(np.float32)
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise source.reject("holds no points and scores", STEP) from error
    if xyz.shape != (len(scores), 3) or scores.ndim != 1:
        raise source.reject("holds points and scores that do not belong together", STEP)
    return xyz, scores
