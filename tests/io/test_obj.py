"""OBJ as programs really write it: the file's own rows, whatever its layout."""

import numpy as np
import pytest
from PIL import Image

from align3d_cli.errors import InputRejected
from align3d_cli.io.obj import read_obj
from align3d_cli.io.read import read_scan
from align3d_cli.io.source import open_source
from align3d_cli.io.write import write_scores

SIDE = 12
U, V = (axis.ravel() for axis in np.meshgrid(np.linspace(-10, 10, SIDE), np.linspace(-10, 10, SIDE)))
BOWL = np.stack([U, V, (U**2 + V**2) / 50], axis=1)
CORNER = (np.arange(SIDE - 1)[:, None] * SIDE + np.arange(SIDE - 1)).ravel()
LOWER = np.stack([CORNER, CORNER + 1, CORNER + SIDE], axis=1)
UPPER = np.stack([CORNER + 1, CORNER + SIDE + 1, CORNER + SIDE], axis=1)
FACES = np.stack([LOWER, UPPER], axis=1).reshape(-1, 3)
V_ROWS = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in BOWL]
F_ROWS = [f"f {a} {b} {c}" for a, b, c in FACES + 1]


def read_text(tmp_path, text: str | bytes, samples: int = 2000):
    """The cloud of an OBJ file with this text."""
    (tmp_path / "a.obj").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_scan(tmp_path / "a.obj", samples=samples)


def assert_bowl(cloud, vertices: np.ndarray = BOWL, faces: np.ndarray = FACES) -> None:
    """The rows of the file in their order, and points all over the surface."""
    np.testing.assert_allclose(cloud.mesh.vertices, vertices, atol=1e-7)
    np.testing.assert_array_equal(cloud.mesh.faces, faces)
    np.testing.assert_allclose(np.ptp(cloud.xyz, axis=0), np.ptp(BOWL, axis=0), rtol=0.05)


def corners(form: str) -> list[str]:
    """Face rows, each corner in a form such as "{0}//{1}": vertex, row of the face, vertex from behind."""
    n = len(BOWL)
    return [
        "f " + " ".join(form.format(i + 1, row % 2 + 1, i - n) for i in face) for row, face in enumerate(FACES.tolist())
    ]


@pytest.mark.parametrize(
    "form",
    [
        "{0}",
        "{0}/",
        "{0}//",
        "{0}//{1}",
        "{0}/{1}",
        "{0}/{1}/{1}",
        "{0}/9999",
        "{2}",
        "{2}//-{1}",
        "{2}/-{1}/-{1}",
        "+{0}",
    ],
)
def test_every_form_of_a_corner_keeps_the_rows(tmp_path, form):
    """Seams of texture and several normals at a vertex do not split it: the map has the rows of the file."""
    extra = ["vt 0 0", "vt 1 1", "vn 0 0 1", "vn 0 1 0"]
    assert_bowl(read_text(tmp_path, "\n".join(V_ROWS + extra + corners(form))))


def test_relative_numbers_count_from_the_rows_read_so_far(tmp_path):
    """Two groups, each its vertices before its faces with negative numbers; a third counts back over both."""
    square = ["f -4 -3 -2 -1"]
    rows = ["o a", "v 0 0 0", "v 1 0 0", "v 1 1 0", "v 0 1 0", *square]
    rows += ["g b", "v 0 0 5", "v 1 0 5", "v 1 1 5", "v 0 1 5", *square, "f -8 -7 -3"]
    cloud = read_text(tmp_path, "\n".join(rows))
    assert len(cloud.mesh.vertices) == 8
    np.testing.assert_array_equal(cloud.mesh.faces, [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7], [0, 1, 5]])


def test_positive_numbers_count_from_the_top_of_the_file(tmp_path):
    """They do so in every group, and may name rows further down."""
    rows = ["o a", *V_ROWS[:72], *F_ROWS, "o b", "usemtl steel", *V_ROWS[72:]]
    assert_bowl(read_text(tmp_path, "\n".join(rows)))


PLAIN = "\n".join(["# bowl", *V_ROWS, *F_ROWS, ""])


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("a byte order mark before the first vertex", b"\xef\xbb\xbf" + "\n".join(V_ROWS + F_ROWS).encode()),
        ("UTF-16 with a mark", b"\xff\xfe" + PLAIN.encode("utf-16-le")),
        ("UTF-16, the other order", b"\xfe\xff" + PLAIN.encode("utf-16-be")),
        ("Latin-1 in a comment", PLAIN.replace("bowl", "Sch\xfcssel, 20 \xb5m").encode("latin-1")),
        ("Latin-1 in a name", PLAIN.replace("# bowl", "o Geh\xe4use").encode("latin-1")),
        ("line ends of Windows", PLAIN.replace("\n", "\r\n").encode()),
        ("line ends of the old Macintosh", PLAIN.replace("\n", "\r").encode()),
        ("tabs", PLAIN.replace(" ", "\t").encode()),
        ("several blanks, indented, blanks behind", PLAIN.replace(" ", "   ").replace("\n", "  \n\t ").encode()),
        ("comments behind rows", PLAIN.replace("\n", " # 3 of 7\n").encode()),
        ("a comment glued to its row", PLAIN.replace("\n", "#f 1 2 3\n").encode()),
        ("lines continued", PLAIN.replace(" ", " \\\n ").replace("# \\\n bowl", "#").encode()),
        ("lines continued, of Windows", PLAIN.replace(" ", " \\\r\n").replace("# \\\r\nbowl", "#").encode()),
        ("a comment that ends in a backslash", PLAIN.replace("# bowl", "# C:\\scans\\").encode()),
        ("a weight behind the coordinates", "\n".join([row + " 1.0" for row in V_ROWS] + F_ROWS).encode()),
        ("no newline at the end", PLAIN.strip().encode()),
        ("blank lines", PLAIN.replace("\n", "\n\n").encode()),
        (
            "lines, points and curves",
            "\n".join([*V_ROWS, "vp 1 2", "p 1 2", "l 1 2 3", "cstype bezier", *F_ROWS]).encode(),
        ),
        ("normals behind the coordinates", "\n".join([row + " 0 0 -1" for row in V_ROWS] + F_ROWS).encode()),
    ],
)
def test_layouts(tmp_path, kind, data):
    """No point is lost or added, however the text is laid out and encoded."""
    cloud = read_text(tmp_path, data)
    assert_bowl(cloud)
    assert cloud.colours is None


def test_polygons_become_fans(tmp_path):
    """A polygon gives triangles that all begin at its first corner; two corners are no face."""
    cloud = read_text(tmp_path, "v 0 0 0\nv 2 0 0\nv 3 1 0\nv 2 2 0\nv 0 2 0\nf 1 2\nf 1 2 3 4 5\nf 1 2 3\n")
    np.testing.assert_array_equal(cloud.mesh.faces, [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 1, 2]])


@pytest.mark.parametrize("top", [1.0, 255])
@pytest.mark.parametrize("behind", ["", " 1"])
def test_colours_of_vertices(tmp_path, top, behind):
    """Three numbers behind the coordinates are a colour, as bytes or as fractions, with or without opacity."""
    colours = np.random.default_rng(1).integers(0, 256, BOWL.shape)
    colours[0] = 255, 0, 255
    words = [" ".join(f"{c / 255 * top:.9g}" for c in row) for row in colours]
    rows = [f"{v} {c}{behind}" for v, c in zip(V_ROWS, words, strict=True)]
    np.testing.assert_array_equal(read_text(tmp_path, "\n".join(rows)).colours, colours)
    blended = read_text(tmp_path, "\n".join(rows + F_ROWS))
    assert_bowl(blended)
    np.testing.assert_allclose(blended.colours.mean(axis=0), colours.mean(axis=0), atol=15)


def test_some_vertices_with_colour(tmp_path):
    """Where some rows have a colour and others none, these are grey."""
    cloud = read_text(tmp_path, "v 0 0 0 255 0 0\nv 1 0 0\nv 0 1 0 9 9 9\n")
    np.testing.assert_array_equal(cloud.colours, [[255, 0, 0], [178, 178, 178], [9, 9, 9]])


def test_vertices_in_no_face(tmp_path):
    """A vertex that no face names keeps its row but is no part of the surface; when most are such, all are points."""
    cloud = read_text(tmp_path, "\n".join([*V_ROWS, "v 900 900 900", *F_ROWS]))
    assert len(cloud.mesh.vertices) == len(BOWL) + 1 and cloud.xyz.max() < 20
    cloud = read_text(tmp_path, "\n".join([*V_ROWS, *F_ROWS[:3]]))
    assert cloud.mesh is None
    np.testing.assert_allclose(cloud.xyz, BOWL, atol=1e-7)


def paint(tmp_path, name: str, colour: tuple[int, int, int]) -> None:
    """A picture of one colour."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    Image.new("RGB", (4, 4), colour).save(tmp_path / name)


def test_several_materials_each_with_its_picture(tmp_path):
    """Faces take the picture of the material in force; what has none is grey; rows and faces stay in file order."""
    paint(tmp_path, "red.png", (200, 0, 0))
    paint(tmp_path, "maps/dark blue.png", (0, 0, 99))
    (tmp_path / "two parts.mtl").write_text(
        "newmtl bare\nKd 1 1 1\nnewmtl Red\n\tmap_Kd -s 1 1 1 -clamp on red.png\n"
        "newmtl blue ink\nmap_Kd maps\\dark blue.png\n"
    )
    rows = ["mtllib two parts.mtl", *V_ROWS, "vt 0.5 0.5", "vt 0.25 0.75 0"]
    faces = corners("{0}/{1}")
    rows += ["usemtl Red", *faces[:80], "usemtl blue ink", *faces[80:160], "usemtl bare", *faces[160:200]]
    rows += ["usemtl Red", *faces[200:220], *F_ROWS[220:]]
    cloud = read_text(tmp_path, "\n".join(rows))
    assert_bowl(cloud)
    shares = [(cloud.colours == colour).all(axis=1).mean() for colour in ((200, 0, 0), (0, 0, 99), (178, 178, 178))]
    assert sum(shares) == 1 and min(shares) > 0.2


def test_pictures_elsewhere_are_looked_for_beside_the_file(tmp_path):
    """A path of the machine that wrote the file leads to the picture beside it, never out of its folder."""
    scan = tmp_path / "scan"
    paint(tmp_path, "secret.png", (1, 1, 1))
    paint(tmp_path, "scan/skin.png", (0, 90, 0))
    (scan / "m.mtl").write_text("newmtl a\nmap_Kd C:\\Users\\me\\skin.png\nnewmtl b\nmap_Kd ../secret.png\n")
    faces = corners("{0}/{1}")
    rows = ["mtllib m.mtl", *V_ROWS, "vt 0 0", "vt 1 1", "usemtl a", *faces[:100], "usemtl b", *faces[100:]]
    cloud = read_text(scan, "\n".join(rows))
    assert {tuple(c) for c in np.unique(cloud.colours, axis=0).tolist()} == {(0, 90, 0), (178, 178, 178)}


@pytest.mark.parametrize(("vt", "whole"), [("vt 0 0", False), ("vt 0,5 0", True)])
def test_a_damaged_picture_costs_the_colours_only(tmp_path, vt, whole):
    """The surface is read all the same when the picture is damaged, or the places in it are."""
    paint(tmp_path, "t.png", (200, 0, 0))
    if not whole:
        (tmp_path / "t.png").write_bytes((tmp_path / "t.png").read_bytes()[:40])
    (tmp_path / "m.mtl").write_text("newmtl a\nmap_Kd t.png\n")
    rows = ["mtllib m.mtl", "usemtl a", *V_ROWS, vt, "vt 1 0", *corners("{0}/{1}")]
    cloud = read_text(tmp_path, "\n".join(rows))
    assert_bowl(cloud)
    assert cloud.colours is None


@pytest.mark.parametrize("suffix", ["ply", "glb"])
def test_the_heat_map_has_the_rows_of_the_file(tmp_path, suffix):
    """Vertices in file order with the values found at them, faces as they are in the file."""
    cloud = read_text(tmp_path, "\n".join([*V_ROWS, "vn 0 0 1", "vn 0 1 0", *corners("{0}//{1}")]), samples=20_000)
    scores = ((cloud.xyz[:, 0] + 10) / 20).astype(np.float32)
    write_scores(tmp_path / f"out.{suffix}", cloud, scores, np.zeros((len(cloud), 3), np.uint8))
    back = read_scan(tmp_path / f"out.{suffix}", samples=100)
    np.testing.assert_allclose(back.mesh.vertices, BOWL, atol=1e-5)
    np.testing.assert_array_equal(back.mesh.faces, FACES)
    if suffix == "ply":
        np.testing.assert_allclose(back.origin.vertex.columns["scalar_anomaly"], (BOWL[:, 0] + 10) / 20, atol=0.02)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "line 4: a face names vertex 9, the file has 1 to 3; mend it"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "line 4: a face names vertex 0, the file has 1 to 3"),
        ("v 0 0 0\nv 1 0 0\nf -3 -2 -1\nv 0 1 0\n", "line 3: a face goes back 3 vertices, 2 are above it"),
        ("v 0 0 0\n\nv 1 \\\n0 0\nv 0,5 1 0\n", "line 5: '0,5' is not a number; write decimal points"),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf 1/1/1 2/x/2 3/3/3\n",
            "line 5: '2/x/2' is no corner of a face",
        ),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3/1/2/3\n", "line 4: '3/1/2/3' is no corner of a face"),
        ("v 0 0 0\nv 1 0", "line 2 has 2 of the 3 numbers of 'v'; it is cut off or damaged"),
        (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999999999999999\n",
            "9999' names a corner beyond all bounds",
        ),
        ("o nothing\n", "holds neither faces nor points"),
        ("v 0 0\0", "binary data"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_word(tmp_path, text, says):
    """One line: the file, its line and word, and what to do."""
    with pytest.raises(InputRejected) as caught:
        read_text(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'a.obj'}: ") and says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_microsofts_nan_is_no_comment(tmp_path):
    """A vertex that is nowhere keeps its row; faces that touch it are left out of the surface."""
    cloud = read_text(tmp_path, "\n".join(["v 1.#QNAN 1 2", *V_ROWS[1:], *F_ROWS]))
    assert np.isnan(cloud.mesh.vertices[0, 0]) and len(cloud.mesh.vertices) == len(BOWL)
    assert np.isfinite(cloud.xyz).all()


def by_definition(text: str) -> tuple[list[list[float]], list[list[int]]]:
    """Vertices and triangles, read line by line in the words of the specification."""
    vertices, triangles = [], []
    for line in text.replace("\\\n", " ").split("\n"):
        words = line.split("#")[0].split()
        if words[:1] == ["v"]:
            vertices.append([float(word) for word in words[1:4]])
        if words[:1] == ["f"]:
            named = [int(word.split("/")[0]) for word in words[1:]]
            rows = [n - 1 if n > 0 else len(vertices) + n for n in named]
            triangles += [[rows[0], rows[i], rows[i + 1]] for i in range(1, len(rows) - 1)]
    return vertices, triangles


def random_text(rng: np.random.Generator) -> str:
    """Vertices, faces of every form, and other rows between them, in a random layout."""
    lines, n = [], 0
    for _ in range(60):
        kind = rng.choice(["v", "v", "v", "vt", "vn", "f", "f", "g", "#", ""])
        words = [kind]
        if kind in ("v", "vt", "vn"):
            n += kind == "v"
            words += [f"{value:.6g}" for value in rng.normal(size=3)]
        elif kind == "f" and n >= 3:
            counted = [int(i) + 1 if rng.random() < 0.5 else int(i) - n for i in rng.integers(0, n, rng.integers(3, 7))]
            words += [str(i) + str(rng.choice(["", "/1", "//2", "/-1/3", "/"])) for i in counted]
        elif kind in ("g", "#", "f"):
            words = ["#", "v", "1", "2", "3"] if kind == "#" else ["g", "f"]
        gap = str(rng.choice([" ", "\t", "  ", " \\\n"] if kind in ("v", "f") else [" "]))
        lines.append(
            str(rng.choice(["", " ", "\t"])) + gap.join(words) + str(rng.choice(["", " ", " # f 1 2 3", "\r"]))
        )
    return "\n".join(lines)


def test_random_files_by_definition(tmp_path):
    """Whatever the order, form and layout of the rows, vertices and triangles are those of the specification."""
    rng = np.random.default_rng(5)
    for _ in range(60):
        text = random_text(rng)
        vertices, triangles = by_definition(text)
        (tmp_path / "a.obj").write_text(text, newline="")
        with open_source(tmp_path / "a.obj") as source:
            found = read_obj(source)
        np.testing.assert_array_equal(found.vertices, vertices)
        np.testing.assert_array_equal(found.faces, np.reshape(triangles, (-1, 3)))
