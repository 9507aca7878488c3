"""Points in are points out, in order, in whatever way a file may be written.

Hypothesis writes the files: random numbers, types, orders of columns, separators, spellings and encodings.
"""

import io
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.read import read_scan

QUICK = settings(max_examples=25, deadline=None)  # a second each; the first example of a format imports its reader
NUMBERS = ("i2", "i4", "f4", "f8")
MARKS = ("nan", "NaN", "-nan", "1.#QNAN", "-1.#IND")  # of no measurement, where white space separates too
WORDS = ("", "N/A", "OVER", "---")  # where something else separates


def points(dtype: str) -> st.SearchStrategy[np.ndarray]:
    """(N, 3) of the type, no row (0, 0, 0): several of those mean no measurement."""
    if dtype.endswith("i2") or dtype.endswith("i4"):
        values = st.integers(-30_000, -1) | st.integers(1, 30_000)
    else:
        width = 32 if dtype.endswith("4") else 64
        values = st.floats(2.0**-20, 2.0**20, width=width).flatmap(lambda v: st.sampled_from([v, -v]))
    return st.integers(1, 20).flatmap(lambda n: arrays.arrays(dtype, (n, 3), elements=values, fill=st.nothing()))


def any_points() -> st.SearchStrategy[np.ndarray]:
    return st.sampled_from(NUMBERS).flatmap(points)


def read(data: bytes, suffix: str, **options: str) -> PointCloud:
    """The cloud of a file with these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{suffix}"
        path.write_bytes(data)
        return read_scan(path, keep_marks=True, **options)


def spelled(values: np.ndarray) -> list[list[str]]:
    """Every number in the fewest digits that give it back."""
    return [[repr(value.item()) for value in row] for row in values]


@QUICK
@given(st.data())
def test_tables(data):
    """Any separator, encoding, line end, header, order of columns and spelling of what was not measured."""
    xyz = data.draw(any_points())
    separator = data.draw(st.sampled_from([",", ";", "\t", " ", "  ", ", "]))
    commas = data.draw(st.booleans()) and "," not in separator
    rows = [[cell.replace(".", ",") if commas else cell for cell in row] for row in spelled(xyz)]
    expected = xyz.astype(np.float64)
    for at in data.draw(st.lists(st.integers(0, 3 * len(rows) - 1), max_size=3)):
        marks = MARKS + WORDS if separator.strip() or separator == "\t" else MARKS
        rows[at // 3][at % 3] = data.draw(st.sampled_from(marks))
        expected[at // 3, at % 3] = np.nan
    if np.isnan(expected).all(axis=0).any():  # a column without any number is refused, or no column at all
        return
    order = data.draw(st.permutations(range(4)))
    names = data.draw(st.sampled_from([["x", "y", "z", "text"], ["X [mm]", "Y [mm]", "Z [mm]", "label"]]))
    lines = [[[*row, data.draw(st.sampled_from(["good", "7"]))][i] for i in order] for row in rows]
    quote = '"' if data.draw(st.booleans()) else ""
    lines = [[names[i] for i in order], *lines]
    separated = [separator.join(f"{quote}{cell}{quote}" for cell in line) for line in lines]
    if data.draw(st.booleans()):
        separated = [*separated[:1], str(len(rows)), *separated[1:]]
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    text = newline.join(separated) + data.draw(st.sampled_from(["", newline]))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]))
    columns = data.draw(st.sampled_from([None, ",".join("xyz-"[i] for i in order)]))
    np.testing.assert_array_equal(read(text.encode(encoding), "csv", columns=columns).xyz, expected)


@QUICK
@given(any_points(), st.sampled_from([",", ";", "\t", " "]), st.booleans(), st.booleans())
def test_tables_without_names(xyz, separator, commas, trailing):
    """Three columns of numbers need no header, whatever separates them and stands at the end of the rows."""
    end = separator if trailing else ""
    text = "".join(separator.join(row) + f"{end}\n" for row in spelled(xyz))
    if commas and separator != ",":
        text = text.replace(".", ",")
    np.testing.assert_array_equal(read(text.encode(), "txt").xyz, xyz)


@QUICK
@given(st.data())
def test_numpy_arrays(data):
    """Any number type, byte order, memory order, order of the axes and number of further channels."""
    order = data.draw(st.sampled_from("<>"))
    xyz = data.draw(st.sampled_from(NUMBERS).flatmap(lambda kind: points(order + kind)))
    xyz = np.concatenate([xyz, np.full((20, 3), 3, xyz.dtype)])  # more points than any point has channels
    array = np.concatenate([xyz, xyz[:, : data.draw(st.integers(0, 2))]], axis=1)
    if data.draw(st.booleans()):
        array = np.stack([array, array])
    array = np.moveaxis(array, -1, data.draw(st.sampled_from([0, -1])))
    stream = io.BytesIO()
    np.save(stream, np.asarray(array, order=data.draw(st.sampled_from("CF"))))
    cloud = read(stream.getvalue(), "npy")
    np.testing.assert_array_equal(cloud.xyz[: len(xyz)], xyz)
    assert cloud.grid == ((2, len(xyz)) if array.ndim == 3 else None)


@QUICK
@given(any_points(), st.permutations(["x", "y", "z", "intensity"]), st.booleans(), st.booleans())
def test_numpy_fields(xyz, names, apart, image):
    """Structured arrays and archives of one array a coordinate, as a list or as an image."""
    array = np.zeros(len(xyz), [(name, xyz.dtype) for name in names])
    for i, name in enumerate("xyz"):
        array[name] = xyz[:, i]
    array = np.stack([array, array]) if image else array
    stream = io.BytesIO()
    if apart:
        np.savez(stream, **{name: array[name] for name in names})
    else:
        np.save(stream, array)
    cloud = read(stream.getvalue(), "npz" if apart else "npy")
    np.testing.assert_array_equal(cloud.xyz[: len(xyz)], xyz)
    assert cloud.grid == ((2, len(xyz)) if image and len(xyz) > 1 else None)


PLY_TYPES = {"i2": "short", "i4": "int32", "f4": "float", "f8": "float64"}
PLY_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}


@QUICK
@given(any_points(), st.permutations(["x", "y", "z", "quality"]), st.sampled_from(list(PLY_ORDERS)), st.booleans())
def test_ply(xyz, names, encoding, windows):
    """Any order and type of properties, as text or in either byte order, with either line end."""
    kind = PLY_TYPES[xyz.dtype.str[1:]]
    lines = ["ply", f"format {encoding} 1.0", "comment unit: mm", f"element vertex {len(xyz)}"]
    lines += [f"property {kind} {name}" for name in names] + ["end_header", ""]
    table = np.stack([xyz[:, "xyz".index(name)] if name in "xyz" else xyz[:, 0] for name in names], axis=1)
    if encoding == "ascii":
        body = "".join(" ".join(row) + "\n" for row in spelled(table)).encode()
    else:
        body = table.astype(PLY_ORDERS[encoding] + xyz.dtype.str[1:]).tobytes()
    head = ("\r\n" if windows else "\n").join(lines).encode()
    cloud = read(head + body, "ply")
    np.testing.assert_array_equal(cloud.xyz, xyz)
    assert cloud.unit == "mm"


@QUICK
@given(any_points(), st.permutations(["x", "y", "z", "intensity"]), st.booleans(), st.booleans())
def test_pcd(xyz, names, text, image):
    """Any order and type of fields, as text or binary, as a list or as an image."""
    kind, size = xyz.dtype.str[1].upper(), xyz.dtype.itemsize
    height = 2 if image else 1
    table = np.stack([xyz[:, "xyz".index(name)] if name in "xyz" else xyz[:, 0] for name in names], axis=1)
    table = np.concatenate([table] * height)
    head = f"VERSION 0.7\nFIELDS {' '.join(names)}\nSIZE {f'{size} ' * 4}\nTYPE {f'{kind} ' * 4}\nCOUNT 1 1 1 1\n"
    head += f"WIDTH {len(xyz)}\nHEIGHT {height}\nPOINTS {len(table)}\nDATA {'ascii' if text else 'binary'}\n"
    body = "".join(" ".join(row) + "\n" for row in spelled(table)).encode() if text else table.tobytes()
    cloud = read(head.encode() + body, "pcd")
    np.testing.assert_array_equal(cloud.xyz[: len(xyz)], xyz)
    assert cloud.grid == ((2, len(xyz)) if image else None)


@QUICK
@given(points("f8"), st.sampled_from(["off", "obj"]))
def test_meshes_of_vertices_alone(xyz, kind):
    """Vertices without faces are points."""
    rows = [" ".join(row) for row in spelled(xyz)]
    lines = ["OFF", f"{len(xyz)} 0 0", *rows] if kind == "off" else [f"v {row}" for row in rows]
    np.testing.assert_array_equal(read("\n".join([*lines, ""]).encode(), kind).xyz, xyz)
