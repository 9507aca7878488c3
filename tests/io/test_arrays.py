"""Numpy arrays and archives."""

import io
import zipfile

import numpy as np
import pytest

from align3d_cli.errors import InputRejected, UsageError
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
    with pytest.raises(InputRejected, match="does not say which of one, two holds the points"):
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
        ("a.npy", npy_header((10, 3), "|O") + b"\0" * 240, "not plain numbers"),
        ("a.npy", npy_header((10, 4, 5, 2)) + b"\0" * 3200, "holds no points"),
        ("a.npy", b"\x93NUMPY", "no whole npy header"),
        ("a.npy", b"hello", "does not begin as an npy file"),
        ("a.npz", zipped(points=b"hello", colours=b"hello")[9:], "does not begin as an npz archive"),
        ("a.npz", b"PK\3\4 hello", "does not hold together"),
        ("a.npz", zipped(points=npy_header((4_000_000, 3)) + bytes(96_000_000)), "far more than"),
        ("a.npz", zipped(points=npy_header((1000, 3)) + bytes(100)), "promises"),
        ("a.npz", zipped(points=b"hello"), "points.npy has no whole npy header"),
    ],
)
def test_damaged_arrays_are_refused_in_one_line(tmp_path, name, data, says):
    """False shapes, pickles, cut archives and bombs are refused before their data is read."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputRejected) as caught:
        read_scan(tmp_path / name)
    assert says in str(caught.value) and name in str(caught.value) and "\n" not in str(caught.value)


XYZ = np.random.default_rng(1).normal(size=(12, 20, 3))
XYZ[3, 4] = 0
BYTES = np.random.default_rng(2).integers(0, 256, (12, 20, 3))


def of_bowl(cloud, grid) -> None:
    """The cloud is XYZ, its hole unmeasured."""
    expected = XYZ.reshape(-1, 3).copy()
    if grid:
        expected[3 * 20 + 4] = np.nan
    np.testing.assert_array_equal(cloud.xyz, expected)
    assert cloud.grid == grid


@pytest.mark.parametrize(
    ("array", "grid"),
    [
        (XYZ.reshape(-1, 3).T, None),
        (XYZ.reshape(1, -1, 3), None),
        (XYZ.reshape(-1, 3).T[None], None),
        (XYZ[None], (12, 20)),
        (XYZ.transpose(2, 0, 1), (12, 20)),
        (np.concatenate([XYZ, XYZ[..., :1]], axis=2), (12, 20)),
        (np.concatenate([XYZ, XYZ[..., :1]], axis=2).transpose(2, 0, 1), (12, 20)),
        (np.concatenate([XYZ, XYZ[..., :2]], axis=2), (12, 20)),
    ],
)
def test_axes_in_either_order(tmp_path, array, grid):
    """3 x N, 3 x H x W and a leading axis of one are read like N x 3 and H x W x 3; further channels do not matter."""
    np.save(tmp_path / "a.npy", array)
    of_bowl(read_scan(tmp_path / "a.npy"), grid)


@pytest.mark.parametrize("layout", ["HWK", "KHW", "NK", "KN"])
def test_colours_and_normals_behind_the_coordinates(tmp_path, layout):
    """Six channels are coordinates with colours or normals, by their values or as the caller says."""
    normals = XYZ / np.maximum(np.linalg.norm(XYZ, axis=2, keepdims=True), 1e-9)
    for name, rest in (("colours", BYTES), ("normals", normals)):
        array = np.concatenate([XYZ, rest], axis=2)
        array = array if "H" in layout else array.reshape(-1, 6)
        np.save(tmp_path / "a.npy", np.moveaxis(array, -1, 0) if layout[0] == "K" else array)
        cloud = read_scan(tmp_path / "a.npy")
        of_bowl(cloud, (12, 20) if "H" in layout else None)
        np.testing.assert_allclose(getattr(cloud, name), rest.reshape(-1, 3), atol=1e-6)
    assert read_scan(tmp_path / "a.npy", columns="xyz---").normals is None
    np.save(tmp_path / "a.npy", np.concatenate([XYZ, 7 * XYZ], axis=2))
    with pytest.raises(InputRejected, match="--columns"):
        read_scan(tmp_path / "a.npy")


def structured(shape: tuple[int, ...]) -> np.ndarray:
    """XYZ and BYTES as one field each, with alpha, in the types that cameras use."""
    fields = [("x", "f8"), ("y", "f8"), ("z", "f8"), ("r", "u1"), ("g", "u1"), ("b", "u1"), ("a", "u1"), ("ok", "?")]
    array = np.zeros(shape, fields)
    for i, name in enumerate("xyz"):
        array[name] = XYZ[..., i].reshape(shape)
    for i, name in enumerate("rgb"):
        array[name] = BYTES[..., i].reshape(shape)
    return array


@pytest.mark.parametrize("shape", [(240,), (12, 20)])
def test_structured_arrays(tmp_path, shape):
    """Fields are found by name, in a list of points and in an image."""
    np.save(tmp_path / "a.npy", structured(shape))
    cloud = read_scan(tmp_path / "a.npy")
    of_bowl(cloud, (12, 20) if len(shape) == 2 else None)
    np.testing.assert_array_equal(cloud.colours, BYTES.reshape(-1, 3))
    with pytest.raises(UsageError, match=r"--columns: .*a\.npy names its own columns; leave it out"):
        read_scan(tmp_path / "a.npy", columns="xyz")


def test_dark_bytes_in_fields_stay_dark(tmp_path):
    """The type of a field says what full brightness is, not the values."""
    array = np.ones((4,), [("x", "f4"), ("y", "f4"), ("z", "f4"), ("r", "u1"), ("g", "u1"), ("b", "u1")])
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(read_scan(tmp_path / "a.npy").colours, np.ones((4, 3)))


def test_fields_of_three_numbers(tmp_path):
    """A field may hold all three coordinates, colours or components of the normal."""
    array = np.zeros(240, [("normal", "f4", 3), ("xyz", "f8", (3,)), ("rgba", "u1", (4,))])
    array["xyz"], array["normal"], array["rgba"][:, :3] = XYZ.reshape(-1, 3), [0, 0, 1], BYTES.reshape(-1, 3)
    np.save(tmp_path / "a.npy", array)
    cloud = read_scan(tmp_path / "a.npy")
    of_bowl(cloud, None)
    np.testing.assert_array_equal(cloud.colours, BYTES.reshape(-1, 3))
    np.testing.assert_array_equal(cloud.normals[5], [0, 0, 1])


def test_fields_within_fields(tmp_path):
    """x, y, z within a position are coordinates, those within a normal its components, r, g, b within a colour it."""
    xyz = XYZ.reshape(-1, 3)
    parts = [("normal", [(name, "f4") for name in "xyz"]), ("position", [(name, "f8") for name in "zyx"])]
    array = np.zeros(240, [*parts, ("color", [(name, "u1") for name in "rgba"]), ("time", [("s", "i4")])])
    for i, name in enumerate("xyz"):
        array["position"][name] = xyz[:, i]
        array["color"]["rgb"[i]] = BYTES.reshape(-1, 3)[:, i]
    array["normal"]["z"] = 1
    np.save(tmp_path / "a.npy", array)
    cloud = read_scan(tmp_path / "a.npy")
    of_bowl(cloud, None)
    np.testing.assert_array_equal(cloud.colours, BYTES.reshape(-1, 3))
    np.testing.assert_array_equal(cloud.normals[5], [0, 0, 1])


@pytest.mark.parametrize("names", ["x y z r g b", "X Y Z Red Green Blue", "x_mm y_mm z_mm r g b"])
@pytest.mark.parametrize("shape", [(240,), (12, 20), (240, 1)])
def test_an_array_for_each_coordinate(tmp_path, names, shape):
    """An archive may hold x, y and z in arrays of their own, and r, g, b beside them."""
    x, y, z, r, g, b = names.split()
    arrays = dict(zip((x, y, z), np.moveaxis(XYZ, -1, 0), strict=True))
    arrays |= dict(zip((r, g, b), np.moveaxis(BYTES.astype(np.uint8), -1, 0), strict=True))
    np.savez(tmp_path / "a.npz", scores=np.zeros(3), **{name: array.reshape(shape) for name, array in arrays.items()})
    cloud = read_scan(tmp_path / "a.npz")
    np.testing.assert_array_equal(np.delete(cloud.xyz, 64, axis=0), np.delete(XYZ.reshape(-1, 3), 64, axis=0))
    np.testing.assert_array_equal(cloud.colours, BYTES.reshape(-1, 3))
    assert cloud.grid == ((12, 20) if shape == (12, 20) else None)
    assert cloud.unit == ("mm" if "mm" in names else None)


def test_a_height_map_and_its_axes(tmp_path):
    """x along the columns and y along the rows may stand beside z of all pixels."""
    np.savez(tmp_path / "a.npz", x=np.array([1, 2, 3]), y=np.array([10, 20]), z=np.arange(1.0, 7).reshape(2, 3))
    cloud = read_scan(tmp_path / "a.npz")
    np.testing.assert_array_equal(cloud.xyz[[0, 2, 3]], [[1, 10, 1], [3, 10, 3], [1, 20, 4]])
    assert cloud.grid == (2, 3)


def test_colours_beside_points_in_the_same_layout(tmp_path):
    """Colours are turned as the points are, 3 x N or H x W x 3 or with alpha."""
    alpha = np.concatenate([BYTES, np.full((12, 20, 1), 255)], axis=2).astype(np.uint8)
    for points, colours in ((XYZ.reshape(-1, 3).T, BYTES.reshape(-1, 3).T.astype(np.uint8)), (XYZ, alpha)):
        np.savez(tmp_path / "a.npz", Points=points, Colors=colours)
        cloud = read_scan(tmp_path / "a.npz")
        of_bowl(cloud, (12, 20) if points.ndim == 3 else None)
        np.testing.assert_array_equal(cloud.colours, BYTES.reshape(-1, 3))


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": np.ones(3), "y": np.ones(3), "z": np.ones(4)}, "x, y and z do not hold numbers, as many each"),
        ({"x_mm": np.ones(3), "y_mm": np.ones(3), "z_um": np.ones(3)}, "x, y, z are in mm and um"),
        ({"x": np.array(1.0), "y": np.array(1.0), "z": np.array(1.0)}, "as many each"),
        ({"points": np.zeros(2, [("a", "f4"), ("b", "f4")])}, "its fields a, b name no x, y and z"),
        ({"points": np.zeros(9)}, "a single row of numbers holds no points"),
        ({"points": np.zeros((5, 2))}, "a table of 5 x 2 numbers holds no points"),
        ({"points": np.zeros((4, 5, 2))}, "holds no points"),
        ({}, "holds nothing"),
    ],
)
def test_arrays_that_hold_no_points_are_refused_in_one_line(tmp_path, arrays, says):
    """Shapes and names that mean no points are named."""
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputRejected) as caught:
        read_scan(tmp_path / "a.npz")
    assert says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.ply", "a.pcd", "a.tiff", "a.stl", "a.obj", "a.glb", "a.off"])
def test_columns_are_no_option_where_the_format_names_them(tmp_path, name):
    """An option that would have no effect is refused before the file is opened."""
    with pytest.raises(UsageError, match=f"--columns: .*{name} names its own columns; leave it out"):
        read_scan(tmp_path / name, columns="xyz")
