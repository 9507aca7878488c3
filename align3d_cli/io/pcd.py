"""PCD v0.7 files: ascii, binary and binary_compressed, organised or not."""

from dataclasses import replace

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.byte_order import without_mark
from align3d_cli.io.colours import as_uint8
from align3d_cli.io.pcd_header import PcdHeader, read_header
from align3d_cli.io.ply_words import without_commas
from align3d_cli.io.source import ReadOptions, Source, check_count
from align3d_cli.io.text import NotANumber, counted, parse_numbers, words_per_line

LZF_LIMIT = 88  # decoded : stored; three bytes of LZF give 264 at most
NORMALS = (("normal_x", "normal_y", "normal_z"), ("nx", "ny", "nz"))
COLOURS = (("r", "g", "b"), ("red", "green", "blue"))
CUT = "it is cut off, export it again"
DAMAGED = "it is damaged, export it again"


def read_pcd(source: Source, options: ReadOptions) -> PointCloud:
    """Read a PCD file. NaN points stay in as no measurement. Raises InputRejected."""
    source = without_mark(source)
    header = _settled(source, read_header(source))
    columns, notes = _READERS[header.data](source, header)
    xyz = np.stack([columns[name].astype(np.float64) for name in "xyz"], axis=1)
    normals = next((_columns(columns, names) for names in NORMALS if set(names) <= set(columns)), None)
    width, height = header.shape
    return PointCloud(
        xyz,
        _colours(columns),
        None if normals is None else normals.astype(np.float32),
        grid=(height, width) if height > 1 else None,
        unit=header.unit,
        path=source.path,
        notes=(*header.notes, *notes),
    )


def _columns(columns: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    return np.stack([columns[name] for name in names], axis=1)


def _colours(columns: dict[str, np.ndarray]) -> np.ndarray | None:
    """(N, 3) uint8 from `rgb` or `rgba` packed as 0xAARRGGBB in a float or an integer, or from r, g and b."""
    packed = columns.get("rgb", columns.get("rgba"))
    if packed is not None and packed.dtype.itemsize == 4 and packed.ndim == 1:
        words = np.ascontiguousarray(packed).view("<u4")
        return np.stack([words >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)
    for names in COLOURS:
        if set(names) <= set(columns):
            return as_uint8(_columns(columns, names))
    return None


def _settled(source: Source, header: PcdHeader) -> PcdHeader:
    """The header with its counts in agreement and within budget; where they contradict each other, the data decides."""
    width, height = header.shape
    if width * height != header.points:
        there = _rows_there(source, header)
        said = f"WIDTH x HEIGHT is {width} x {height}, POINTS {header.points}"
        if there not in (width * height, header.points):
            raise source.reject(f"{said}, and {there} points are there", DAMAGED)
        shape = header.shape if there == width * height else (there, 1)
        header = replace(header, shape=shape, points=there, notes=(*header.notes, f"{said}: {there} points are there"))
    row = header.row.itemsize
    least = {"ascii": 2 * header.items, "binary": row, "binary_compressed": row / LZF_LIMIT}[header.data]
    check_count(source, header.points, least)
    return header


def _rows_there(source: Source, header: PcdHeader) -> int:
    """The points that the data holds, whatever the header says; the position stays."""
    at = source.stream.tell()
    if header.data == "ascii":
        there = int((words_per_line(source.read()) > 0).sum())
    elif header.data == "binary":
        there = source.left // header.row.itemsize
    else:
        there = _sizes(source)[1] // header.row.itemsize
    source.stream.seek(at)
    return there


def _read_ascii(source: Source, header: PcdHeader) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Columns of a text file, as float64, and notes."""
    text, notes = without_commas(source.read())
    mend = "write decimal points, not decimal commas" if notes else "mend it or export the scan again"
    _check_widths(source, header, words_per_line(text), mend)
    try:
        table = parse_numbers(text).reshape(header.points, header.items)
    except NotANumber as error:
        finding = f"line {header.lines + error.row + 1}: '{error.word}' is not a number"
        raise source.reject(finding, mend) from error
    columns, at = {}, 0
    for field in header.fields:
        part = table[:, at] if field.count == 1 else table[:, at : at + field.count]
        columns[field.name] = _packed_words(part, field.dtype) if field.name in ("rgb", "rgba") else part
        at += field.count
    return columns, notes


def _check_widths(source: Source, header: PcdHeader, widths: np.ndarray, mend: str) -> None:
    """Every line with words must be a point, and there must be as many as promised; mend: what to do about a line."""
    there = np.flatnonzero(widths)
    odd = there[widths[there] != header.items][:1]
    if len(odd):
        words = counted(widths[odd[0]], "number")
        finding = f"line {header.lines + odd[0] + 1} has {words}, the header promises {header.items}"
        cut = odd[0] == there[-1] and widths[odd[0]] < header.items
        raise source.reject(finding, CUT if cut else mend)
    if len(there) != header.points:
        step = CUT if len(there) < header.points else "correct WIDTH, HEIGHT and POINTS or export it again"
        raise source.reject(f"header promises {counted(header.points, 'point')}, has {len(there)}", step)


def _packed_words(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    """(N,) uint32 packed colours from text: whole numbers are the word itself, other floats have its bits."""
    values = np.nan_to_num(values)
    whole = (values == np.rint(values)).all() and np.abs(values).max(initial=0) < 2**32
    if kind.kind != "f" or whole:
        return (values.astype(np.int64) & 0xFFFFFFFF).astype("<u4")
    return values.astype("<f4").view("<u4")


def _read_binary(source: Source, header: PcdHeader) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    needed = header.points * header.row.itemsize
    if source.left < needed:
        finding = f"header promises {header.points} points in {needed} bytes, {source.left} bytes are there"
        raise source.reject(finding, CUT)
    table = np.frombuffer(source.stream.read(needed), header.row)
    return {field.name: table[field.name] for field in header.fields}, ()


def _sizes(source: Source) -> tuple[int, int]:
    """Bytes stored and bytes decoded, as compressed data says at its beginning."""
    sizes = source.stream.read(8)
    if len(sizes) < 8:
        raise source.reject("the compressed data has no sizes", CUT)
    return int.from_bytes(sizes[:4], "little"), int.from_bytes(sizes[4:], "little")


def _read_compressed(source: Source, header: PcdHeader) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Two 32-bit sizes, then LZF data: all of the first field, all of the second, .."""
    stored, decoded = _sizes(source)
    needed = header.points * header.row.itemsize
    if decoded != needed:
        raise source.reject(f"the compressed points promise {decoded} bytes, the header {needed}", DAMAGED)
    if stored > source.left:
        raise source.reject(f"{stored} bytes of compressed points are promised, {source.left} are there", CUT)
    data, columns, at = _inflated(source, source.stream.read(stored), decoded), {}, 0
    for field in header.fields:
        column = np.frombuffer(data, field.dtype, header.points * field.count, at)
        columns[field.name] = column if field.count == 1 else column.reshape(header.points, field.count)
        at += column.nbytes
    return columns, ()


def _inflated(source: Source, data: bytes, size: int) -> bytes:
    """LZF data as `size` bytes; no more room is ever made."""
    if size == 0:
        return b""
    from imagecodecs import lzf_decode

    try:
        plain = bytes(lzf_decode(data, out=size))
    except RuntimeError as error:
        raise source.reject("the compressed points do not decode", DAMAGED) from error
    if len(plain) != size:
        raise source.reject(f"the compressed points give {len(plain)} of {size} bytes", DAMAGED)
    return plain


_READERS = {"ascii": _read_ascii, "binary": _read_binary, "binary_compressed": _read_compressed}
