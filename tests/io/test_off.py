"""OFF in its kinds and layouts."""

import numpy as np
import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

VERTICES = np.array([[0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [1, 1, 1.5]])
V_ROWS = [f"{x:g} {y:g} {z:g}" for x, y, z in VERTICES]
F_ROWS = ["4 3 2 1 0", "3 0 1 4", "3 1 2 4", "3 2 3 4", "3 3 0 4"]
FACES = [[3, 2, 1], [3, 1, 0], [0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]
PLAIN = "\n".join(["OFF", "5 5 0", *V_ROWS, *F_ROWS, ""])
COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9], [80, 90, 100]])


def read_text(tmp_path, text: str | bytes, samples: int = 1000):
    """The cloud of an OFF file with this text."""
    (tmp_path / "a.off").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_scan(tmp_path / "a.off", samples=samples)


def with_head(head: str) -> str:
    """The text with another keyword and counts."""
    return PLAIN.replace("OFF\n5 5 0", head)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("plain", PLAIN),
        ("counts behind the keyword", with_head("OFF 5 5 0")),
        ("counts glued to it", with_head("OFF5 5 0")),
        ("lower case", with_head("off\n5 5 0")),
        ("no edge count", with_head("OFF\n5 5")),
        ("no keyword", with_head("5 5 8")),
        (
            "comments everywhere",
            "# made\n" + with_head("OFF # kind\n# counts\n5 5 0 # e").replace("4\n", "4 # a face\n#\n"),
        ),
        ("indented, tabs, blank lines", "\n " + PLAIN.replace(" ", "\t ").replace("\n", "\n\n  ")),
        ("Windows", PLAIN.replace("\n", "\r\n")),
        ("the old Macintosh", PLAIN.replace("\n", "\r")),
        ("all on one line", PLAIN.replace("\n", " ")),
        ("a number a line", with_head("OFF 5 5 0").replace(" ", "\n").replace("OFF\n5\n5\n0", "OFF 5 5 0")),
        ("byte order mark", b"\xef\xbb\xbf" + PLAIN.encode()),
        ("UTF-16", b"\xff\xfe" + PLAIN.encode("utf-16-le")),
        ("Latin-1", b"# 20 \xb5m\n" + PLAIN.encode()),
        ("no newline at the end", PLAIN.strip()),
        ("rows behind the faces", PLAIN + "2 0 1\n"),
        ("normals", "\n".join(["NOFF", "5 5 0", *(row + " 0 0 1" for row in V_ROWS), *F_ROWS])),
        ("texture coordinates", "\n".join(["STOFF", "5 5 0", *(row + " 0.5 1" for row in V_ROWS), *F_ROWS])),
        (
            "a fourth coordinate",
            "\n".join(["4OFF", "5 5 0", *(f"{x * 2} {y * 2} {z * 2} 2" for x, y, z in VERTICES), *F_ROWS]),
        ),
    ],
)
def test_layouts(tmp_path, kind, text):
    """Vertices in file order, polygons as fans in file order, in every kind of OFF and layout of its text."""
    cloud = read_text(tmp_path, text)
    np.testing.assert_array_equal(cloud.mesh.vertices, VERTICES)
    np.testing.assert_array_equal(cloud.mesh.faces, FACES)
    assert cloud.colours is None


@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("keyword", ["COFF", "CNOFF"])
def test_colours_of_vertices(tmp_path, keyword, scale):
    """Bytes or fractions, with opacity, behind the normal where there is one."""
    normal = " 0 0 1" if "N" in keyword else ""
    rows = [
        f"{v}{normal} {' '.join(f'{c / scale:.9g}' for c in [*rgb, 255])}"
        for v, rgb in zip(V_ROWS, COLOURS, strict=True)
    ]
    cloud = read_text(tmp_path, "\n".join([keyword, "5 0 0", *rows]))
    np.testing.assert_array_equal(cloud.colours, COLOURS)
    cloud = read_text(tmp_path, "\n".join([keyword, "5 5 0", *rows, *F_ROWS]))
    assert cloud.colours.std() > 10 and len(cloud.mesh.vertices) == 5


def test_colours_of_faces(tmp_path):
    """Numbers behind the corners of a face are its colour; a face without is grey, one number is an index."""
    rows = [row + " " + " ".join(map(str, rgb)) for row, rgb in zip(F_ROWS, COLOURS, strict=True)]
    cloud = read_text(tmp_path, "\n".join(["OFF", "5 5 0", *V_ROWS, *rows[:-2], F_ROWS[3], F_ROWS[4] + " 7"]))
    below = cloud.xyz[:, 2] == 0
    assert below.any() and (cloud.colours[below] == COLOURS[0]).all()
    assert {tuple(c) for c in cloud.colours.tolist()} == {*map(tuple, COLOURS[:3].tolist()), (178, 178, 178)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("OFF", "no vertex and face counts"),
        ("hello\n", "does not begin with OFF"),
        ("OFF BINARY\n\0\0\0\5", "is a kind of OFF that we do not read"),
        ("nOFF\n4\n5 5 0\n", "is a kind of OFF that we do not read"),
        ("OFF\n900 900 0\n0 0 0\n", "cannot hold"),
        (PLAIN.replace("4 3 2 1 0", "4 3 2 1 5"), "line 8: a face names vertex 5, the file has 0 to 4"),
        (PLAIN.replace("4 3 2 1 0", "4 3 2 1 -1"), "line 8: a face names vertex -1, the file has 0 to 4"),
        (PLAIN.replace("4 3 2 1 0", "5 3 2 1 0"), "line 8: a face of 5 corners names 4; mend it"),
        (PLAIN.replace("1.5", "1,5"), "line 7: '1,5' is not a number; write decimal points"),
        (PLAIN.replace("2 2 0", "2 2", 1), "line 5 has 2 of the 3 numbers of a vertex"),
        (PLAIN[: PLAIN.rindex("3 2 3 4")], "promises 5 rows of vertices and 5 of faces, has 8 in all; it is cut off"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, says):
    """One line with the file's name, the line and word, and what to do."""
    with pytest.raises(InputRejected) as caught:
        read_text(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'a.off'}: ") and says in str(caught.value)
    assert "\n" not in str(caught.value)
