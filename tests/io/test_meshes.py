"""Meshes sampled to points."""

import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

CUBE_OBJ = """
v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0 0 1\nv 1 0 1\nv 1 1 1\nv 0 1 1
f 1 4 3 2\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8
"""


def binary_stl(triangles: np.ndarray) -> bytes:
    """(F, 3, 3) corners as binary STL."""
    rows = b"".join(struct.pack("<3f9fH", 0, 0, 0, *triangle.ravel(), 0) for triangle in triangles)
    return b"made here".ljust(80) + struct.pack("<I", len(triangles)) + rows


def off_cube() -> str:
    """The cube as OFF."""
    lines = CUBE_OBJ.split("\n")
    vertices = [line[2:] for line in lines if line.startswith("v")]
    faces = ["4 " + " ".join(str(int(i) - 1) for i in line[2:].split()) for line in lines if line.startswith("f")]
    return "\n".join(["OFF", f"{len(vertices)} {len(faces)} 0", *vertices, *faces, ""])


def on_unit_cube(xyz: np.ndarray) -> bool:
    """All points on the surface of the unit cube, and about as many on each of its sides."""
    sides = [np.isclose(xyz[:, axis], value).sum() for axis in range(3) for value in (0, 1)]
    return sum(sides) >= len(xyz) and max(sides) - min(sides) <= 0.02 * len(xyz)


@pytest.mark.parametrize("name", ["cube.obj", "cube.off"])
def test_samples_cover_the_surface_by_area(tmp_path, name):
    """Points lie on the surface, evenly, with the normals of their faces; the mesh comes along."""
    (tmp_path / name).write_text(CUBE_OBJ if name.endswith("obj") else off_cube())
    cloud = read_scan(tmp_path / name, samples=6000)
    assert len(cloud) == 6000 and on_unit_cube(cloud.xyz)
    assert cloud.mesh.vertices.shape == (8, 3) and cloud.mesh.faces.shape == (12, 3)
    outwards = np.einsum("ij,ij->i", cloud.normals, cloud.xyz - 0.5)
    np.testing.assert_allclose(outwards, 0.5, atol=1e-6)
    assert cloud.colours is None


def test_same_seed_same_samples(tmp_path):
    """The draw depends on the seed and on nothing else."""
    (tmp_path / "cube.obj").write_text(CUBE_OBJ)
    first, again, other = (read_scan(tmp_path / "cube.obj", samples=100, seed=s).xyz for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_binary_stl(tmp_path):
    """A binary STL gives its triangles, with corners at one place joined."""
    triangles = np.array([[[0, 0, 0], [2, 0, 0], [2, 2, 0]], [[0, 0, 0], [2, 2, 0], [0, 2, 0]]], float)
    (tmp_path / "square.STL").write_bytes(binary_stl(triangles))
    cloud = read_scan(tmp_path / "square.STL", samples=500)
    assert cloud.mesh.vertices.shape == (4, 3)
    np.testing.assert_allclose(cloud.xyz.mean(axis=0), [1, 1, 0], atol=0.05)


def test_texture_gives_the_colours(tmp_path):
    """An OBJ with a two-coloured texture gives red points on the left half and blue ones on the right, top is up."""
    Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]], [[0, 255, 0], [9, 9, 9]]], np.uint8)).save(tmp_path / "t.png")
    (tmp_path / "m.mtl").write_text("newmtl paint\nmap_Kd t.png\n")
    (tmp_path / "s.obj").write_text(
        "mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
        "usemtl paint\nf 1/1 2/2 3/3\nf 1/1 3/3 4/4\n"
    )
    cloud = read_scan(tmp_path / "s.obj", samples=400)
    left, top = cloud.xyz[:, 0] < 0.5, cloud.xyz[:, 1] > 0.5
    for where, colour in ((left & top, (255, 0, 0)), (~left & top, (0, 0, 255)), (left & ~top, (0, 255, 0))):
        assert (cloud.colours[where] == colour).all() and where.sum() > 50


@pytest.mark.parametrize(
    "material", ["mtllib gone.mtl", "mtllib ../../../etc/passwd", "mtllib http://example.com/m.mtl"]
)
def test_missing_materials_cost_the_colours_only(tmp_path, material):
    """Materials that are not beside the file are left out; nothing else is opened."""
    (tmp_path / "cube.obj").write_text(f"{material}\nusemtl paint\n{CUBE_OBJ}")
    assert on_unit_cube(read_scan(tmp_path / "cube.obj", samples=3000).xyz)


def test_vertex_colours_blend_over_faces(tmp_path):
    """Colours of vertices are blended over their faces."""
    rows = ["v 0 0 0 1 0 0", "v 1 0 0 0 1 0", "v 0 1 0 0 0 1", "f 1 2 3"]
    (tmp_path / "t.obj").write_text("\n".join(rows))
    cloud = read_scan(tmp_path / "t.obj", samples=200)
    expected = np.stack([1 - cloud.xyz[:, 0] - cloud.xyz[:, 1], cloud.xyz[:, 0], cloud.xyz[:, 1]], axis=1) * 255
    np.testing.assert_allclose(cloud.colours, expected, atol=1)


def test_vertices_without_faces_are_the_points(tmp_path):
    """A mesh file with vertices only is a point cloud."""
    (tmp_path / "p.obj").write_text("v 0 0 0\nv 1 2 3\nv 4 5 6\n")
    (tmp_path / "p.off").write_text("OFF\n3 0 0\n0 0 0\n1 2 3\n4 5 6\n")
    np.testing.assert_array_equal(read_scan(tmp_path / "p.off").xyz, read_scan(tmp_path / "p.obj").xyz)
    cloud = read_scan(tmp_path / "p.obj")
    np.testing.assert_array_equal(cloud.xyz, [[0, 0, 0], [1, 2, 3], [4, 5, 6]])
    assert cloud.mesh is None


def glb(tree: dict, data: bytes = b"") -> bytes:
    """A binary glTF of one JSON chunk and one buffer."""
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    chunk = struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(chunk), len(text), 0x4E4F534A) + text + chunk


def triangle_scene(nodes: list[dict], count: int = 3) -> dict:
    """A scene that places one triangle at every node."""
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(nodes)))}],
        "nodes": nodes,
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": count, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36}],
    }


TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()


def test_scenes_become_one_mesh(tmp_path):
    """Every node places its copy; lengths are metres, as glTF says."""
    nodes = [{"mesh": 0}, {"mesh": 0, "translation": [0, 0, 5], "scale": [2, 2, 2]}]
    (tmp_path / "s.glb").write_bytes(glb(triangle_scene(nodes), TRIANGLE))
    cloud = read_scan(tmp_path / "s.glb", samples=1000)
    assert cloud.unit == "m" and cloud.mesh.faces.shape == (2, 3)
    assert (cloud.xyz[:, 2] > 4).sum() == pytest.approx(800, abs=2)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.stl", binary_stl(np.ones((2, 3, 3)))[:-20], "cut off"),
        ("a.stl", b"x" * 80 + struct.pack("<I", 4_000_000_000), "cannot hold them"),
        ("a.stl", b"STL\0\1\2", "too few"),
        ("a.stl", b"", "empty"),
        ("a.stl", binary_stl(np.zeros((3, 3, 3))), "no surface"),
        ("a.stl", binary_stl(np.full((3, 3, 3), np.nan)), "a.stl"),
        ("a.stl", b"solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0", "a.stl"),
        ("a.off", b"OFF\n1000000000000 3 0\n", "cannot hold them"),
        ("a.off", b"OFF\n900 900 0\n0 0 0\n", "cannot hold"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 9\n", "a.off"),
        ("a.off", b"OFF", "no vertex and face counts"),
        ("a.obj", b"hello\n", "a.obj"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "a.obj"),
        ("a.obj", b"v 0 0\0", "binary data"),
        ("a.glb", b"glTF", "does not begin"),
        ("a.glb", glb(triangle_scene([{"mesh": 0}]), TRIANGLE)[:-8], "cut off"),
        ("a.glb", glb(triangle_scene([{"mesh": 0}], 10**12), TRIANGLE), "more than the"),
        ("a.glb", glb(triangle_scene([{"mesh": 0}], 3000), TRIANGLE), "a.glb"),
        ("a.glb", glb(triangle_scene([{"mesh": 0}]) | {"extensionsRequired": ["KHR_draco_mesh_compression"]}), "draco"),
    ],
)
def test_damaged_meshes_are_refused_in_one_line(tmp_path, name, data, says):
    """Cut, false, empty or compressed files give one line with the file's name and what is wrong."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputRejected) as caught:
        read_scan(tmp_path / name)
    assert says in str(caught.value) and name in str(caught.value) and "\n" not in str(caught.value)


def test_meshes_are_read_without_heavy_libraries(tmp_path):
    """No mesh without pictures needs trimesh, scipy, Pillow or torch."""
    (tmp_path / "a.obj").write_text(CUBE_OBJ)
    (tmp_path / "a.off").write_text(off_cube())
    (tmp_path / "a.stl").write_bytes(binary_stl(np.random.default_rng(0).random((9, 3, 3))))
    (tmp_path / "a.glb").write_bytes(glb(triangle_scene([{"mesh": 0}]), TRIANGLE))
    code = "import sys\nfrom align3d_cli.io.read import read_scan\n"
    code += "for kind in ('obj', 'off', 'stl', 'glb'): read_scan(f'a.{kind}')\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not {"trimesh", "scipy", "PIL", "torch"} & set(done.stdout.split())


def test_a_surface_without_area_does_not_spoil_the_others(tmp_path):
    """One material of faces that have no area is left out of the samples, not the whole mesh."""
    Image.new("RGB", (2, 2), (200, 0, 0)).save(tmp_path / "t.png")
    (tmp_path / "m.mtl").write_text("newmtl paint\nmap_Kd t.png\n")
    (tmp_path / "c.obj").write_text(f"mtllib m.mtl\n{CUBE_OBJ}\nvt 0 0\nusemtl paint\nf 1/1 1/1 2/1\n")
    cloud = read_scan(tmp_path / "c.obj", samples=3000)
    assert on_unit_cube(cloud.xyz) and len(cloud.mesh.faces) == 13


def test_real_scans_have_their_texture(shared_data):
    """A textured scan gives 200 000 coloured points within its bounds, in metres."""
    cloud = read_scan(shared_data / "ycb/004_sugar_box.glb")
    assert len(cloud) == 200_000 and cloud.unit == "m"
    assert (cloud.xyz.min(axis=0) >= cloud.mesh.vertices.min(axis=0) - 1e-9).all()
    yellow = (cloud.colours[:, 0] > 150) & (cloud.colours[:, 1] > 150)
    assert yellow.mean() > 0.4, "the box is yellow and white"
