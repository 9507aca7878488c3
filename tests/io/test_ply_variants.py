"""PLY files as tools really write them: read rightly, with a note where the reading is doubtful."""

import struct

import numpy as np
import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan
from align3d_cli.io.write import write_scores

COLOURED = ["float x", "float y", "float z", "uchar red", "uchar green", "uchar blue"]
ROWS = [[0.5, -1, 2, 10, 20, 30], [3.25, 4, -5.5, 40, 50, 60], [6, 7.5, 8, 70, 80, 90], [1, 2, 9, 11, 12, 13]]
XYZ, RGB = np.array(ROWS)[:, :3], np.array(ROWS)[:, 3:]
FACES = "element face 2\nproperty list uchar int vertex_indices\n"


def header(properties=COLOURED[:3], count=4, encoding="ascii", behind="") -> str:
    lines = [f"property {p}\n" for p in properties]
    return f"ply\nformat {encoding} 1.0\nelement vertex {count}\n{''.join(lines)}{behind}end_header\n"


def read(tmp_path, head: str, body: str | bytes, **options):
    path = tmp_path / "part.ply"
    path.write_bytes(head.encode() + (body if isinstance(body, bytes) else body.encode()))
    return read_scan(path, **options)


def text_rows(rows, per_line: int | None = None) -> str:
    """The rows as text, one a line or so many words a line."""
    if per_line is None:
        return "".join(" ".join(f"{v:g}" for v in row) + "\n" for row in rows)
    words = [f"{v:g}" for row in rows for v in row]
    return "".join(" ".join(words[i : i + per_line]) + " \n" for i in range(0, len(words), per_line))


def heat_map(tmp_path, cloud) -> bytes:
    scores = np.linspace(0, 1, len(cloud)).astype(np.float32)
    return write_scores(tmp_path / "map.ply", cloud, scores, np.full((len(cloud), 3), 7, np.uint8)).read_bytes()


@pytest.mark.parametrize("per_line", [1, 2, 3, 5, 12, 24])
def test_rows_may_break_anywhere(tmp_path, per_line):
    """Words fill the rows wherever the lines end, and the heat map of such a file reads as well."""
    cloud = read(tmp_path, header(COLOURED), text_rows(ROWS, per_line))
    np.testing.assert_array_equal(cloud.xyz, XYZ)
    np.testing.assert_array_equal(cloud.colours, RGB)
    heat_map(tmp_path, cloud)
    back = read_scan(tmp_path / "map.ply")
    np.testing.assert_array_equal(back.xyz, XYZ)
    np.testing.assert_array_equal(back.colours, np.full((4, 3), 7))


def test_broken_rows_keep_their_breaks_in_the_heat_map(tmp_path):
    """A vertex on two lines stays on two lines: its words are exchanged in place, the score comes behind them."""
    cloud = read(tmp_path, header(COLOURED), text_rows(ROWS, 3))
    body = heat_map(tmp_path, cloud).split(b"end_header\n")[1]
    assert body.splitlines()[:4] == [b"0.5 -1 2 ", b"7 7 7 0 ", b"3.25 4 -5.5 ", b"7 7 7 0.333333343 "]


def test_faces_behind_rows_that_break(tmp_path):
    """A stream of words goes on into the faces, of one length or of several."""
    cloud = read(tmp_path, header(COLOURED, behind=FACES), text_rows(ROWS, 4) + "3 0 1\n2 4 0 1 2 3\n", samples=50)
    np.testing.assert_array_equal(cloud.mesh.faces, [[0, 1, 2], [0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(cloud.mesh.vertices, XYZ)


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
def test_two_properties_of_one_name(tmp_path, encoding):
    """The first is read, a note names it, and the heat map keeps both."""
    names = [*COLOURED[:3], "float intensity", "float Intensity", "float x"]
    rows = [[*row[:3], 1, 2, 99] for row in ROWS]
    body = text_rows(rows) if encoding == "ascii" else struct.pack("<24f", *np.ravel(rows))
    cloud = read(tmp_path, header(names, encoding=encoding), body)
    np.testing.assert_array_equal(cloud.xyz, XYZ)
    assert [note.split("'")[1] for note in cloud.notes] == ["intensity", "x"]
    assert heat_map(tmp_path, cloud).count(b"property float") == 6 + 1
    np.testing.assert_array_equal(read_scan(tmp_path / "map.ply").xyz, XYZ)


def test_names_in_capitals(tmp_path):
    """Elements, coordinates, colours and normals are known in any case, and exchanged in the heat map."""
    names = [p.upper().replace("FLOAT", "float").replace("UCHAR", "uchar") for p in COLOURED]
    names += ["float NX", "float Ny", "float nZ"]
    head = header(names).replace("vertex", "Vertex").replace("end_header", "END_HEADER").replace("ply", "PLY", 1)
    cloud = read(tmp_path, head, text_rows([*[[*row, 0, 0, 1] for row in ROWS]]))
    np.testing.assert_array_equal(cloud.xyz, XYZ)
    np.testing.assert_array_equal(cloud.colours, RGB)
    np.testing.assert_array_equal(cloud.normals, [[0, 0, 1]] * 4)
    written = heat_map(tmp_path, cloud)
    assert b"property uchar RED" in written and b"property uchar red" not in written
    np.testing.assert_array_equal(read_scan(tmp_path / "map.ply").colours, np.full((4, 3), 7))


LONG_FACES = "property list uchar float texcoord\nproperty uchar red\n"


@pytest.mark.parametrize("tail", ["6 .6 .4 .5 .4 .5 .6 9 1 1 1 1 1 1 1 1 1", ""])
def test_face_rows_of_another_length_than_the_header_says(tmp_path, tail):
    """Where every face has a line, its corners are read from it, with a note of the first row's numbers."""
    body = text_rows(ROWS) + f"3 0 1 2 {tail}\n3 0 2 3 {tail}\n"
    cloud = read(tmp_path, header(COLOURED, behind=FACES + LONG_FACES), body, samples=50)
    np.testing.assert_array_equal(cloud.mesh.faces, [[0, 1, 2], [0, 2, 3]])
    assert len(cloud.notes) == 1 and cloud.notes[0].startswith(f"face row 1 has {4 + len(tail.split())} numbers")


@pytest.mark.parametrize(
    ("faces", "says"),
    [
        ("3 0 1 2\n3 0 2 3 3\n", "face row 2 has 5 numbers, the header promises 4"),
        ("3 0 1 2 5\n4 0 2 3\n", "face row 1 has 5 numbers, the header promises 4"),
        ("3 0 1 2\n.4 0 2 3\n", "face row 2 has a list 'vertex_indices' of 0.4 items"),
    ],
)
def test_a_single_face_row_of_another_length_is_damage(tmp_path, faces, says):
    """One odd line among the faces is named."""
    with pytest.raises(InputRejected, match=says):
        read(tmp_path, header(COLOURED, behind=FACES), text_rows(ROWS) + faces)


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
@pytest.mark.parametrize(("rows", "left"), [(0, b""), (1, b""), (1, b"\3\0")])
def test_a_file_cut_within_its_faces_gives_its_points(tmp_path, encoding, rows, left):
    """All vertices are there: they are points, with a note, and the heat map is a sound file without faces."""
    if encoding == "ascii":
        body = (text_rows(np.array(ROWS)[:, :3]) + "3 0 1 2\n" * rows + "3 1" * bool(left)).encode()
    else:
        body = XYZ.astype("<f4").tobytes() + struct.pack("<B3i", 3, 0, 1, 2) * rows + left
    cloud = read(tmp_path, header(encoding=encoding, behind=FACES), body)
    np.testing.assert_array_equal(cloud.xyz, XYZ)
    assert cloud.mesh is None and "taken as points, without faces" in cloud.notes[0]
    assert b"face" not in heat_map(tmp_path, cloud).split(b"end_header\n")[0]
    np.testing.assert_array_equal(read_scan(tmp_path / "map.ply").xyz, XYZ)


def test_the_format_may_stand_behind_the_elements(tmp_path):
    """A header whose format line comes last reads, and keeps it where the faces are left out."""
    head = header(behind=FACES).replace("format ascii 1.0\n", "").replace("end_header", "format ascii 1.0\nend_header")
    heat_map(tmp_path, read(tmp_path, head, text_rows(XYZ) + "3 0 1 2\n"))
    np.testing.assert_array_equal(read_scan(tmp_path / "map.ply").xyz, XYZ)


def test_a_cut_file_whose_faces_make_no_sense_is_refused(tmp_path):
    """Faces that name vertices nowhere show that the bytes are out of step: the vertices are not to be trusted."""
    body = XYZ.astype("<f4").tobytes() + struct.pack("<B3i", 3, 0, 1, 2_000_000) + b"\3\0"
    with pytest.raises(InputRejected, match="the data ends within face row 2 of 2; it is cut off"):
        read(tmp_path, header(encoding="binary_little_endian", behind=FACES), body)


@pytest.mark.parametrize(
    "body",
    [
        "0,5 -1 2\n3,25 4 -5,5\n6 7,5 8\n1 2 9\n",
        "0.5, -1, 2\n3.25, 4, -5.5\n6, 7.5, 8\n1, 2, 9\n",
        "0,5 -1 2 3,25 4 -5,5 6 7,5 8 1 2 9",
    ],
)
def test_commas_in_the_numbers_and_between_them(tmp_path, body):
    """Decimal commas become points, commas between numbers blanks; a note says so, and the heat map has points."""
    cloud = read(tmp_path, header(), body)
    np.testing.assert_array_equal(cloud.xyz, XYZ)
    assert len(cloud.notes) == 1 and "commas" in cloud.notes[0]
    assert b"," not in heat_map(tmp_path, cloud)
    np.testing.assert_array_equal(read_scan(tmp_path / "map.ply").xyz, XYZ)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_text_saved_again_by_an_editor(tmp_path, encoding):
    """Byte order marks, UTF-16 and letters of Latin-1 in a comment do not disturb an ascii file."""
    text = header().replace("element", "comment gemessen in Köln, unit: mm\nelement", 1) + text_rows(XYZ)
    (tmp_path / "a.ply").write_bytes(text.encode(encoding))
    cloud = read_scan(tmp_path / "a.ply")
    np.testing.assert_array_equal(cloud.xyz, XYZ)
    assert cloud.unit == "mm"
    heat_map(tmp_path, cloud)
    np.testing.assert_array_equal(read_scan(tmp_path / "map.ply").xyz, XYZ)


@pytest.mark.parametrize("newline", ["\r", "\r\n"])
def test_line_ends_of_other_systems(tmp_path, newline):
    """Carriage returns alone, or before every newline, end lines too."""
    path = tmp_path / "a.ply"
    path.write_bytes((header(COLOURED) + text_rows(ROWS)).replace("\n", newline).encode())
    np.testing.assert_array_equal(read_scan(path).xyz, XYZ)


def test_blank_lines_and_blanks_before_the_rows(tmp_path):
    """Lines without a word and indented rows count for nothing."""
    body = "\n" + text_rows(XYZ).replace("\n", "\n\n  ")
    np.testing.assert_array_equal(read(tmp_path, header(), body).xyz, XYZ)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (header(["uint packed_position", "uint packed_color"]), "packed positions, a compressed splat; save it uncomp"),
        (header(["float u", "float v"], behind="element camera 1\nproperty int id\n"), "but vertex, camera; export"),
        (header().replace("element", "Created by Tool 2.4\nelement"), "line 3, 'Created by Tool 2.4', is no element"),
        (header().replace("element vertex 4\n", ""), "line 3, 'property float x', is no element"),
        (header().replace("vertex 4", "vertex"), "line 3, 'element vertex', is no element"),
        (header(["list uchar float x", "float y", "float z"]), "no vertex element with x, y and z"),
        (header().replace("format ascii 1.0\n", ""), "it has no format line"),
    ],
)
def test_what_a_header_cannot_say(tmp_path, head, says):
    """Headers of other things, and lines without a meaning, are named with their number and what to do."""
    with pytest.raises(InputRejected) as caught:
        read(tmp_path, head, text_rows(XYZ))
    assert says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("0 0 1\n1 2.3.4 5\n0 1 0\n1 1 1\n", "line 9: '2.3.4' is not a number; mend it"),
        ("0 0 1\n0 1 0\n1 1 1\n1 1 one", "line 11: 'one' is not a number; mend it"),
        (
            "1.234,5 0 1\n0 1 0\n1 1 1\n1 1 1\n",
            "vertex row 1 has 4 numbers, .*; write decimal points, not decimal commas",
        ),
    ],
)
def test_a_word_that_is_no_number_is_named_with_its_line(tmp_path, body, says):
    """The message gives the line of the file, counted from 1, and the word."""
    with pytest.raises(InputRejected, match=says):
        read(tmp_path, header(), body)


def test_microsofts_numbers_that_are_none(tmp_path):
    """What old Windows programs write for nan and infinity is no measurement."""
    cloud = read(tmp_path, header(), "0 0 1\n1.#QNAN -1.#IND 1.#INF\n-1.#J 1.#IO 1\n1 1 1\n")
    np.testing.assert_array_equal(cloud.valid, [True, False, False, True])


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
def test_more_than_the_header_promises(tmp_path, encoding):
    """What stands behind the last row is kept in the heat map, and a note says that it is not read."""
    body = text_rows(XYZ).encode() if encoding == "ascii" else XYZ.astype("<f4").tobytes()
    cloud = read(tmp_path, header(count=3, encoding=encoding), body)
    np.testing.assert_array_equal(cloud.xyz, XYZ[:3])
    behind = "3 words" if encoding == "ascii" else "12 bytes"
    assert cloud.notes == (f"{behind} behind the rows that the header promises: not read",)
    assert heat_map(tmp_path, cloud).rstrip().endswith(body.splitlines()[-1] if encoding == "ascii" else body[-12:])


def test_more_vertices_promised_than_there_are(tmp_path):
    """A face row is no vertex: the first line that has not as many numbers as a vertex is named."""
    with pytest.raises(InputRejected, match="vertex row 5 has 4 numbers, the header promises 3"):
        read(tmp_path, header(count=5, behind=FACES), text_rows(XYZ) + "3 0 1 2\n3 0 2 3\n")
