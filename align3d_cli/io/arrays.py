"""Numpy files: .npy and .npz, never unpickled, checked by their headers before their data is read."""

import math
import struct
import warnings
import zipfile
import zlib
from dataclasses import replace
from typing import IO

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.array_layout import cloud_of_array, cloud_of_fields, rows_of
from align3d_cli.io.colours import as_uint8
from align3d_cli.io.column_names import POSITION, roles_of
from align3d_cli.io.source import POINT_LIMIT, ReadOptions, Source, check_expansion
from align3d_cli.io.text import shown

POINT_KEYS = ("points", "xyz", "vertices", "positions", "pointcloud", "point_cloud", "cloud", "pcd", "pts", "coords")
COLOUR_KEYS = ("colours", "colors", "rgb")
NORMAL_KEYS = ("normals", "normal")
MAGIC = b"\x93NUMPY"
NUMBER_LIMIT = 16 * POINT_LIMIT  # a table of 16 columns
STEP = "save it again with numpy.save, N x 3"
CUT = "it is cut off or damaged, save it again"
KINDS = {"O": "pickled objects", "S": "texts", "U": "texts", "b": "truth values", "c": "complex numbers", "V": "bytes"}

Members = dict[str, zipfile.ZipInfo]


def read_npy(source: Source, options: ReadOptions) -> PointCloud:
    """Read an N x 3 or H x W x 3 array, either with further columns, axes in either order. Raises InputRejected."""
    return cloud_of_array(source, _array(source, source.stream, source.size, ""), options.columns)


def read_npz(source: Source, options: ReadOptions) -> PointCloud:
    """Read the points of an archive: the array named points, xyz, .., those named x, y and z, or its only one.

    Colours and normals stand beside them under their names. Raises InputRejected.
    """
    try:
        with zipfile.ZipFile(source.stream) as archive:
            members = {i.filename.removesuffix(".npy"): i for i in archive.infolist() if i.filename.endswith(".npy")}
            return _cloud_of_archive(source, archive, members, options)
    except (NotImplementedError, RuntimeError) as error:  # a password, or a compression that Python does not know
        finding = "its archive has a password, or a compression that we do not read"
        raise source.reject(finding, "save it with numpy.savez") from error
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError) as error:
        if source.head(2) != b"PK":
            raise source.reject("does not begin as an npz archive", "check what it is") from error
        raise source.reject("its archive does not hold together", CUT) from error


def _cloud_of_archive(source: Source, archive: zipfile.ZipFile, members: Members, options: ReadOptions) -> PointCloud:
    key = _find(members, POINT_KEYS)
    roles = roles_of(list(members))
    if key is None and set(POSITION) <= set(roles):
        used = [name for name, role in zip(members, roles, strict=True) if role]
        fields = {name: _member(source, archive, members[name]) for name in used}
        return _with_extras(source, archive, members, cloud_of_fields(source, fields, options.columns))
    if key is None and len(members) != 1:
        found = f"does not say which of {', '.join(sorted(members)[:8])} holds the points"
        raise source.reject(found if members else "the archive holds nothing", f"save the points as '{POINT_KEYS[0]}'")
    points = _member(source, archive, members[key or next(iter(members))])
    return _with_extras(source, archive, members, cloud_of_array(source, points, options.columns))


def _find(members: Members, keys: tuple[str, ...]) -> str | None:
    """The member with the first of the names, in letters of any case."""
    by_name = {name.lower(): name for name in reversed(members)}
    return next((by_name[key] for key in keys if key in by_name), None)


def _member(source: Source, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    if info.header_offset < 0:
        raise zipfile.BadZipFile("a member begins before the file")
    check_expansion(source, info.compress_size, info.file_size)
    try:
        stream = archive.open(info)
    except ValueError as error:  # zipfile seeks where the directory says, be it before the beginning
        raise zipfile.BadZipFile("its directory is damaged") from error
    with stream:
        return _array(source, stream, info.file_size, f"{shown(info.filename)} ")


def _with_extras(source: Source, archive: zipfile.ZipFile, members: Members, cloud: PointCloud) -> PointCloud:
    """The cloud with the colours and normals that have one row for each of its points."""
    colours, normals = (_rows_beside(source, archive, members, keys, len(cloud)) for keys in (COLOUR_KEYS, NORMAL_KEYS))
    if colours is not None:
        cloud = replace(cloud, colours=as_uint8(colours))
    return cloud if normals is None else replace(cloud, normals=normals.astype(np.float32))


def _rows_beside(
    source: Source, archive: zipfile.ZipFile, members: Members, keys: tuple[str, ...], count: int
) -> np.ndarray | None:
    """(count, 3) values of the member with one of the names, or None."""
    key = _find(members, keys)
    if key is None:
        return None
    array = _member(source, archive, members[key])
    if array.dtype.names or array.ndim not in (2, 3):
        return None
    rows, _ = rows_of(array)
    return rows[:, :3] if len(rows) == count and rows.shape[1] in (3, 4) else None


def _array(source: Source, stream: IO[bytes], size: int, what: str) -> np.ndarray:
    """One array, its header checked against the bytes behind it.

    what: the member of an archive and a blank, or nothing
    """
    try:
        shape, fortran, dtype = _header(stream)
    except Exception as error:  # numpy parses the header as Python source: any of its errors
        known = bool(what) or source.head(6) == MAGIC
        finding = f"{what}has no whole npy header" if known else "does not begin as an npy file"
        raise source.reject(finding, CUT if known else "check what it is") from error
    if dtype.hasobject or (dtype.kind not in "fiu" and dtype.names is None):
        finding = "pickled objects" if dtype.hasobject else KINDS.get(dtype.kind, "dates or times")
        raise source.reject(f"{what}holds {finding}, not plain numbers", STEP)
    count = math.prod(int(n) for n in shape)
    if min(shape, default=0) < 0 or count > NUMBER_LIMIT or count * dtype.itemsize > size:
        finding = f"{what}promises {' x '.join(map(str, shape))} numbers, the file has {size} bytes"
        raise source.reject(finding, CUT)
    data = stream.read(count * dtype.itemsize)
    if len(data) < count * dtype.itemsize:
        raise source.reject(f"{what}ends after {len(data)} of {count * dtype.itemsize} bytes of numbers", CUT)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # files of Python 2
        return read(stream)
