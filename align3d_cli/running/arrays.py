"""A scan in any form that a caller holds it in: a path, a cloud, an array."""

from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.marks import without_marks
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

Scan = str | Path | PointCloud | np.ndarray | list
IN_MEMORY = "array"  # what results call a scan without a path


def as_cloud(scan: Scan, seed: int = 0) -> PointCloud:
    """The scan as a cloud.

    scan: a path; a PointCloud; (N, 3) numbers of any float or integer type, also as a list; or (H, W, 3), an organised
          scan, in which (0, 0, 0) stands for no measurement; marks of no measurement are found as in files
    seed: of the points drawn from a mesh file
    Raises InputRejected for files that cannot be read and arrays of another shape.
    """
    if isinstance(scan, PointCloud):
        return scan
    if isinstance(scan, str | Path):
        return read_scan(scan, seed=seed)
    try:
        array = np.asarray(scan, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputRejected(f"{IN_MEMORY}: is not all numbers; give (N, 3) or (H, W, 3) numbers") from error
    if array.ndim not in (2, 3) or array.shape[-1] != 3:
        shape = " x ".join(map(str, array.shape)) or "one number"
        raise InputRejected(f"{IN_MEMORY}: its shape is {shape}; give (N, 3) or (H, W, 3) numbers")
    grid = array.shape[:2] if array.ndim == 3 else None
    return without_marks(PointCloud(np.array(array.reshape(-1, 3)), grid=grid))


def name_of(scan: Scan) -> str:
    """What results call the scan."""
    if isinstance(scan, str | Path):
        return str(scan)
    path = scan.path if isinstance(scan, PointCloud) else None
    return IN_MEMORY if path is None else str(path)
