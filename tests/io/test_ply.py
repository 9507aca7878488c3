"""PLY files against bytes written here."""

import struct
import subprocess
import sys

import numpy as np
import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

POINTS = np.array([[0.5, -1.0, 2.0], [3.25, 4.0, -5.5], [6.0, 7.5, 8.0]])


def ply(tmp_path, header: str, body: bytes, name: str = "part.ply"):
    path = tmp_path / name
    path.write_bytes(header.encode() + body)
    return path


def test_ascii_points_arrive_in_file_order(tmp_path):
    """An ascii file gives its points in order, as float64, without colours or normals."""
    header = (
        "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    )
    cloud = read_scan(ply(tmp_path, header, b"0.5 -1 2\n3.25 4 -5.5\n6 7.5 8\n"))
    assert cloud.xyz.dtype == np.float64
    np.testing.assert_array_equal(cloud.xyz, POINTS)
    assert cloud.colours is None and cloud.normals is None and cloud.grid is None


@pytest.mark.parametrize(("encoding", "order"), [("little", "<"), ("big", ">")])
def test_binary_in_any_property_order_and_type(tmp_path, encoding, order):
    """Properties are found by name in both byte orders, whatever their order and scalar type."""
    header = (
        f"ply\nformat binary_{encoding}_endian 1.0\ncomment units: mm\nelement vertex 3\nproperty uchar blue\n"
        "property double z\nproperty short y\nproperty uchar red\nproperty float intensity\nproperty float32 x\n"
        "property uint8 green\nproperty float nx\nproperty float ny\nproperty float nz\nend_header\n"
    )
    rows = [(3, 2.0, -1, 1, 9.5, 0.5, 2), (6, -5.5, 4, 4, 8.5, 3.25, 5), (9, 8.0, 7, 7, 7.5, 6.0, 8)]
    body = b"".join(struct.pack(order + "BdhBffBfff", *row, 0, 0, 1) for row in rows)
    cloud = read_scan(ply(tmp_path, header, body))
    np.testing.assert_array_equal(cloud.xyz, [[0.5, -1, 2], [3.25, 4, -5.5], [6, 7, 8]])
    np.testing.assert_array_equal(cloud.colours, [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    np.testing.assert_array_equal(cloud.normals, [[0, 0, 1]] * 3)
    assert cloud.unit == "mm"


def test_float_and_16_bit_colours_become_bytes(tmp_path):
    """Colours as fractions of one or as 16-bit words are scaled to 0..255."""
    for kind, value in (("float", 0.2), ("ushort", 51 * 257)):
        header = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
        header += "".join(f"property {kind} {name}\n" for name in ("red", "green", "blue")) + "end_header\n"
        cloud = read_scan(ply(tmp_path, header, f"1 2 3 0 {value} 0\n".encode(), f"{kind}.ply"))
        np.testing.assert_array_equal(cloud.colours, [[0, 51, 0]])


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
def test_lists_of_differing_length_before_the_points(tmp_path, encoding):
    """An element with ragged lists in front of the vertices, and a list within them, do not disturb the points."""
    header = (
        f"ply\nformat {encoding} 1.0\nelement strip 2\nproperty list uchar int index\n"
        "element vertex 2\nproperty float x\nproperty list uchar short seen\n"
        "property float y\nproperty float z\nend_header\n"
    )
    if encoding == "ascii":
        body = b"1 7\n3 7 8 9\n1 2 5 6 2 3\n4 0 5 6\n"
    else:
        body = struct.pack("<BiB3i", 1, 7, 3, 7, 8, 9) + struct.pack("<fB2hff", 1, 2, 5, 6, 2, 3)
        body += struct.pack("<fBff", 4, 0, 5, 6)
    np.testing.assert_array_equal(read_scan(ply(tmp_path, header, body)).xyz, [[1, 2, 3], [4, 5, 6]])


def test_faces_make_it_a_sampled_mesh(tmp_path):
    """A ply with faces gives surface samples, and the mesh with its quads cut into triangles."""
    header = (
        "ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nproperty float y\nproperty float z\n"
        "element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    )
    body = b"0 0 0\n2 0 0\n2 2 0\n0 2 0\n4 0 0\n4 0 1 2 3\n3 1 4 2\n"
    cloud = read_scan(ply(tmp_path, header, body), samples=3000)
    assert len(cloud) == 3000
    np.testing.assert_array_equal(cloud.mesh.faces, [[0, 1, 2], [0, 2, 3], [1, 4, 2]])
    assert (cloud.xyz[:, 0] < 2).sum() == pytest.approx(2000, abs=2), "the square has two thirds of the area"
    np.testing.assert_array_equal(cloud.xyz[:, 2], 0)


HEAD = (
    "ply\nformat binary_little_endian 1.0\nelement vertex {n}\nproperty float x\nproperty float y\nproperty float z\n"
)


@pytest.mark.parametrize(
    ("header", "body", "says"),
    [
        (HEAD.format(n=10**12) + "end_header\n", b"\0" * 1200, "promises 1000000000000 vertex rows"),
        (HEAD.format(n=900) + "end_header\n", b"\0" * 1200, "cannot hold"),
        (HEAD.format(n=-5) + "end_header\n", b"\0" * 1200, "promises -5"),
        (HEAD.format(n="many") + "end_header\n", b"\0" * 1200, "no whole number of rows"),
        (HEAD.format(n=100), b"\0" * 1200, "no end_header"),
        (
            "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n",
            b"1\n",
            "no vertex element with x, y",
        ),
        ("ply\nformat ascii 1.0\nelement vertex 1\nproperty real x\nend_header\n", b"1\n", "unknown type 'real'"),
        ("ply\nformat morse 1.0\nend_header\n", b"", "morse"),
        ("PLYX", b"", "does not begin with 'ply'"),
        (
            HEAD.format(n=1) + "element face 1\nproperty list int int vertex_indices\nend_header\n",
            b"\0" * 12 + struct.pack("<i", 2_000_000_000),
            "a list 'vertex_indices' of 2e+09 items",
        ),
        (
            HEAD.format(n=1) + "element face 1\nproperty list int int vertex_indices\nend_header\n",
            b"\0" * 12 + struct.pack("<i", -4),
            "a list 'vertex_indices' of -4 items",
        ),
        (
            HEAD.format(n=3) + "element face 1\nproperty list uchar int vertex_indices\nend_header\n",
            np.eye(3, dtype="<f4").tobytes() + struct.pack("<B3i", 3, 0, 1, 3),
            "a face names vertex 3, the file has 0 to 2",
        ),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path, header, body, says):
    """Cut, false or nonsensical files give one line with the file's name and what is wrong."""
    path = ply(tmp_path, header, body)
    with pytest.raises(InputRejected) as caught:
        read_scan(path)
    assert says in str(caught.value) and "part.ply" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (b"1 2 3\n4 5\n6 7 8 9\n", "vertex row 2 has 2 numbers, the header promises 3"),
        (b"1 2 3\n4 5 6 7\n8 9\n", "vertex row 2 has 4 numbers, the header promises 3"),
        (b"1 2 3 0\n4 5 6 0\n7 8 9 0\n", "vertex row 1 has 4 numbers, the header promises 3"),
        (b"1.25 2.25 3.25\n4 5 6\n", "header promises 3 vertex rows, has 2; it is cut off"),
        (b"1.25 2.25 3\n4 5 6\n7 8", "vertex row 3 has 2 numbers, the header promises 3; it is cut off"),
        (b"1 2 3\n4 5\n6 7 8\n9 9\n", "vertex row 2 has 2 numbers, the header promises 3"),
    ],
)
def test_ascii_rows_must_hold_what_the_header_promises(tmp_path, rows, says):
    """A row with numbers too few or too many, or too few rows, are refused by the row's number."""
    header = HEAD.format(n=3).replace("binary_little_endian", "ascii") + "end_header\n"
    with pytest.raises(InputRejected, match=says):
        read_scan(ply(tmp_path, header, rows))


def test_windows_line_ends_and_a_missing_last_newline(tmp_path):
    """Carriage returns in header and rows, and a last line without newline, read like any other file."""
    header = (HEAD.format(n=2).replace("binary_little_endian", "ascii") + "end_header\n").replace("\n", "\r\n")
    np.testing.assert_array_equal(
        read_scan(ply(tmp_path, header, b"1 2 3\r\n4 5 nan")).xyz, [[1, 2, 3], [4, 5, np.nan]]
    )


@pytest.mark.parametrize(
    ("comment", "unit"),
    [
        ("units: mm", "mm"),
        ("unit in mm", "mm"),
        ("Units are Meters", "m"),
        ("unit=in", "in"),
        ("made in Units Ltd", None),
    ],
)
def test_the_unit_is_what_a_comment_says(tmp_path, comment, unit):
    """A comment that names the unit sets it; other comments do not."""
    header = HEAD.format(n=1).replace("element", f"comment {comment}\nelement", 1) + "end_header\n"
    assert read_scan(ply(tmp_path, header, b"\0" * 12)).unit == unit


def test_reading_a_mesh_from_ply_needs_no_trimesh(tmp_path):
    """A ply with faces is read without trimesh, scipy or tifffile being imported."""
    header = HEAD.format(n=3) + "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    path = ply(tmp_path, header, np.eye(3, dtype="<f4").tobytes() + struct.pack("<B3i", 3, 0, 1, 2))
    code = "import sys; from align3d_cli.io.read import read_scan as r; assert r(sys.argv[1]).mesh; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert not {"trimesh", "scipy", "tifffile", "torch", "PIL"} & set(done.stdout.split())


def ball_with_faces(tmp_path, n_faces: int, *, colour: bool = False):
    """600 points of a ball in ascii, the first `n_faces` threes of them joined to faces."""
    points = np.random.default_rng(0).normal(size=(600, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    names = ["float x", "float y", "float z"] + ["uchar red", "uchar green", "uchar blue"] * colour
    header = f"ply\nformat ascii 1.0\nelement vertex {len(points)}\n" + "".join(f"property {name}\n" for name in names)
    header += f"element face {n_faces}\nproperty list uchar int vertex_indices\nend_header\n"
    rows = [f"{x:.6f} {y:.6f} {z:.6f}" + f" {i % 256} 7 9" * colour for i, (x, y, z) in enumerate(points)]
    rows += [f"3 {3 * i} {3 * i + 1} {3 * i + 2}" for i in range(n_faces)]
    return ply(tmp_path, header, "\n".join([*rows, ""]).encode()), np.round(points, 6)


def test_points_with_a_few_faces_are_points(tmp_path):
    """Where faces join only few of the points, every point is read, in file order, and no surface is sampled."""
    path, points = ball_with_faces(tmp_path, 5)
    cloud = read_scan(path)
    assert cloud.mesh is None
    np.testing.assert_allclose(cloud.xyz, points, atol=1e-6)


@pytest.mark.parametrize("colour", [False, True])
def test_vertices_that_no_face_touches_are_points_of_their_own(tmp_path, colour):
    """A mesh with some loose vertices is sampled, and the loose vertices stand behind the samples, colours too."""
    path, points = ball_with_faces(tmp_path, 180, colour=colour)
    cloud = read_scan(path, samples=1000)
    assert cloud.mesh is not None
    assert len(cloud) == 1000 + 60
    np.testing.assert_allclose(cloud.xyz[1000:], points[540:], atol=1e-6)
    if colour:
        np.testing.assert_array_equal(cloud.colours[1000:, 0], np.arange(540, 600) % 256)


def test_faces_without_area_join_nothing(tmp_path):
    """Faces that name one vertex three times leave a cloud of points."""
    path, points = ball_with_faces(tmp_path, 200)
    head, body = path.read_bytes().split(b"end_header\n")
    lines = body.splitlines()
    lines[600:] = [b"3 %d %d %d" % (i, i, i) for i in range(200)]
    path.write_bytes(head + b"end_header\n" + b"\n".join(lines) + b"\n")
    cloud = read_scan(path)
    assert cloud.mesh is None
    np.testing.assert_allclose(cloud.xyz, points, atol=1e-6)
