"""One entrance for every kind of scan."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.marks import without_marks
from align3d_cli.clouds.units import MILLIMETRES
from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.io.source import ReadOptions, Source, open_source

# suffix -> module, function and what else the function is told; modules load when their format is met
READERS = {
    "ply": ("ply", "read_ply", ()),
    "pcd": ("pcd", "read_pcd", ()),
    "tiff": ("tiff", "read_tiff", ()),
    "tif": ("tiff", "read_tiff", ()),
    "stl": ("meshes", "read_mesh", ("stl",)),
    "obj": ("meshes", "read_mesh", ("obj",)),
    "glb": ("meshes", "read_mesh", ("glb",)),
    "off": ("meshes", "read_mesh", ("off",)),
    "xyz": ("tables", "read_table", ()),
    "txt": ("tables", "read_table", ()),
    "csv": ("tables", "read_table", ()),
    "npy": ("arrays", "read_npy", ()),
    "npz": ("arrays", "read_npz", ()),
}
WITH_FREE_COLUMNS = ("xyz", "txt", "csv", "npy", "npz")  # the others name what they hold
SCAN_SUFFIXES = tuple(f".{name}" for name in READERS)


def read_scan(
    path: str | Path,
    *,
    format: str | None = None,
    focal_px: float | None = None,
    columns: str | None = None,
    samples: int = 200_000,
    seed: int = 0,
    keep_marks: bool = False,
    unit: str | None = None,
) -> PointCloud:
    """Read a scan of any format we know, in file order, with colours, normals, grid and unit as the file has them.

    path:     a file, or "-" for standard input (then `format` is needed)
    format:   one of READERS, instead of the file's suffix
    focal_px: focal length in pixels, for depth maps
    columns:  what the columns of a table are, e.g. "xyzrgb" or "x,y,z,nx,ny,nz"
    samples:  points drawn from a mesh; seed: of that draw
    keep_marks: rows that look like marks of "no measurement" are points all the same
    unit:     of length, instead of what the file says
    Rows that hold marks become NaN, and a note says so (see `clouds.marks`).
    Raises InputRejected with one line: file, finding, next step; UsageError for an unknown `format` or `unit`, and for
    `columns` where the format names its own or without x, y and z.
    """
    if unit is not None and unit not in MILLIMETRES:
        raise UsageError(f"--unit {unit}: unknown; use one of {', '.join(MILLIMETRES)}")
    kind = _kind(path, format)
    if columns and kind not in WITH_FREE_COLUMNS:
        raise UsageError(f"--columns: {path} names its own columns; leave it out")
    with open_source(path) as source:
        options = ReadOptions(focal_px, columns, samples, seed, keep_marks, unit)
        try:
            with np.errstate(all="ignore"):  # files hold any bits; what is no measurement is left out by `prepare`
                cloud = _reader(kind)(source, options)
        except MemoryError as error:
            raise source.reject("does not fit into memory", "thin it or use a larger machine") from error
        cloud = without_marks(cloud, keep=keep_marks)
        return replace(cloud, sha256=source.sha256, unit=unit or cloud.unit)


def _kind(path: str | Path, format: str | None) -> str:
    kind = (format or Path(path).suffix).lower().lstrip(".")
    if kind in READERS:
        return kind
    if str(path) == "-" and not format:
        raise InputRejected("standard input: the format of a stream is not known; name it with --input-format")
    known = ", ".join(READERS)
    if format:
        raise UsageError(f"--input-format {format}: is no scan format we know; use one of {known}")
    finding = f"'{kind}' is no scan format we know" if kind else "its name has no suffix that says its format"
    raise InputRejected(f"{path}: {finding}; use one of {known}, or name it with --input-format")


def _reader(kind: str) -> Callable[[Source, ReadOptions], PointCloud]:
    module, name, told = READERS[kind]
    function = getattr(import_module(f"align3d_cli.io.{module}"), name)
    return lambda source, options: function(source, options, *told)
