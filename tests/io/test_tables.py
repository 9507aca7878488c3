"""Text tables: separators, names, units, and cells that hold no number."""

import time

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
        ("# c\n1 2 3\n4 five 6\n", "line 3: 'five' is not a number; correct it"),
        ("1,2,3\n1,2\n", "line 2 has 2 values, the first row has 3"),
        ("1,2,3\n1,2,3,4\n", "line 2 has 4 values, the first row has 3"),
        ("x,y,z\nmm,mm,mm\n\n1,2,3\n4,5,6.\n7,8,12mm\n", "line 6: '12mm' is not a number"),
        ("1;2;3\n1,234.5;2;3\n", "line 2: '1,234.5' is not a number"),
        ("1,2,3\n4,\x1b,6\n7,,9\n", "line 2: '\ufffd' is not a number"),
        ("a b c\n1 2 3\n", "line 1 names columns 'a b c', not x, y and z; say which they are with --columns"),
        ("x [mm];y [mm];z [um]\n1;2;3\n", "its columns x, y, z are in mm and um"),
        ("x,y,z\ndent,1,2\ngood,1,2\n", "column 1 ('dent' ..) holds no numbers"),
        ("x;y;z\n1;2;3\n1.234,5;2;3\n", "line 3: '1.234,5' is not a number"),
        ("x,y,z\n1mm,2mm,3mm\n", "column 1 ('1mm' ..) holds no numbers"),
        ("<html>\n", "line 1 '<html>' is no row of numbers"),
        ("x,y,z\n1,2\n3,4\n", "3 columns named, the table has 2"),
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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_any_encoding(tmp_path, encoding):
    """Excel's "Unicode text", PowerShell's ">" and old comments are read like plain text."""
    path = tmp_path / "a.csv"
    path.write_bytes("# Gr\u00f6\u00dfe\r\nx,y,z\r\n0.5,-1,2\r\n3.25,4,-5.5\r\n6,7.5,nan\r\n".encode(encoding))
    np.testing.assert_array_equal(read_scan(path).xyz, POINTS)


def test_signs_and_spaces_of_typesetters(tmp_path):
    """The minus sign, the space that does not break, exponents with D, and padding behind the text do not matter."""
    (tmp_path / "a.csv").write_bytes("0.5\u00a0;\u22121;2D0\n3.25;4;\u22125.5\n6;7.5;nan\n\x1a\0".encode())
    np.testing.assert_array_equal(read_scan(tmp_path / "a.csv").xyz, POINTS)


def test_colours_and_normals_that_are_blank_throughout_are_none(tmp_path):
    """Columns without any number say nothing."""
    (tmp_path / "a.csv").write_text("x,y,z,r,g,b,nx,ny,nz\n1,2,3,,,,,,\n4,5,6,,,,,,\n")
    cloud = read_scan(tmp_path / "a.csv")
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3], [4, 5, 6]])
    assert cloud.colours is None and cloud.normals is None


def test_line_ends_of_old_macintoshes(tmp_path):
    """Lines may end with a carriage return alone."""
    (tmp_path / "a.txt").write_bytes(b"x y z\r0.5 -1 2\r3.25 4 -5.5\r6 7.5 nan\r")
    np.testing.assert_array_equal(read_scan(tmp_path / "a.txt").xyz, POINTS)


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


@pytest.mark.parametrize(
    "text",
    [
        "x;y;z\n0;0;0\n1,5;2,5;-0,5\n",
        "0;0;0\n1,5;2,5;-,5\n",
        "0\t0\t0\n1,5\t2,5\t-0,5\n",
        "0 0 0\n1,5 2,5 -5,0e-1\n",
        "x;y;z;text\n0;0;0;a, b\n1,5;2,5;-0,5;c, d\n",
        '"0","0","0"\n"1,5","2,5","-0,5"\n',
    ],
)
def test_decimal_commas_are_told_from_several_rows(tmp_path, text):
    """The first rows are often whole numbers; the first rows with a comma show what it is."""
    (tmp_path / "a.csv").write_text(text)
    np.testing.assert_array_equal(read_scan(tmp_path / "a.csv").xyz, [[0, 0, 0], [1.5, 2.5, -0.5]])


@pytest.mark.parametrize(
    "cell",
    ["", " ", "N/A", "#N/A", "OVER", "NaN", "---", "-", "*", "null", "No Data", "1.#QNAN", "-1.#IND", "-nan(ind)"],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_cells_without_measurement_are_rows_all_the_same(tmp_path, cell, separator):
    """Blank cells and words for missing values become NaN, in any column of the first or a later row."""
    rows = [["1.5", "2.5", cell], ["4", "5", "6"], [cell, "8", "9"], [cell, cell, cell]]
    text = "x,y,z\n" + "".join(",".join(row) + "\n" for row in rows)
    (tmp_path / "a.csv").write_text(text.replace(",", separator))
    cloud = read_scan(tmp_path / "a.csv")
    nan = np.nan
    np.testing.assert_array_equal(cloud.xyz, [[1.5, 2.5, nan], [4, 5, 6], [nan, 8, 9], [nan, nan, nan]])
    assert cloud.notes == ()


def test_a_word_that_stands_in_several_rows_is_a_mark_and_is_told(tmp_path):
    """What no list of marks has is taken for one when it repeats and has no digits; the user is told."""
    (tmp_path / "a.csv").write_text("x,y,z\n1,2,Schatten\n4,5,6\n7,8,Schatten\n")
    cloud = read_scan(tmp_path / "a.csv")
    np.testing.assert_array_equal(cloud.valid, [False, True, False])
    assert cloud.notes == ("2 cells hold 'Schatten' where numbers should be: taken as not measured",)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("x,y,z,\n1,2,3,\n4,5,6,\n", None),
        ("1,2,3,\n4,5,6,\n", None),
        ("1,2,3,\n4,5,6,\n", "xyz"),
        ("x;y;z\n1;2;3;\n4;5;6\n", None),
        ("x,y,z,label\n1,2,3,dent\n4,5,6,good\n", None),
        ("dent,1,2,3\ngood,4,5,6\n", None),
        ("1 2 3 dent\n4 5 6 good\n", None),
        ("1,2,3,dent\n4,5,6,good\n", "x,y,z,-"),
        ("label,x,y,z\n,1,2,3\ngood,4,5,6\n", None),
        ('"x","y","z"\n"1","2","3"\n"4","5","6"\n', None),
        ('"x" "y" "z"\n"1" "2" "3"\n"4" "5" "6"\n', None),
        ('x,y,z,note\n1,2,3,"deep, wide"\n4,5,6,""\n', None),
        ('"1,2,3"\n"4,5,6"\n', None),
        ("1\t\t2\t\t3\n4\t\t5\t\t6\n", None),
        ("x\ty\tz\n1\t\t2\t\t3\n4\t\t5\t\t6\n", None),
        ("x,y,intensity,z\n1,2,,3\n4,5,,6\n", None),
        ("a,b,c\n1,2,3\n4,5,6\n", "xyz"),
        ("x y z\n1 2 3\n# second line\n4 5 6\n", None),
    ],
)
def test_cells_that_are_no_coordinates_are_passed_over(tmp_path, text, columns):
    """Separators at the end, texts, quotes, blank columns and comments between rows do not matter."""
    (tmp_path / "a.csv").write_text(text)
    cloud = read_scan(tmp_path / "a.csv", columns=columns)
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(
    "text",
    [
        '"x" "y" "z"\n"1" 5 6 7\n"2" 5 6 8\n"3" 4 6 7\n',
        "x y z\n1 5 6 7\n2 5 6 8\n3 4 6 7\n",
        ",x,y,z\n0,5,6,7\n1,5,6,8\n2,4,6,7\n",
        "0;5;6;7\n1;5;6;8\n2;4;6;7\n",
        "1 5 6 7 good\n2 5 6 8 dent\n3 4 6 7 good\n",
    ],
)
def test_row_numbers_without_a_name_stand_before_the_coordinates(tmp_path, text):
    """R, pandas and measuring programs number the rows in a column that has no name."""
    (tmp_path / "a.txt").write_text(text)
    np.testing.assert_array_equal(read_scan(tmp_path / "a.txt").xyz, [[5, 6, 7], [5, 6, 8], [4, 6, 7]])


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


LMI = """Frame,Source,Time,Encoder,Row Count,Column Count,X Offset,Y Offset,Z Offset
1,0,100,5,2,3,0,0,0
0,1,2,3,4,5,6,7,8
1,1,5,2,1,6,,,
1,2,5,0,0,0,3,2,7
"""


@pytest.mark.parametrize(
    "text",
    [
        LMI,
        LMI.replace("0,1,2,3,4,5,6,7,8\n", ""),
        f"Info\nCSV Version,Sensor Count\n2,1\nEnd\nSurfacePointCloud\n{LMI}End\nPart\n1,2\nEnd\n",
        LMI.replace(",", ";"),
    ],
)
def test_rows_of_triples_are_a_grid(tmp_path, text):
    """LMI's SurfacePointCloud holds x, y, z of a row of points in each line, in mm; blanks and zeros are holes."""
    (tmp_path / "a.csv").write_text(text)
    cloud = read_scan(tmp_path / "a.csv")
    hole = [np.nan] * 3
    np.testing.assert_array_equal(cloud.xyz, [[1, 1, 5], [2, 1, 6], hole, [1, 2, 5], hole, [3, 2, 7]])
    assert cloud.grid == (2, 3) and cloud.unit == "mm"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1,2,5,0,0,0,3,2,7\n", "", "promises 2 rows of 3 points x, y, z; 1 such rows are there"),
        ("3,2,7", "3,2", "promises 2 rows of 3 points x, y, z; 1 such rows are there"),
        ("3,2,7", "3,2,7b", "'7b' in row 2 of points is not a number"),
        ("5,2,3,0", "5,2,x,0", "states no count"),
        ("5,2,3,0", "5,2,3000000000,0", "more than"),
    ],
)
def test_damaged_grids_are_refused_in_one_line(tmp_path, old, new, says):
    """A grid that is not as large as it says is refused."""
    (tmp_path / "a.csv").write_text(LMI.replace(old, new))
    with pytest.raises(InputRejected) as caught:
        read_scan(tmp_path / "a.csv")
    assert says in str(caught.value) and "\n" not in str(caught.value)
