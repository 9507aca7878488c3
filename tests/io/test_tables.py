"""Text tables and numpy arrays."""

import io
import time
import zipfile

import numpy as np
import pytest

from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.io.read import read_scan

POINTS = np.array([[0.5, -1.0, 2.0], [3.25, 4.0, -5.5], [6.0, 7.5, np.nan]])


@pytest.mark.parametrize(
    "text",
    [
        "0.5 -1 2\n3.25 4 -5.5\n6 7.5 nan\n",
        "0.5,-1,2\n3.25,4,-5.5\n6,7.5,nan",
        "0.5;-1;2\r\n3.25;4;-5.5\r\n6;7.5;NaN\r\n",
        "0,5;-1;2\n3,25;4;-5,5\n6;7,5;nan\n",
        "x y z\n0,5 -1,0 2,0\n3,25 4,0 -5,5\n6,0 7,5 nan\n",
        "0,5\t-1\t2e0\n3,25\t4\t-5,5\n6\t7,5\tnan\n",
        "\ufeff# exported\n\n0.5\t-1\t2\n3.25\t4\t-5.5\n\n6\t7.5\tnan\n\n",
        "3\n0.5 -1 2\n3.25 4 -5.5\n6 7.5 nan\n",
        "0.5, -1, 2, 99\n3.25, 4, -5.5, 99\n6, 7.5, nan, 99\n",
        "x,y,z\n0.5,-1,2\n3.25,4,-5.5\n6,7.5,nan\n",
        "label;z;y;x\n1;2;-1;0.5\n1;-5.5;4;3.25\n1;nan;7.5;6\n",
        '"Points:0" "Points_1"\n',
        '"id","Points:0","Points:1","Points:2"\n1,0.5,-1,2\n1,3.25,4,-5.5\n1,6,7.5,nan\n',
        "// X Y Z\n0.5 -1 2\n3.25 4 -5.5\n6 7.5 nan\n",
    ],
)
@pytest.mark.parametrize("suffix", ["xyz", "txt", "csv"])
def test_separators_headers_and_comments(tmp_path, text, suffix):
    """Spaces, commas, semicolons, tabs, decimal commas, comments, a count line and named columns are understood."""
    path = tmp_path / f"a.{suffix}"
    path.write_text(text, encoding="utf-8", newline="")
    if "Points_1" in text:
        with pytest.raises(InputRejected, match=r"a\."):
            read_scan(path)
        return
    cloud = read_scan(path)
    np.testing.assert_array_equal(cloud.xyz, POINTS)
    assert cloud.colours is None and cloud.normals is None


@pytest.mark.parametrize("separator", [",", ";"])
def test_an_empty_row_is_a_point_without_measurement(tmp_path, separator):
    """Rows of separators alone keep their place, so that what is written lines up with what was read."""
    path = tmp_path / "a.csv"
    path.write_text("x,y,z\n,,\n1,2,3\n, ,\r\n4,5,6\n".replace(",", separator), newline="")
    np.testing.assert_array_equal(read_scan(path).xyz, [[np.nan] * 3, [1, 2, 3], [np.nan] * 3, [4, 5, 6]])


def test_six_columns_by_header_values_or_the_caller(tmp_path):
    """Colour or normals: the header says, the values say, or the caller says; otherwise the file is refused."""
    path = tmp_path / "a.csv"
    path.write_text("x,y,z,r,g,b\n1,2,3,0,128,255\n")
    np.testing.assert_array_equal(read_scan(path).colours, [[0, 128, 255]])
    path.write_text("1,2,3,0,128,255\n4,5,6,7,8,9\n")
    np.testing.assert_array_equal(read_scan(path).colours, [[0, 128, 255], [7, 8, 9]])
    path.write_text("1,2,3,0,0.6,-0.8\n")
    np.testing.assert_allclose(read_scan(path).normals, [[0, 0.6, -0.8]], atol=1e-7)
    path.write_text("1,2,3,0.5,12.5,900\n")
    with pytest.raises(InputRejected, match="--columns"):
        read_scan(path)
    assert read_scan(path, columns="xyz").colours is None
    np.testing.assert_array_equal(read_scan(path, columns="xyzrgb").colours, [[0, 12, 255]])
    np.testing.assert_array_equal(read_scan(path, columns="-,y,x,-,z,-").xyz, [[3, 2, 12.5]])
    with pytest.raises(UsageError, match="name no x, y and z"):
        read_scan(path, columns="red,green,blue")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 2 3\n4 5\n", "line 2 has 2 values, the first row has 3"),
        ("# c\n1 2 3\n4 five 6\n", "line 3 is not all numbers"),
        ("1,,3\n1,2,3\n", "line 2 has 3 values"),
        ("1 2\n3 4\n", "holds no points"),
        ("\n\n", "no rows"),
        ("# only words\n", "no rows"),
        ("1 2 3\0\n", "binary"),
    ],
)
def test_damaged_tables_are_refused_in_one_line(tmp_path, text, says):
    """Ragged rows, words and emptiness are refused with the line's number."""
    (tmp_path / "a.txt").write_bytes(text.encode())
    with pytest.raises(InputRejected) as caught:
        read_scan(tmp_path / "a.txt")
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_million_rows_take_about_a_second(tmp_path):
    """A table of a million rows is read in a few seconds of processor time."""
    values = np.random.default_rng(0).integers(-999_999, 999_999, (1000, 3)) / 1000
    block = "\n".join(" ".join(map(str, row)) for row in values) + "\n"
    (tmp_path / "a.xyz").write_text(block * 1000)
    start = time.process_time()
    cloud = read_scan(tmp_path / "a.xyz")
    assert time.process_time() - start < 3
    np.testing.assert_array_equal(cloud.xyz[-1000:], values)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i4"])
def test_npy_of_any_number_type(tmp_path, order, dtype):
    """Byte order, number type and memory order do not matter."""
    points = np.array([[1, 2, 3], [4, 5, 6]])
    np.save(tmp_path / "a.npy", np.asarray(points, dtype, order=order))
    np.testing.assert_array_equal(read_scan(tmp_path / "a.npy").xyz, points)


def test_npy_organised_and_structured(tmp_path):
    """H x W x 3 keeps its grid and its holes; a structured array is read by its field names."""
    image = np.ones((2, 3, 3))
    image[1, 1] = 0
    np.save(tmp_path / "a.npy", image)
    cloud = read_scan(tmp_path / "a.npy")
    assert cloud.grid == (2, 3) and not cloud.valid[4] and cloud.valid.sum() == 5
    np.save(tmp_path / "b.npy", np.array([(3, 1, 2)], [("z", "f4"), ("x", "f8"), ("y", "i2")]))
    np.testing.assert_array_equal(read_scan(tmp_path / "b.npy").xyz, [[1, 2, 3]])


def test_npz_by_name_or_alone(tmp_path):
    """The array called points, or the only one; colours and normals by name beside it."""
    points, colours = np.arange(6.0).reshape(2, 3), np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    np.savez_compressed(tmp_path / "a.npz", points=points, colors=colours, scores=np.zeros(2))
    cloud = read_scan(tmp_path / "a.npz")
    np.testing.assert_array_equal(cloud.xyz, points)
    np.testing.assert_array_equal(cloud.colours, colours)
    np.savez(tmp_path / "b.npz", whatever=points)
    np.testing.assert_array_equal(read_scan(tmp_path / "b.npz").xyz, points)
    np.savez(tmp_path / "c.npz", one=points, two=points)
    with pytest.raises(InputRejected, match="which array"):
        read_scan(tmp_path / "c.npz")


def npy_header(shape: tuple, dtype: str = "<f8") -> bytes:
    """The header of an array that need not be there."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.npy", npy_header((10**12, 3)) + b"\0" * 240, "promises"),
        ("a.npy", npy_header((-1, 3)) + b"\0" * 240, "a.npy"),
        ("a.npy", npy_header((100, 3)) + b"\0" * 240, "promises"),
        ("a.npy", npy_header((10, 3), "|O") + b"\0" * 240, "not numbers"),
        ("a.npy", npy_header((10, 4, 5, 2)) + b"\0" * 3200, "holds no points"),
        ("a.npy", b"\x93NUMPY", "no numpy array"),
        ("a.npy", b"hello", "no numpy array"),
        ("a.npz", b"PK\3\4 hello", "no readable npz"),
        ("a.npz", zipped(points=npy_header((4_000_000, 3)) + bytes(96_000_000)), "far more than"),
        ("a.npz", zipped(points=npy_header((1000, 3)) + bytes(100)), "promises"),
        ("a.npz", zipped(points=b"hello"), "no numpy array"),
    ],
)
def test_damaged_arrays_are_refused_in_one_line(tmp_path, name, data, says):
    """False shapes, pickles, cut archives and bombs are refused before their data is read."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputRejected) as caught:
        read_scan(tmp_path / name)
    assert says in str(caught.value) and name in str(caught.value) and "\n" not in str(caught.value)
