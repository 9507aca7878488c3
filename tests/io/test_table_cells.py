"""Cells of a text table that hold no number, and columns that hold no coordinate."""

import numpy as np
import pytest

from align3d_cli.io.read import read_scan


@pytest.mark.parametrize("separator", [",", ";"])
def test_an_empty_row_is_a_point_without_measurement(tmp_path, separator):
    """Rows of separators alone keep their place, so that what is written lines up with what was read."""
    path = tmp_path / "a.csv"
    path.write_text("x,y,z\n,,\n1,2,3\n, ,\r\n4,5,6\n".replace(",", separator), newline="")
    np.testing.assert_array_equal(read_scan(path).xyz, [[np.nan] * 3, [1, 2, 3], [np.nan] * 3, [4, 5, 6]])


def test_rows_may_lack_blank_cells_at_their_end(tmp_path):
    """Spreadsheets leave out separators at the end of rows; that is told, for the rows could be damaged as well."""
    (tmp_path / "a.csv").write_text("x,y,z\n1,2\n1,2,3\n4,5\n")
    cloud = read_scan(tmp_path / "a.csv")
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, np.nan], [1, 2, 3], [4, 5, np.nan]])
    assert cloud.notes == ("2 rows are shorter than the others: the missing cells are taken as not measured",)


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
