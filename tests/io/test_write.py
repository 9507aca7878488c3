"""Anomaly maps read back: nothing of the input changed, the scores exact."""

import io
import json
import os
import struct

import numpy as np
import pytest
import tifffile

from align3d_cli.clouds.cloud import Mesh, PointCloud
from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.io.read import read_scan
from align3d_cli.io.write import dump_scores, regions_to_vertices, to_vertices, write_scores

SCORES = np.array([0.1, np.nan, 1 / 3], np.float32)
RGB = np.array([[1, 2, 3], [4, 5, 6], [250, 251, 252]], np.uint8)


def scored(tmp_path, data: bytes, name="in.ply"):
    """The bytes of the map written for a scan of three points."""
    (tmp_path / name).write_bytes(data)
    write_scores(tmp_path / "out.ply", read_scan(tmp_path / name), SCORES, RGB)
    return (tmp_path / "out.ply").read_bytes()


@pytest.mark.parametrize(("encoding", "order"), [("little", "<"), ("big", ">")])
def test_binary_ply_keeps_every_byte(tmp_path, encoding, order):
    """Other elements, properties, comments and trailing bytes stay; score and colour stand behind each row."""
    header = (
        f"ply\nformat binary_{encoding}_endian 1.0\ncomment kept as it is\nelement camera 1\nproperty double f\n"
        "element vertex 3\nproperty float x\nproperty float y\nproperty float z\nproperty uchar quality\n"
        "element note 1\nproperty list uchar char text\nend_header\n"
    )
    rows = [struct.pack(order + "fffB", i, i + 1, i + 2, i) for i in range(3)]
    before, after = struct.pack(order + "d", 7.5), b"\5hello" + b"and more"
    out = scored(tmp_path, header.encode() + before + b"".join(rows) + after)
    added = b"".join(
        f"property {kind}\n".encode() for kind in ("float scalar_anomaly", "uchar red", "uchar green", "uchar blue")
    )
    expected = header.encode().replace(b"uchar quality\n", b"uchar quality\n" + added)
    expected += before + b"".join(
        row + struct.pack(order + "fBBB", score, *rgb) for row, score, rgb in zip(rows, SCORES, RGB, strict=True)
    )
    assert out == expected + after


def test_ascii_ply_keeps_every_word(tmp_path):
    """Text rows keep their own spelling and line ends."""
    header = "ply\r\nformat ascii 1.0\r\nelement vertex 3\r\n" + "".join(f"property float {a}\r\n" for a in "xyz")
    header += "element face 0\r\nproperty list uchar int vertex_indices\r\nend_header\r\n"
    out = scored(tmp_path, header.encode() + b"1.50 2e0 3\r\n4 5 6\r\n7 8 09\r\n").decode()
    body = out.split("end_header\r\n")[1]
    assert body == "1.50 2e0 3 0.100000001 1 2 3\r\n4 5 6 nan 4 5 6\r\n7 8 09 0.333333343 250 251 252\r\n"
    assert out.index("blue\r\n") < out.index("element face")


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
def test_colours_and_scores_that_are_there_are_replaced(tmp_path, encoding):
    """Scoring a map again gives the same map: no property twice, 16-bit colours in their own range."""
    kinds = [("ushort", "red"), ("float", "x"), ("float", "y"), ("ushort", "green"), ("float", "z"), ("ushort", "blue")]
    header = f"ply\nformat {encoding} 1.0\nelement vertex 3\n" + "".join(f"property {k} {n}\n" for k, n in kinds)
    if encoding == "ascii":
        body = b"".join(b"9 %d 1 65535 2 9\n" % i for i in range(3))
    else:
        body = b"".join(struct.pack("<HffHfH", 9, i, 1, 65535, 2, 9) for i in range(3))
    once = scored(tmp_path, (header + "end_header\n").encode() + body)
    cloud = read_scan(tmp_path / "out.ply")
    np.testing.assert_array_equal(cloud.colours, RGB)
    np.testing.assert_array_equal(cloud.xyz, [[0, 1, 2], [1, 1, 2], [2, 1, 2]])
    (tmp_path / "again.ply").write_bytes(once)
    write_scores(tmp_path / "twice.ply", read_scan(tmp_path / "again.ply"), SCORES, RGB)
    assert (tmp_path / "twice.ply").read_bytes() == once
    assert once.count(b"scalar_anomaly") == 1 and once.count(b"ushort red") == 1


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
def test_rows_with_lists_of_differing_length(tmp_path, encoding):
    """Lists within the vertex rows are kept, colours behind them replaced in place."""
    header = (
        f"ply\nformat {encoding} 1.0\nelement vertex 3\nproperty float x\nproperty list uchar short seen\n"
        "property float y\nproperty float z\nproperty uchar red\nproperty uchar green\n"
        "property uchar blue\nend_header\n"
    )
    if encoding == "ascii":
        body = b"0 2 7 8 1 2 9 9 9\n0 0 1 2 9 9 9\n0 1 7 1 2 9 9 9\n"
    else:
        lists = [struct.pack("<B2h", 2, 7, 8), struct.pack("<B", 0), struct.pack("<Bh", 1, 7)]
        body = b"".join(struct.pack("<f", 0) + part + struct.pack("<ff3B", 1, 2, 9, 9, 9) for part in lists)
    out = scored(tmp_path, header.encode() + body)
    cloud = read_scan(tmp_path / "out.ply")
    np.testing.assert_array_equal(cloud.xyz, [[0, 1, 2]] * 3)
    np.testing.assert_array_equal(cloud.colours, RGB)
    seen = cloud.origin.vertex.columns["seen"]
    np.testing.assert_array_equal(seen.values, [7, 8, 7])
    np.testing.assert_array_equal(seen.offsets, [0, 2, 2, 3])
    np.testing.assert_array_equal(np.float32(cloud.origin.vertex.columns["scalar_anomaly"]), SCORES)
    assert out.startswith(header.split("end_header")[0].encode())


def mesh_cloud(n=2000):
    """A cloud sampled from a unit square of two triangles in the plane z = 0."""
    xyz = np.c_[np.random.default_rng(0).random((n, 2)), np.zeros(n)]
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]])
    return PointCloud(xyz, mesh=Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]])), unit="mm")


def test_vertices_take_the_values_of_samples_near_them():
    """A score that grows along x arrives at the corners; samples without score count for nothing."""
    cloud = mesh_cloud()
    scores = cloud.xyz[:, 0].copy()
    scores[::2] = np.nan
    np.testing.assert_allclose(to_vertices(cloud, scores), [0, 1, 1, 0], atol=0.06)
    assert np.isnan(to_vertices(cloud, np.full(2000, np.nan))).all()
    np.testing.assert_allclose(to_vertices(cloud, np.full((2000, 3), 7)), 7)


def test_mesh_ply_has_scores_on_vertices_and_its_own_faces(tmp_path):
    """A ply with faces goes out as it came, with scores on its vertices."""
    header = "ply\nformat ascii 1.0\nelement vertex 4\n" + "".join(f"property float {a}\n" for a in "xyz")
    header += "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    (tmp_path / "in.ply").write_text(header + "0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n")
    cloud = read_scan(tmp_path / "in.ply", samples=4000)
    rgb = np.full((4000, 3), 80, np.uint8)
    write_scores(tmp_path / "out.ply", cloud, cloud.xyz[:, 0].astype(np.float32), rgb)
    lines = (tmp_path / "out.ply").read_text().split("end_header\n")[1].splitlines()
    assert lines[4] == "4 0 1 2 3" and len(lines) == 5
    table = np.array([line.split() for line in lines[:4]], float)
    np.testing.assert_allclose(table[:, 3], [0, 1, 1, 0], atol=0.05)
    assert (table[:, 4:] == 80).all()


def test_other_inputs_become_new_ply(tmp_path):
    """Scans that were no ply give one with their points in order, normals and unit; large coordinates as doubles."""
    xyz = np.array([[512345.678, 5e6, 1], [512346.0, 5e6, 2], [np.nan] * 3])
    cloud = PointCloud(xyz, normals=np.eye(3, dtype=np.float32), unit="mm")
    write_scores(tmp_path / "a.ply", cloud, SCORES, RGB)
    back = read_scan(tmp_path / "a.ply")
    np.testing.assert_array_equal(back.xyz, xyz)
    np.testing.assert_array_equal(back.normals, cloud.normals)
    np.testing.assert_array_equal(back.colours, RGB)
    np.testing.assert_array_equal(back.origin.vertex.columns["scalar_anomaly"], SCORES)
    assert back.unit == "mm" and b"property double x" in (tmp_path / "a.ply").read_bytes()
    write_scores(tmp_path / "m.ply", mesh_cloud(), np.zeros(2000, np.float32), np.zeros((2000, 3), np.uint8))
    mesh = read_scan(tmp_path / "m.ply", samples=10).mesh
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(mesh.vertices, mesh_cloud().mesh.vertices)


def test_tiff_map_lies_on_the_input_grid(tmp_path):
    """H x W float32; pixels without measurement or score are 0."""
    xyz = np.array([[1, 1, 1], [np.nan] * 3, [2, 2, 2], [3, 3, 3.0]])
    cloud = PointCloud(xyz, grid=(2, 2))
    write_scores(tmp_path / "m.tif", cloud, np.array([0.5, 0.7, np.nan, 0.25], np.float32), np.zeros((4, 3), np.uint8))
    image = tifffile.imread(tmp_path / "m.tif")
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, [[0.5, 0], [0, 0.25]])
    with pytest.raises(UsageError, match="no pixel grid"):
        write_scores(tmp_path / "n.tiff", PointCloud(xyz), np.zeros(4), np.zeros((4, 3), np.uint8))


def test_npz_holds_points_and_scores_and_is_the_same_every_time():
    """Points, scores and colours; the same bytes from the same values."""
    streams = [io.BytesIO(), io.BytesIO()]
    for stream in streams:
        dump_scores(stream, PointCloud(np.eye(3)), SCORES, RGB, "npz")
    assert streams[0].getvalue() == streams[1].getvalue()
    with np.load(io.BytesIO(streams[0].getvalue())) as archive:
        np.testing.assert_array_equal(archive["points"], np.eye(3))
        np.testing.assert_array_equal(archive["scores"], SCORES)


def glb_parts(data: bytes) -> tuple[dict, list[np.ndarray]]:
    """The description and the arrays of a binary glTF."""
    magic, version, total, size, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON")
    tree, buffer = json.loads(data[20 : 20 + size]), data[28 + size :]
    arrays = []
    for accessor in tree["accessors"]:
        view = tree["bufferViews"][accessor["bufferView"]]
        kind = {5126: "<f4", 5123: "<u2", 5125: "<u4"}[accessor["componentType"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        arrays.append(np.frombuffer(buffer, kind, accessor["count"] * width, view["byteOffset"]).reshape(-1, width))
    return tree, arrays


def test_glb_points_in_metres_with_linear_colours():
    """Finite points about their centre, the score as an attribute, sRGB made linear as glTF asks."""
    xyz = np.array([[1e6, 2, 3], [np.nan] * 3, [1e6 + 2, 4, 3]])
    stream = io.BytesIO()
    dump_scores(stream, PointCloud(xyz, unit="mm"), SCORES, np.array([[0, 255, 128]] * 3, np.uint8), "glb")
    tree, (position, colour, score) = glb_parts(stream.getvalue())
    node = tree["nodes"][0]
    placed = position * node["scale"] + node["translation"]
    np.testing.assert_allclose(placed, xyz[[0, 2]] * 0.001, rtol=1e-9)
    np.testing.assert_array_equal(score[:, 0], SCORES[[0, 2]])
    np.testing.assert_allclose(colour[0] / 65535, [0, 1, 0.2158605, 1], atol=1e-4)
    assert tree["meshes"][0]["primitives"][0]["mode"] == 0


def test_glb_mesh_reads_back(tmp_path):
    """A mesh goes out with its faces, and is a mesh of the same size (in metres) when read again."""
    write_scores(tmp_path / "m.glb", mesh_cloud(), np.zeros(2000, np.float32), np.full((2000, 3), 255, np.uint8))
    cloud = read_scan(tmp_path / "m.glb", samples=100)
    np.testing.assert_allclose(cloud.mesh.vertices, mesh_cloud().mesh.vertices * 0.001, atol=1e-9)
    np.testing.assert_array_equal(cloud.mesh.faces, [[0, 1, 2], [0, 2, 3]])


def test_nothing_is_overwritten_unasked_and_nothing_half_written(tmp_path):
    """A path that is taken needs force; a failure on the way leaves the old file and no other."""
    cloud, path = PointCloud(np.eye(3)), tmp_path / "a.npz"
    path.write_bytes(b"old")
    with pytest.raises(UsageError, match="--force"):
        write_scores(path, cloud, SCORES, RGB)
    with pytest.raises(IndexError):
        write_scores(tmp_path / "a.ply", cloud, SCORES, np.zeros((3, 2)))
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"] and path.read_bytes() == b"old"
    write_scores(path, cloud, SCORES, RGB, force=True)
    assert path.read_bytes() != b"old"
    with pytest.raises(UsageError, match="no folder"):
        write_scores(tmp_path / "no" / "a.ply", cloud, SCORES, RGB)
    with pytest.raises(UsageError, match="use one of ply"):
        write_scores(tmp_path / "a.docx", cloud, SCORES, RGB)


def test_links_stay_links_and_pipes_are_refused(tmp_path):
    """The file that a link names is replaced, not the link; what is no plain file is left alone, force or not."""
    cloud, real, link = PointCloud(np.eye(3)), tmp_path / "real.npz", tmp_path / "link.npz"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_scores(link, cloud, SCORES, RGB, force=True)
    assert link.is_symlink() and real.read_bytes() != b"old"
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(UsageError, match="device or a pipe"):
        write_scores(tmp_path / "pipe.npz", cloud, SCORES, RGB, force=True)
    assert (tmp_path / "pipe.npz").is_fifo()


def test_streams_folders_and_unknown_formats(tmp_path, monkeypatch):
    """A dash reads standard input when the format is said; folders, missing files and other formats are refused."""
    stdin = io.TextIOWrapper(io.BytesIO(b"1 2 3\n4 5 6\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    np.testing.assert_array_equal(read_scan("-", format="xyz").xyz, [[1, 2, 3], [4, 5, 6]])
    with pytest.raises(InputRejected, match="--input-format"):
        read_scan("-")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputRejected, match="standard input: is closed"):
        read_scan("-", format="xyz")
    for path, says in (
        (tmp_path, "no suffix that says its format"),
        (tmp_path / "a.ply", "no such file"),
        ("a.docx", "no scan format"),
    ):
        with pytest.raises(InputRejected, match=says):
            read_scan(path)
    with pytest.raises(InputRejected, match="is a folder"):
        read_scan(tmp_path, format="ply")


def test_sha256(tmp_path):
    """The digest of a file is that of its bytes."""
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223")


@pytest.mark.parametrize("n_faces", [5, 180])
def test_loose_vertices_get_their_own_scores(tmp_path, n_faces):
    """Of points with some faces every one is written with the value found at it, in file order, and the faces stay."""
    points = np.random.default_rng(0).normal(size=(600, 3)).astype("<f4")
    header = "ply\nformat binary_little_endian 1.0\nelement vertex 600\nproperty float x\nproperty float y\n"
    header += f"property float z\nelement face {n_faces}\nproperty list uchar int vertex_indices\nend_header\n"
    faces = np.zeros(n_faces, [("n", "u1"), ("v", "<i4", 3)])
    faces["n"], faces["v"] = 3, np.arange(3 * n_faces).reshape(-1, 3)
    (tmp_path / "in.ply").write_bytes(header.encode() + points.tobytes() + faces.tobytes())
    cloud = read_scan(tmp_path / "in.ply", samples=5000)
    scores = (cloud.xyz[:, 0] > 0).astype(np.float32)
    write_scores(tmp_path / "out.ply", cloud, scores, np.zeros((len(cloud), 3), np.uint8))
    data = (tmp_path / "out.ply").read_bytes()
    assert data.endswith(faces.tobytes())
    fields = [("xyz", "<f4", 3), ("score", "<f4"), ("rgb", "u1", 3)]
    written = np.frombuffer(data.split(b"end_header\n", 1)[1], fields, 600)
    np.testing.assert_array_equal(written["xyz"], points)
    np.testing.assert_allclose(written["score"][3 * n_faces :], points[3 * n_faces :, 0] > 0, atol=1e-4)


def test_regions_stand_beside_the_scores(tmp_path):
    """A ply gets scalar_region, also in place of an old one, an npz regions, a mesh the nearest sample's."""
    xyz = np.random.default_rng(0).random((3, 3))
    regions = np.array([0, 2, 1], np.int32)
    for name in ("a.ply", "a.npz"):
        write_scores(tmp_path / name, PointCloud(xyz), SCORES, RGB, regions=regions)
    assert b"property float scalar_anomaly\nproperty float scalar_region\n" in (tmp_path / "a.ply").read_bytes()
    with np.load(tmp_path / "a.npz") as stored:
        assert stored["regions"].dtype == np.int32 and stored["regions"].tolist() == [0, 2, 1]
    write_scores(tmp_path / "b.ply", read_scan(tmp_path / "a.ply"), SCORES, RGB, regions=regions[::-1])
    data = (tmp_path / "b.ply").read_bytes()
    assert data.count(b"scalar_region") == 1
    rows = np.frombuffer(data.split(b"end_header\n")[1], "<f4,<f4,<f4,<f4,<f4,u1,u1,u1")
    assert rows["f4"].tolist() == [1, 2, 0]
    cloud = mesh_cloud()
    near_first = (np.linalg.norm(cloud.xyz - cloud.mesh.vertices[0], axis=1) < 0.1).astype(np.int32)
    assert regions_to_vertices(cloud, near_first).tolist() == [1] + [0] * (len(cloud.mesh.vertices) - 1)
