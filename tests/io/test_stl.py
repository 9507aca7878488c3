"""STL, binary and text, as programs really write it."""

import struct

import numpy as np
import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

# a tent of four triangles: five vertices, each face with corners that others share
VERTICES = np.array([[0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [1, 1, 1.5]])
FACES = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]])
IN_ORDER = VERTICES[[0, 1, 4, 2, 3]]  # the order in which the faces name them


def binary(count: int = len(FACES), head: bytes = b"made here", faces: np.ndarray = FACES) -> bytes:
    """The tent as binary STL that promises `count` faces."""
    rows = b"".join(struct.pack("<3f9fH", 0, 0, 0, *VERTICES[face].ravel(), 0) for face in faces)
    return head.ljust(80) + struct.pack("<I", count) + rows


def text(name: str = "tent", end: str = "endsolid", gap: str = "\n", faces: np.ndarray = FACES) -> str:
    """The tent as text, its words on lines of their own or divided by another gap."""
    lines = [f"solid {name}"]
    for face in faces.tolist():
        corners = [f"vertex {x:g} {y:g} {z:g}" for x, y, z in VERTICES[face]]
        lines += ["facet normal 0 0 1", "outer loop", *corners, "endloop", "endfacet"]
    return gap.join([*lines, f"{end} {name}", ""])


def read_bytes(tmp_path, data: bytes | str):
    """The cloud of an STL file with these bytes."""
    (tmp_path / "a.stl").write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_scan(tmp_path / "a.stl", samples=1000)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("text", text()),
        ("upper case", text().upper()),
        ("lines indented", text(gap="\n\t  ")),
        ("Windows", text(gap="\r\n")),
        ("the old Macintosh", text(gap="\r")),
        ("all on one line", text(gap=" ")),
        ("end solid", text(end="end solid")),
        ("a name of 2000 letters", text("P" + "/" * 2000)),
        ("a name of keywords", text("vertex 1 2 3 of a part")),
        ("no name", text("")),
        ("Latin-1 in the name", text("Geh\xe4use").encode("latin-1")),
        ("UTF-16", b"\xff\xfe" + text().encode("utf-16-le")),
        ("a byte order mark", b"\xef\xbb\xbf" + text().encode()),
        ("blank lines before", "\n\n  " + text()),
        ("two solids", text("a", faces=FACES[:2]) + text("b", faces=FACES[2:])),
        ("zeros behind", text().encode() + b"\0" * 40),
        ("binary", binary()),
        ("binary that says solid", binary(head=b"solid tent")),
        ("binary that says facet", binary(head=b"solid tent of 4 facet")),
        ("binary, one byte more", binary() + b"\n"),
        ("binary, 700 bytes more", binary(head=b"solid facet") + b"\0\1" * 350),
        ("binary, nobody counted", binary(0)),
        ("binary, nobody counted, a line end behind", binary(0) + b"\r\n"),
        ("binary, counted as -1", binary(2**32 - 1)),
    ],
)
def test_layouts(tmp_path, kind, data):
    """Text is told from binary by what is in the file; corners at one place are one vertex, faces stay in order."""
    cloud = read_bytes(tmp_path, data)
    np.testing.assert_array_equal(cloud.mesh.vertices, IN_ORDER)
    np.testing.assert_array_equal(cloud.mesh.vertices[cloud.mesh.faces], VERTICES[FACES])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (binary(0), "counts 0 faces; the file's size gives 4"),
        (binary(3), "counts 3 faces; the file has room for 1 more"),
        (text()[: -len("endsolid tent\n")], "ends without 'endsolid'"),
    ],
)
def test_a_doubtful_reading_is_noted(tmp_path, data, says):
    """What the header says is not what the file holds: read, and said so."""
    (note,) = read_bytes(tmp_path, data).notes
    assert says in note


def test_sound_files_have_no_note(tmp_path):
    """Nothing is doubtful about a plain file."""
    assert read_bytes(tmp_path, binary()).notes == read_bytes(tmp_path, text()).notes == ()


def test_loops_of_four(tmp_path):
    """A loop of more than three vertices is cut into a fan."""
    square = np.array([[0, 1, 2, 3]])
    np.testing.assert_array_equal(read_bytes(tmp_path, text(faces=square)).mesh.faces, [[0, 1, 2], [0, 2, 3]])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (binary()[:-20], "cut off"),
        (binary(1000), "promises 1000 faces"),
        (binary(0, faces=FACES[:0]), "the STL has no faces"),
        (binary(0) + b"\1" * 30, "the STL has no faces"),
        ("solid empty\nendsolid empty\n", "the STL has no faces"),
        (text()[:-60], "face 4 of the STL text has not its three vertices; it is cut off"),
        (text().replace("vertex 1 1 1.5\nendloop", "endloop", 1), "face 1 of the STL text has not its three"),
        (text().replace("1.5", "1,5"), "line 6: '1,5' is not a number"),
        (b"\x89PNG" + bytes(range(256)), "promises"),
        ("<html><body>404</body></html>", "is text, and none of an STL"),
        ("v 0 0 0\n" * 100, "is text, and none of an STL"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, data, says):
    """One line with the file's name, the face or the line and word, and what to do."""
    with pytest.raises(InputRejected) as caught:
        read_bytes(tmp_path, data)
    assert str(caught.value).startswith(f"{tmp_path / 'a.stl'}: ") and says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_many_faces_are_merged_as_by_definition(tmp_path):
    """Vertices are the distinct places in order of first appearance."""
    places = np.random.default_rng(0).integers(0, 6, (400, 3, 3)).astype("<f4")
    rows = b"".join(struct.pack("<3f9fH", 0, 0, 0, *triangle.ravel(), 0) for triangle in places)
    cloud = read_bytes(tmp_path, b"".ljust(80) + struct.pack("<I", 400) + rows)
    expected = list(dict.fromkeys(map(tuple, places.reshape(-1, 3).tolist())))
    np.testing.assert_array_equal(cloud.mesh.vertices, expected)
    np.testing.assert_array_equal(cloud.mesh.vertices[cloud.mesh.faces], places)
