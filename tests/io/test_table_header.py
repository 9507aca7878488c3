"""What stands above the rows of a text table."""

import numpy as np
import pytest

from align3d_cli.io.read import read_scan

POINTS = np.array([[0.5, -1.0, 2.0], [3.25, 4.0, -5.5], [6.0, 7.5, np.nan]])
ROWS = "0.5,-1,2\n3.25,4,-5.5\n6,7.5,nan\n"


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("x,y,z", None),
        ("x [mm],y [mm],z [mm]", "mm"),
        ("X (mm),Y (mm),Z (mm)", "mm"),
        ('"X[m]","Y[m]","Z[m]"', "m"),
        ("x_mm,y_mm,z_mm", "mm"),
        ("x/\u00b5m,y/\u00b5m,z/\u00b5m", "um"),
        ("X in inches,Y in inches,Z in inches", "in"),
        ("x pos (left),y pos,z pos (up)", None),
        ("x,y,z\nmm,mm,mm", "mm"),
        ("x,y,z\n[cm],[cm],[cm]", "cm"),
        ("x,y,z\nfloat,float,float", None),
        ("Part 12\nDate;2024\nx,y,z\n3", None),
        ("sep=,\nx,y,z,", None),
        ("# unit: mm\nx,y,z", "mm"),
        ("Measured with a profilometer", None),
        ("x mm,y,z", "mm"),
        ("x,y,z,", None),
    ],
)
def test_what_stands_above_the_rows(tmp_path, header, unit):
    """Units in names or in a row of their own are taken up; titles, counts, types and Excel's sep= are passed over."""
    (tmp_path / "a.csv").write_text(f"{header}\n{ROWS}", encoding="utf-8")
    cloud = read_scan(tmp_path / "a.csv")
    np.testing.assert_array_equal(cloud.xyz, POINTS)
    assert cloud.unit == unit


def test_units_in_names_between_spaces(tmp_path):
    """A unit in brackets belongs to the name before it, also where spaces separate the columns."""
    (tmp_path / "a.txt").write_text("Nr X (mm) Y (mm) Z (mm)\n7 1 2 3\n")
    cloud = read_scan(tmp_path / "a.txt")
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3]])
    assert cloud.unit == "mm"


@pytest.mark.parametrize("columns", [None, "x,y,z,red,green,blue,-,nx,ny,nz"])
def test_cloudcompare_names_then_count(tmp_path, columns):
    """CloudCompare writes names, the number of points, and colours from 0 to 1."""
    path = tmp_path / "a.txt"
    path.write_text("//X;Y;Z;Rf;Gf;Bf;Illuminance (PCV);Nx;Ny;Nz\n1\n1;2;3;0.2;0.4;1;0.9;0;0;1\n")
    cloud = read_scan(path, columns=columns)
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3]])
    np.testing.assert_array_equal(cloud.colours, [[51, 102, 255]])
    np.testing.assert_array_equal(cloud.normals, [[0, 0, 1]])
