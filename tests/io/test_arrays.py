"""Numpy arrays and archives."""

import io
import zipfile

import numpy as np
import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan


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
