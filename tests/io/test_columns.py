"""What the columns of a table are: by its header, by their values, or as the caller says."""

import numpy as np
import pytest

from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.io.read import read_scan


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
    with pytest.raises(UsageError, match="--columns red,green,blue: names no x, y and z"):
        read_scan(path, columns="red,green,blue")


def test_colours_and_normals_that_are_blank_throughout_are_none(tmp_path):
    """Columns without any number say nothing."""
    (tmp_path / "a.csv").write_text("x,y,z,r,g,b,nx,ny,nz\n1,2,3,,,,,,\n4,5,6,,,,,,\n")
    cloud = read_scan(tmp_path / "a.csv")
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3], [4, 5, 6]])
    assert cloud.colours is None and cloud.normals is None


def test_some_normals_may_be_zero(tmp_path):
    """Where no normal could be estimated programs write 0 0 0; the others are normals all the same."""
    path = tmp_path / "a.xyz"
    path.write_text("1 2 3 0 0 0\n1 2 3 0 0.6 -0.8\n4 5 6 1 0 0\n")
    np.testing.assert_allclose(read_scan(path).normals, [[0, 0, 0], [0, 0.6, -0.8], [1, 0, 0]], atol=1e-7)
    path.write_text("1 2 3 0 0 0\n1 2 3 0 0 0\n4 5 6 0 0 1\n")
    assert read_scan(path).normals is None


def test_an_intensity_before_the_colours(tmp_path):
    """Rows of a .pts file are x y z intensity r g b, below a count."""
    (tmp_path / "a.txt").write_text("2\n1 2 3 -1204 10 20 30\n4 5 6 513 40 50 60\n")
    np.testing.assert_array_equal(read_scan(tmp_path / "a.txt").colours, [[10, 20, 30], [40, 50, 60]])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_colours_and_normals_without_names(tmp_path, order):
    """Nine columns are coordinates, then colours and normals in either order."""
    groups = ("120 60 90", "0 0.6 -0.8")
    (tmp_path / "a.xyz").write_text(f"1 2 3 {groups[order[0]]} {groups[order[1]]}\n")
    cloud = read_scan(tmp_path / "a.xyz")
    np.testing.assert_array_equal(cloud.colours, [[120, 60, 90]])
    np.testing.assert_allclose(cloud.normals, [[0, 0.6, -0.8]], atol=1e-7)


@pytest.mark.parametrize(("top", "full"), [(1.0, 1.0), (255.0, 255.0), (300.0, 255.0), (65535.0, 65535.0)])
def test_colours_of_any_depth(tmp_path, top, full):
    """Named colours are fractions, bytes or 16-bit words by the largest of them."""
    (tmp_path / "a.csv").write_text(f"x,y,z,r,g,b\n1,2,3,{top},{full * 0.4},0\n")
    np.testing.assert_array_equal(read_scan(tmp_path / "a.csv").colours, [[255, 102, 0]])
