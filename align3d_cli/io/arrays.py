"""Numpy files: .npy and .npz, never unpickled, checked by their headers before their data is read."""

import warnings
import zipfile
import zlib
from typing import BinaryIO

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.colours import as_uint8
from align3d_cli.io.columns import cloud_from_table, parse_columns, roles_of
from align3d_cli.io.organised import organised_cloud
from align3d_cli.io.source import POINT_LIMIT, ReadOptions, Source, check_expansion

POINT_KEYS = ("points", "xyz", "vertices", "positions", "pointcloud", "cloud", "pcd")
COLOUR_KEYS = ("colours", "colors", "rgb")
NORMAL_KEYS = ("normals", "normal")
NUMBER_LIMIT = 16 * POINT_LIMIT  # a table of 16 columns
STEP = "save it again with numpy.save, N x 3"


def read_npy(source: Source, options: ReadOptions) -> PointCloud:
    """Read an N x 3, N x 6 or H x W x 3 array. Raises InputRejected."""
    return _cloud(source, _array(source, source.stream, source.size, "the array"), options)


def read_npz(source: Source, options: ReadOptions) -> PointCloud:
    """Read the points of an archive: the array named points, xyz, .., or its only one. Raises InputRejected."""
    try:
        with zipfile.ZipFile(source.stream) as archive:
            members = {i.filename.removesuffix(".npy"): i for i in archive.infolist() if i.filename.endswith(".npy")}
            points = _member(source, archive, members[_points_key(source, members)])
            extra = {
                "colours": _optional(source, archive, members, COLOUR_KEYS),
                "normals": _optional(source, archive, members, NORMAL_KEYS),
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise source.reject(
            f"is no readable npz ({str(error)[:80]})", "it is cut off or damaged, save it again"
        ) from error
    return _with_extras(_cloud(source, points, options), extra)


def _points_key(source: Source, members: dict) -> str:
    named = next((key for key in POINT_KEYS if key in members), None)
    if named is None and len(members) != 1:
        found = ", ".join(sorted(members)[:8]) or "nothing"
        raise source.reject(f"which array holds the points? it has {found}", f"name it '{POINT_KEYS[0]}'")
    return named or next(iter(members))


def _member(source: Source, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    check_expansion(source, info.compress_size, info.file_size)
    try:
        stream = archive.open(info)
    except ValueError as error:  # zipfile seeks where the directory says, be it before the beginning
        raise zipfile.BadZipFile("its directory is damaged") from error
    with stream:
        return _array(source, stream, info.file_size, info.filename)


def _optional(source: Source, archive: zipfile.ZipFile, members: dict, keys: tuple[str, ...]) -> np.ndarray | None:
    key = next((key for key in keys if key in members), None)
    return None if key is None else _member(source, archive, members[key])


def _with_extras(cloud: PointCloud, extra: dict) -> PointCloud:
    """The cloud with the colours and normals that have one row for each of its points."""
    colours, normals = (None if a is None or a.size != 3 * len(cloud) else a.reshape(-1, 3) for a in extra.values())
    return PointCloud(
        cloud.xyz,
        cloud.colours if colours is None else as_uint8(colours),
        cloud.normals if normals is None else normals.astype(np.float32),
        grid=cloud.grid,
        path=cloud.path,
    )


def _array(source: Source, stream: BinaryIO, size: int, what: str) -> np.ndarray:
    """One array, its header checked against the bytes behind it."""
    try:
        shape, fortran, dtype = _header(stream)
    except Exception as error:  # numpy parses the header as Python source: any of its errors
        raise source.reject(f"{what} is no numpy array ({str(error)[:80]})", STEP) from error
    if dtype.hasobject or (dtype.kind not in "fiu" and dtype.names is None):
        raise source.reject(f"{what} holds {dtype}, not numbers", STEP)
    count = int(np.prod([int(n) for n in shape], dtype=object)) if shape else 0
    if min(shape, default=0) < 0 or count > NUMBER_LIMIT or count * dtype.itemsize > size:
        finding = f"{what} promises {' x '.join(map(str, shape))} numbers, the file has {size} bytes"
        raise source.reject(finding, "it is cut off or damaged, save it again")
    data = stream.read(count * dtype.itemsize)
    if len(data) < count * dtype.itemsize:
        raise source.reject(f"{what} ends after {len(data)} of {count * dtype.itemsize} bytes", "save it again")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # files of Python 2
        return read(stream)


def _cloud(source: Source, array: np.ndarray, options: ReadOptions) -> PointCloud:
    roles = parse_columns(options.columns) if options.columns else None
    if array.dtype.names:
        array, roles = _unstructured(source, array), roles_of(list(array.dtype.names))
    if array.ndim == 3 and array.shape[2] == 3:
        return organised_cloud(source, array)
    return cloud_from_table(source, array, roles)


def _unstructured(source: Source, array: np.ndarray) -> np.ndarray:
    """(N, K) float64 of a one-dimensional structured array."""
    if array.ndim != 1 or any(array.dtype[name].kind not in "fiu" for name in array.dtype.names):
        raise source.reject("its fields are not plain numbers", STEP)
    return np.stack([array[name].astype(np.float64) for name in array.dtype.names], axis=1)
