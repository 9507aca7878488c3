"""Text tables: separators, encodings, decimal commas, damage."""

import time

import numpy as np
import pytest

from align3d_cli.errors import InputRejected
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


def test_line_ends_of_old_macintoshes(tmp_path):
    """Lines may end with a carriage return alone."""
    (tmp_path / "a.txt").write_bytes(b"x y z\r0.5 -1 2\r3.25 4 -5.5\r6 7.5 nan\r")
    np.testing.assert_array_equal(read_scan(tmp_path / "a.txt").xyz, POINTS)


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
    ("text", "says"),
    [
        ("1 2 3\n4 5\n", "line 2 has 2 values, 3 are expected"),
        ("# c\n1 2 3\n4 five 6\n", "line 3: 'five' is not a number; mend it"),
        ("1,2,3\n1,2", "line 2 has 2 values, 3 are expected"),
        ("1,2,3\n1,2,3,4\n", "line 2 has 4 values, 3 are expected"),
        ("x,y,z\nmm,mm,mm\n\n1,2,3\n4,5,6.\n7,8,12mm\n", "line 6: '12mm' is not a number"),
        ("1;2;3\n1,234.5;2;3\n", "line 2: '1,234.5' is not a number; save it without thousands"),
        ("1,2,3\n4,\x1b,6\n7,,9\n", "line 2: '\ufffd' is not a number"),
        ("a b c\n1 2 3\n", "line 1 names columns 'a b c', not x, y and z; say which they are with --columns"),
        ("x [mm];y [mm];z [um]\n1;2;3\n", "its columns x, y, z are in mm and um"),
        ("x,y,z\ndent,1,2\ngood,1,2\n", "column 1 ('dent' ..) holds no numbers"),
        ("x;y;z\n1;2;3\n1.234,5;2;3\n", "line 3: '1.234,5' is not a number; save it without thousands"),
        ("x,y,z\n1mm,2mm,3mm\n", "column 1 ('1mm' ..) holds no numbers"),
        ("<html>\n", "line 1 '<html>' is no row of numbers"),
        ("x y z\n1 2\n3 4\n", "3 columns are named, 2 are there"),
        ("1,2,3\n4\n", "line 2 has 1 value, 3 are expected"),
        (30 * "1 2 3 4 5 6 7 8 9 10\n".replace("\n", " ") + "\n", "rows of 300 numbers are a map of heights"),
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


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("mark", [",", "."])
def test_thousands_separators_are_never_read_as_fractions(tmp_path, separator, mark):
    """Whole numbers on both sides of a thousand show what the mark is; fractions of three digits are fractions."""
    xyz = np.stack([np.arange(40), 40 * np.arange(40), 90 * np.arange(40)], axis=1) - 500
    grouped = [separator.join(f"{value:,}".replace(",", mark) for value in row) for row in xyz]
    (tmp_path / "a.csv").write_text("x;y;z\n".replace(";", separator) + "\n".join(grouped))
    with pytest.raises(InputRejected, match="are thousands or fractions; save it without thousands separators"):
        read_scan(tmp_path / "a.csv")
    for form in ("{:.3f}", "{:g}"):
        rows = [separator.join(form.format(value / 1000).replace(".", mark) for value in row) for row in xyz]
        (tmp_path / "a.csv").write_text("\n".join(rows))
        np.testing.assert_allclose(read_scan(tmp_path / "a.csv").xyz, xyz / 1000)


def test_a_word_of_very_many_digits_is_refused_at_once(tmp_path):
    """Damage may run numbers into each other without end; looking at such a word takes no longer than reading it."""
    (tmp_path / "a.csv").write_text("1,2,3\n4,,6\n7,8," + 200_000 * "9" + "x\n")
    start = time.process_time()
    with pytest.raises(InputRejected, match=r"line 3: '9{40}' is not a number"):
        read_scan(tmp_path / "a.csv")
    assert time.process_time() - start < 1


def test_cells_that_are_all_blank(tmp_path):
    """A table of separators alone holds no rows."""
    (tmp_path / "a.csv").write_text(",,\n,,\n")
    with pytest.raises(InputRejected, match="holds no rows of numbers"):
        read_scan(tmp_path / "a.csv")


@pytest.mark.parametrize("header", ["", "x,y,z\n"])
def test_commas_between_numbers_and_within_them(tmp_path, header):
    """Fractions are no columns of their own; bytes of colour, which nobody fills up with zeros, are."""
    xyz = np.random.default_rng(0).normal(size=(60, 3)).round(2) + 0.0
    rows = [",".join(f"{value:.2f}".replace(".", ",") for value in row) for row in xyz]
    (tmp_path / "a.csv").write_text(header + "\n".join(rows))
    with pytest.raises(InputRejected, match="commas stand between its numbers and within them; save it with decimal p"):
        read_scan(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("1,10,3,10,20,30\n4,50,6,70,80,90\n")
    np.testing.assert_array_equal(read_scan(tmp_path / "a.csv").colours, [[10, 20, 30], [70, 80, 90]])
