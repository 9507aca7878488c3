"""PCD v0.7 files: ascii, binary and binary_compressed, organised or not."""

from dataclasses import dataclass

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.colours import as_uint8
from align3d_cli.io.lzf import lzf_decompress
from align3d_cli.io.ply_header import unit_of_comment
from align3d_cli.io.source import ReadOptions, Source, check_count
from align3d_cli.io.text import parse_numbers, words_per_line

HEADER_LIMIT = 1 << 16  # bytes; real headers have about 200
KINDS = {"F": "f", "I": "i", "U": "u"}
SIZES = {"F": (4, 8), "I": (1, 2, 4, 8), "U": (1, 2, 4, 8)}
LZF_LIMIT = 88  # three bytes of LZF give 264 at most
NORMALS = (("normal_x", "normal_y", "normal_z"), ("nx", "ny", "nz"))
STEP = "it is cut off or damaged, export it again"


@dataclass(frozen=True, slots=True)
class PcdHeader:
    """fields: (name, little-endian numpy type, items in a point); data: "ascii", "binary" or "binary_compressed"."""

    fields: tuple[tuple[str, np.dtype, int], ...]
    width: int
    height: int
    points: int
    data: str
    unit: str | None

    @property
    def row(self) -> np.dtype:
        """One point as a structured type; fields named "_" are padding and get a number of their own."""
        names = [f"{name}#{i}" if name == "_" else name for i, (name, _, _) in enumerate(self.fields)]
        shapes = [() if count == 1 else (count,) for _, _, count in self.fields]
        return np.dtype([(n, kind, shape) for n, (_, kind, _), shape in zip(names, self.fields, shapes, strict=True)])


def read_pcd(source: Source, options: ReadOptions) -> PointCloud:
    """Read a PCD file. NaN points stay in as no measurement. Raises InputRejected."""
    header = _read_header(source)
    columns = _READERS[header.data](source, header)
    xyz = np.stack([columns[name].astype(np.float64) for name in "xyz"], axis=1)
    normals = next((_columns(columns, names) for names in NORMALS if set(names) <= set(columns)), None)
    grid = (header.height, header.width) if header.height > 1 else None
    normals = None if normals is None else normals.astype(np.float32)
    return PointCloud(xyz, _colours(columns), normals, grid=grid, unit=header.unit, path=source.path)


def _columns(columns: dict, names: tuple[str, ...]) -> np.ndarray:
    return np.stack([columns[name] for name in names], axis=1)


def _colours(columns: dict) -> np.ndarray | None:
    """(N, 3) uint8 from `rgb` or `rgba` packed as 0xAARRGGBB in a float or an integer, or from r, g and b."""
    packed = columns.get("rgb", columns.get("rgba"))
    if packed is not None and packed.dtype.itemsize == 4 and packed.ndim == 1:
        words = np.ascontiguousarray(packed).view("<u4")
        return np.stack([words >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)
    for names in (("r", "g", "b"), ("red", "green", "blue")):
        if set(names) <= set(columns):
            return as_uint8(_columns(columns, names))
    return None


def _read_header(source: Source) -> PcdHeader:
    """Read the header and leave the stream at the first byte of data."""
    head, at, entries, unit = source.head(HEADER_LIMIT), 0, {}, None
    while "DATA" not in entries:
        end = head.find(b"\n", at)
        if end < 0:
            raise source.reject("the PCD header has no DATA line", STEP if entries else "check that it is a PCD file")
        line = head[at:end].decode("latin-1").strip()
        at = end + 1
        if line.startswith("#"):
            unit = unit or unit_of_comment(line)
        elif line:
            key, *words = line.split()
            entries[key.upper()] = words
    try:
        header = _parse(entries, unit)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise source.reject(f"the PCD header is damaged ({error})", "export it again") from error
    source.stream.seek(at)
    _check_budget(source, header)
    return header


def _parse(entries: dict[str, list[str]], unit: str | None) -> PcdHeader:
    names = entries.get("FIELDS") or entries["COLUMNS"]
    counts = [int(n) for n in entries.get("COUNT", ["1"] * len(names))]
    fields = tuple(
        (name, _dtype(kind, int(size)), count)
        for name, kind, size, count in zip(names, entries["TYPE"], entries["SIZE"], counts, strict=True)
    )
    used = [name for name in names if name != "_"]
    if not {"x", "y", "z"} <= set(used) or len(set(used)) != len(used) or min(counts) < 1 or max(counts) > 4096:
        raise ValueError("fields x, y and z are needed, each once, with sensible counts")
    width, height = int(entries["WIDTH"][0]), int(entries.get("HEIGHT", ["1"])[0])
    points = int(entries["POINTS"][0]) if "POINTS" in entries else width * height
    if width * height != points:
        raise ValueError(f"{width} x {height} is not {points} points")
    data = entries["DATA"][0].lower()
    if data not in _READERS:
        raise ValueError(f"DATA {data} is none of {', '.join(_READERS)}")
    return PcdHeader(fields, width, height, points, data, unit)


def _dtype(kind: str, size: int) -> np.dtype:
    if kind not in KINDS or size not in SIZES[kind]:
        raise ValueError(f"unknown type {kind}{size}")
    return np.dtype(f"<{KINDS[kind]}{size}")


def _check_budget(source: Source, header: PcdHeader) -> None:
    items = sum(count for _, _, count in header.fields)
    least = {"ascii": 2 * items, "binary": header.row.itemsize, "binary_compressed": header.row.itemsize / LZF_LIMIT}
    check_count(source, header.points, least[header.data])


def _read_ascii(source: Source, header: PcdHeader) -> dict:
    """Columns of a text file, as float64."""
    text = source.read()
    items = sum(count for _, _, count in header.fields)
    try:
        words = parse_numbers(text)
    except ValueError as error:
        raise source.reject(f"the points hold {error}", STEP) from error
    widths = words_per_line(text)
    if not np.array_equal(widths[widths > 0], np.full(header.points, items)):
        good = int((widths == items).sum())
        raise source.reject(f"header promises {header.points} rows of {items} numbers, {good} are there", STEP)
    table, columns, at = words.reshape(header.points, items), {}, 0
    for name, kind, count in header.fields:
        part = table[:, at] if count == 1 else table[:, at : at + count]
        columns[name] = _packed_words(part, kind) if name in ("rgb", "rgba") else part
        at += count
    return columns


def _packed_words(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    """(N,) uint32 packed colours from text: whole numbers are the word itself, other floats have its bits."""
    values = np.nan_to_num(values)
    whole = (values == np.rint(values)).all() and np.abs(values).max(initial=0) < 2**32
    if kind.kind != "f" or whole:
        return (values.astype(np.int64) & 0xFFFFFFFF).astype("<u4")
    return values.astype("<f4").view("<u4")


def _read_binary(source: Source, header: PcdHeader) -> dict:
    table = np.frombuffer(source.stream.read(header.points * header.row.itemsize), header.row)
    return {name: table[name] for name in header.row.names}


def _read_compressed(source: Source, header: PcdHeader) -> dict:
    """Two 32-bit sizes, then LZF data: all of the first field, all of the second, .."""
    sizes = source.stream.read(8)
    if len(sizes) < 8:
        raise source.reject("the compressed data has no sizes", STEP)
    stored, decoded = (int(n) for n in np.frombuffer(sizes, "<u4"))
    if decoded != header.points * header.row.itemsize or stored > source.left:
        needed = header.points * header.row.itemsize
        finding = f"{stored} bytes for {decoded} are promised, {source.left} bytes for {needed} are there"
        raise source.reject(finding, STEP)
    try:
        data = lzf_decompress(source.stream.read(stored), decoded)
    except ValueError as error:
        raise source.reject(str(error), STEP) from error
    columns, at = {}, 0
    for name in header.row.names:
        kind, shape = header.row[name].base, header.row[name].shape
        count = header.points * int(np.prod(shape))
        columns[name] = np.frombuffer(data, kind, count, at).reshape(header.points, *shape)
        at += count * kind.itemsize
    return columns


_READERS = {"ascii": _read_ascii, "binary": _read_binary, "binary_compressed": _read_compressed}
