"""Binary glTF as exporters and optimisers write it: quantised, placed by nodes, in several primitives."""

import base64
import io
import json
import struct

import numpy as np
import pytest
from PIL import Image

from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan
from align3d_cli.io.write import write_scores

COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
# a tetrahedron whose corners lie on multiples of 1/127 and more, within [-1, 1]
TETRA = np.array([[-1, -1, -1], [1, 0, -1], [0, 1, -1], [0, 0, 1.0]], "<f4")
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]], "<u2")
MATERIAL = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
IMAGES = {"textures": [{"source": 0}], "images": [{"bufferView": 0, "mimeType": "image/png"}], "materials": MATERIAL}


class Builder:
    """Arrays on their way into one binary chunk; `row` keeps the accessor of each."""

    def __init__(self) -> None:
        self.data, self.views, self.accessors = b"", [], []

    def view(self, data: bytes, **more) -> int:
        """A buffer view of these bytes."""
        self.data += b"\0" * (-len(self.data) % 4)
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)} | more)
        self.data += data
        return len(self.views) - 1

    def row(self, array: np.ndarray, normalized: bool = False, stride: int = 0) -> int:
        """An accessor of this array, rows padded to `stride` bytes."""
        array = array.reshape(len(array), -1)
        rows = [row.tobytes().ljust(stride, b"\0") for row in array]
        view = self.view(b"".join(rows), **({"byteStride": stride} if stride else {}))
        about = {"bufferView": view, "componentType": COMPONENTS[array.dtype.str[1:]], "count": len(array)}
        self.accessors.append(about | {"type": KINDS[array.shape[1]]} | ({"normalized": True} if normalized else {}))
        return len(self.accessors) - 1

    def corners(self, faces: np.ndarray) -> int:
        """An accessor of the corners of these faces, one after the other."""
        return self.row(faces.ravel())

    def file(self, primitives: list[dict], nodes: list[dict] | None = None, **more) -> bytes:
        """The file: a mesh of these primitives, shown by these nodes of which the first is the scene."""
        nodes = nodes or [{"mesh": 0}]
        tree = {"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": nodes}
        tree |= {"meshes": [{"primitives": primitives}], "accessors": self.accessors, "bufferViews": self.views}
        tree |= {"buffers": [{"byteLength": len(self.data)}]} | more
        return packed({name: value for name, value in tree.items() if value is not None}, self.data)


def packed(tree: dict, data: bytes) -> bytes:
    """A binary glTF of one JSON chunk and one binary chunk."""
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def read_bytes(tmp_path, data: bytes, samples: int = 2000):
    """The cloud of a .glb file with these bytes."""
    (tmp_path / "a.glb").write_bytes(data)
    return read_scan(tmp_path / "a.glb", samples=samples)


def tetra(nodes: list[dict] | None = None) -> bytes:
    """The tetrahedron, placed by these nodes."""
    made = Builder()
    return made.file([{"attributes": {"POSITION": made.row(TETRA)}, "indices": made.corners(FACES)}], nodes)


@pytest.mark.parametrize(("kind", "top"), [("i1", 127), ("i2", 32767)])
@pytest.mark.parametrize("stride", [0, 12])
def test_normalised_integers_are_fractions(tmp_path, kind, top, stride):
    """A signed component c stands for c / top, and the lowest one for -1 (glTF 2.0, 3.6.2.2)."""
    made = Builder()
    whole = np.rint(TETRA * top).astype("<" + kind)
    whole[0, 0] = -top - 1
    position = made.row(whole, normalized=True, stride=stride)
    primitive = {"attributes": {"POSITION": position}, "indices": made.corners(FACES)}
    cloud = read_bytes(tmp_path, made.file([primitive], [{"mesh": 0, "scale": [10, 10, 10]}]))
    np.testing.assert_allclose(cloud.mesh.vertices, TETRA * 10.0, atol=1e-6)
    np.testing.assert_array_equal(cloud.mesh.faces, FACES)
    assert cloud.unit == "m"


@pytest.mark.parametrize(("kind", "top"), [("u1", 255), ("u2", 65535)])
def test_unsigned_integers(tmp_path, kind, top):
    """Normalised they are fractions of their highest value; else they are the numbers they are."""
    for normalized in (True, False):
        made = Builder()
        position = made.row(np.rint((TETRA + 1) / 2 * top).astype("<" + kind), normalized)
        data = made.file([{"attributes": {"POSITION": position}, "indices": made.corners(FACES.astype("<u4"))}])
        expected = np.rint((TETRA + 1) / 2 * top) / (top if normalized else 1)
        np.testing.assert_allclose(read_bytes(tmp_path, data).mesh.vertices, expected, rtol=1e-6)


def test_nodes_within_nodes(tmp_path):
    """Scale, then rotation, then translation, the parent's last; a matrix is stored by columns."""
    turn = [0, 0, np.sqrt(0.5), np.sqrt(0.5)]  # a quarter about z: x becomes y
    nodes = [
        {"children": [1, 2], "translation": [100, 0, 0], "rotation": turn},
        {"mesh": 0, "scale": [1, 2, 3], "translation": [5, 0, 0]},
        {"mesh": 0, "matrix": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 7, 1]},
    ]
    cloud = read_bytes(tmp_path, tetra(nodes))
    x, y, z = TETRA.T.astype(float)
    first = np.stack([100 - 2 * y, x + 5, 3 * z], axis=1)
    second = np.stack([100 - 2 * y, 2 * x, 2 * z + 7], axis=1)
    np.testing.assert_allclose(cloud.mesh.vertices, np.concatenate([first, second]), atol=1e-6)
    np.testing.assert_array_equal(cloud.mesh.faces, np.concatenate([FACES, FACES + 4]))


def test_copies_of_one_mesh(tmp_path):
    """EXT_mesh_gpu_instancing places a mesh once for each row of its accessors, within the node."""
    made = Builder()
    primitive = {"attributes": {"POSITION": made.row(TETRA)}, "indices": made.corners(FACES)}
    places = made.row(np.array([[0, 0, 0], [10, 0, 0], [0, 5, 0]], "<f4"))
    sizes = made.row(np.array([[1, 1, 1], [2, 2, 2], [1, 1, 1]], "<f4"))
    copies = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": places, "SCALE": sizes, "_ID": places}}}
    cloud = read_bytes(tmp_path, made.file([primitive], [{"mesh": 0, "translation": [0, 0, 7], "extensions": copies}]))
    moved = np.array([[0, 0, 7], [10, 0, 7], [0, 5, 7]])
    expected = np.concatenate([TETRA + moved[0], 2 * TETRA + moved[1], TETRA + moved[2]])
    np.testing.assert_allclose(cloud.mesh.vertices, expected, atol=1e-6)


def test_mirrored_nodes_keep_their_outside(tmp_path):
    """Normals of a mirrored copy point outwards as those of the mesh itself do."""
    for scale in ([1, 1, 1], [-1, 1, 1], [-1, -1, -1]):
        cloud = read_bytes(tmp_path, tetra([{"mesh": 0, "scale": scale}]))
        middle = cloud.mesh.vertices.mean(axis=0)
        assert (np.einsum("ni,ni->n", cloud.normals, cloud.xyz - middle) > 0).all()


def test_primitives_share_the_vertices_of_one_accessor(tmp_path):
    """Vertices stand once in the map however many primitives name them; others follow in the order of the file."""
    made = Builder()
    shared, own = made.row(TETRA), made.row(TETRA + 4)
    primitives = [
        {"attributes": {"POSITION": shared}, "indices": made.corners(part)} for part in (FACES[:1], FACES[1:])
    ]
    primitives.insert(1, {"attributes": {"POSITION": own}, "indices": made.corners(FACES)})
    cloud = read_bytes(tmp_path, made.file(primitives))
    np.testing.assert_array_equal(cloud.mesh.vertices, np.concatenate([TETRA, TETRA + 4]))
    assert sorted(cloud.mesh.faces.tolist()) == sorted(np.concatenate([FACES, FACES + 4]).tolist())


@pytest.mark.parametrize(
    ("mode", "corners", "faces"),
    [
        (4, [0, 2, 1, 0, 1, 3], [[0, 2, 1], [0, 1, 3]]),
        (5, [0, 1, 2, 3], [[0, 1, 2], [1, 3, 2]]),
        (6, [3, 0, 1, 2], [[0, 1, 3], [1, 2, 3]]),
        (4, None, [[0, 1, 2]]),
        (5, None, [[0, 1, 2], [1, 3, 2]]),
    ],
)
def test_modes_of_primitives(tmp_path, mode, corners, faces):
    """Triangles one by one, in strips and in fans, with and without indices; lines beside them are left out."""
    made = Builder()
    primitive = {"attributes": {"POSITION": made.row(TETRA if mode != 4 or corners else TETRA[:3])}, "mode": mode}
    if corners:
        primitive["indices"] = made.corners(np.array(corners, "<u1"))
    lines = {"attributes": {"POSITION": made.row(TETRA + 9)}, "mode": 1}
    np.testing.assert_array_equal(read_bytes(tmp_path, made.file([primitive, lines])).mesh.faces, faces)


def test_points_alone_are_a_cloud(tmp_path):
    """A file of points gives them in order, with their colours."""
    made = Builder()
    rgba = np.array([[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [9, 9, 9, 255]], "u1")
    attributes = {"POSITION": made.row(TETRA), "COLOR_0": made.row(rgba, normalized=True)}
    cloud = read_bytes(tmp_path, made.file([{"attributes": attributes, "mode": 0}]))
    assert cloud.mesh is None and cloud.unit == "m"
    np.testing.assert_array_equal(cloud.xyz, TETRA)
    np.testing.assert_array_equal(cloud.colours, rgba[:, :3])


def test_sparse_rows_replace_those_they_name(tmp_path):
    """A sparse accessor takes some rows from elsewhere."""
    made = Builder()
    position = made.row(TETRA)
    rows, values = made.view(np.array([1, 3], "<u2").tobytes()), made.view(np.full((2, 3), 0.5, "<f4").tobytes())
    indices = {"bufferView": rows, "componentType": 5123}
    made.accessors[position]["sparse"] = {"count": 2, "indices": indices, "values": {"bufferView": values}}
    data = made.file([{"attributes": {"POSITION": position}, "indices": made.corners(np.array([0, 1, 2], "<u2"))}])
    expected = TETRA.copy()
    expected[[1, 3]] = 0.5
    np.testing.assert_array_equal(read_bytes(tmp_path, data).mesh.vertices, expected)


def png() -> bytes:
    """Red and green above blue and grey."""
    stream = io.BytesIO()
    pixels = [[[200, 0, 0], [0, 200, 0]], [[0, 0, 200], [50, 50, 50]]]
    Image.fromarray(np.array(pixels, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], "<f4")
TOP_LEFT = np.array([[0, 0.5], [0.5, 0.5], [0.5, 0], [0, 0]], "<f4")  # v runs down in glTF


def textured(uv: np.ndarray, normalized: bool = False, **more) -> bytes:
    """A square with a texture."""
    made = Builder()
    made.view(png())
    attributes = {"POSITION": made.row(SQUARE), "TEXCOORD_0": made.row(uv, normalized)}
    indices = made.row(np.array([0, 1, 2, 0, 2, 3], "<u1"))
    return made.file([{"attributes": attributes, "indices": indices, "material": 0}], **(IMAGES | more))


def test_texture_coordinates(tmp_path):
    """As floats, as normalised integers, and moved and scaled by KHR_texture_transform; tinted by the base colour."""
    whole = textured(np.rint(TOP_LEFT * 65535).astype("<u2"), normalized=True)
    moved = {"offset": [0.5, 0.5], "scale": [0.25, 0.25]}
    look = {"baseColorTexture": {"index": 0, "extensions": {"KHR_texture_transform": moved}}}
    for data, colour in (
        (textured(TOP_LEFT), [200, 0, 0]),
        (whole, [200, 0, 0]),
        (textured(TOP_LEFT, materials=[{"pbrMetallicRoughness": look}]), [50, 50, 50]),
        (
            textured(TOP_LEFT, materials=[{"pbrMetallicRoughness": look | {"baseColorFactor": [0.5, 1, 0, 1]}}]),
            [25, 50, 0],
        ),
    ):
        colours = read_bytes(tmp_path, data).colours
        assert (colours == colour).all(axis=1).mean() > 0.98, "but for the seam"


def test_pictures_in_the_description_and_beside_the_file(tmp_path):
    """A picture may be written into the description or lie beside the file; a lost one costs the colours only."""
    (tmp_path / "red skin.png").write_bytes(png())
    inline = "data:image/png;base64," + base64.b64encode(png()).decode()
    for uri, coloured in ((inline, True), ("red%20skin.png", True), ("gone.png", False), ("../a.png", False)):
        cloud = read_bytes(tmp_path, textured(TOP_LEFT, images=[{"uri": uri}]))
        assert (cloud.colours is not None) == coloured and len(cloud.mesh.faces) == 2


@pytest.mark.parametrize("suffix", ["ply", "glb"])
def test_the_heat_map_lies_on_the_part(tmp_path, suffix):
    """Same place, size, rows and faces as the scene, whatever its nodes do."""
    nodes = [{"children": [1, 2], "scale": [0.01, 0.01, 0.01]}, {"mesh": 0}, {"mesh": 0, "translation": [5000, 0, 3]}]
    cloud = read_bytes(tmp_path, tetra(nodes))
    nothing = np.zeros(len(cloud), np.float32), np.zeros((len(cloud), 3), np.uint8)
    write_scores(tmp_path / f"out.{suffix}", cloud, *nothing)
    back = read_scan(tmp_path / f"out.{suffix}", samples=100)
    np.testing.assert_allclose(back.mesh.vertices, cloud.mesh.vertices, atol=1e-5)
    np.testing.assert_array_equal(back.mesh.faces, cloud.mesh.faces)
    assert back.unit == "m"


def test_files_without_scenes_show_their_roots(tmp_path):
    """Then every node that hangs on no other is shown; what a scene leaves out is not."""
    nodes = [{"mesh": 0}, {"children": [0], "scale": [2, 2, 2]}, {"mesh": 0, "translation": [9, 9, 9]}]
    made = Builder()
    primitives = [{"attributes": {"POSITION": made.row(TETRA)}, "indices": made.corners(FACES)}]
    assert len(read_bytes(tmp_path, made.file(primitives, nodes)).mesh.vertices) == 4
    shown = read_bytes(tmp_path, made.file(primitives, nodes, scenes=None, scene=None))
    np.testing.assert_array_equal(shown.mesh.vertices, np.concatenate([2 * TETRA, TETRA + 9]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"nodes": [{"children": [0]}]}, "node 0 hangs on more than one other"),
        ({"nodes": [{"mesh": 7}]}, "the glTF description is damaged"),
        ({"nodes": [{"mesh": -1}]}, "the glTF description is damaged"),
        ({"nodes": [{"mesh": 0, "scale": "big"}]}, "the glTF description is damaged"),
        ({"scenes": [{"nodes": [5]}]}, "the glTF description is damaged"),
        ({"buffers": [{"uri": "far.bin"}]}, "its data lie in 'far.bin', which is not beside it"),
        ({"scenes": [{"nodes": []}]}, "holds neither faces nor points"),
        ({"extensionsRequired": ["EXT_meshopt_compression"]}, "compressed with EXT_meshopt_compression"),
    ],
)
def test_damaged_descriptions(tmp_path, change, says):
    """One line with the file's name, and what is wrong with it."""
    made = Builder()
    data = made.file([{"attributes": {"POSITION": made.row(TETRA)}, "indices": made.corners(FACES)}], **change)
    with pytest.raises(InputRejected) as caught:
        read_bytes(tmp_path, data)
    assert says in str(caught.value) and "a.glb" in str(caught.value) and "\n" not in str(caught.value)


def test_false_numbers(tmp_path):
    """Corners that are not there, and rows past the end of their bytes, are refused with their figures."""
    made = Builder()
    primitive = {"attributes": {"POSITION": made.row(TETRA)}, "indices": made.corners(FACES + 1)}
    with pytest.raises(InputRejected, match="a face names vertex 4, the file has 0 to 3"):
        read_bytes(tmp_path, made.file([primitive]))
    made.accessors[0]["count"] = 5
    with pytest.raises(InputRejected, match="5 items needs 60 bytes, its buffer view has 48"):
        read_bytes(tmp_path, made.file([primitive]))
