"""MulSen-AD: meshes whose vertices are the points, label files that list the anomalous points alone."""

import numpy as np
import pytest
import trimesh

from align3d_cli.datasets.registry import open_dataset
from align3d_cli.errors import InputRejected


def ball(seed):
    rng = np.random.default_rng(seed)
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=20)
    mesh.apply_translation(rng.uniform(-5, 5, 3))
    return mesh


def stored(mesh):
    """Vertices as an stl file keeps them, and which are in the cap that is the defect."""
    vertices = mesh.vertices.astype(np.float32).astype(np.float64)
    return vertices, vertices[:, 2] > vertices[:, 2].max() - 6


@pytest.fixture
def tree(tmp_path):
    """One category: training, good and two kinds of defects; rows with and without further columns."""
    for number, place in enumerate(("train", "test/good", "test/hole", "test/color")):
        for scan in (0, 1, 10):
            path = tmp_path / "capsule/Pointcloud" / place / f"{scan}.stl"
            path.parent.mkdir(parents=True, exist_ok=True)
            mesh = ball(10 * number + scan)
            mesh.export(path)
            if "hole" in place or (place == "test/color" and scan == 10):
                vertices, cap = stored(mesh)
                rows = np.column_stack([vertices[cap], np.ones((cap.sum(), 2))]) if scan else vertices[cap]
                gt = tmp_path / "capsule/Pointcloud/GT" / place.split("/")[1] / f"{scan}.txt"
                gt.parent.mkdir(parents=True, exist_ok=True)
                np.savetxt(gt, rows[::-1], delimiter=",", fmt="%.6f")
    table = tmp_path / "capsule/RGB/GT/color/data.csv"
    table.parent.mkdir(parents=True)
    table.write_text("object,label1,label2,label3\n0,1,0,0\n1,1,0,0\n10,1,0,1\n")
    return tmp_path


def samples_of(root):
    return {s.name: s for s in open_dataset("mulsen", root)}


def test_every_label_is_read_back(tree):
    """The points are the distinct vertices; exactly those listed are defective."""
    samples = samples_of(tree)
    for number, scan in ((0, 0), (1, 1), (2, 10)):
        vertices, cap = stored(ball(20 + scan))
        labelled = samples[f"capsule/test/hole/{scan}"].load()
        assert len(labelled.cloud) == len(vertices) and labelled.defect.sum() == cap.sum(), number
        expected = {tuple(v) for v in np.round(vertices[cap], 4)}
        assert {tuple(v) for v in np.round(labelled.cloud.xyz[labelled.defect], 4)} == expected
        assert not samples[f"capsule/test/good/{scan}"].load().defect.any()
        assert not samples[f"capsule/train/{scan}"].load().defect.any()


def test_faces_follow_the_points(tree):
    """The mesh keeps its surface: the faces' area does not change when vertices become points."""
    cloud = samples_of(tree)["capsule/train/0"].load().cloud
    area = trimesh.Trimesh(cloud.mesh.vertices, cloud.mesh.faces).area
    assert area == pytest.approx(ball(0).area, rel=1e-5)
    assert (cloud.mesh.vertices == cloud.xyz).all()


def test_scan_order_and_normal_scans_of_a_defect_folder(tree):
    """10 comes after 1; a scan whose defect the table says is not in 3D is good, the others keep their kind."""
    found = [(s.name, s.defect) for s in open_dataset("mulsen", tree, split="test")]
    assert found == [
        ("capsule/test/color/0", "good"),
        ("capsule/test/color/1", "good"),
        ("capsule/test/color/10", "color"),
        *((f"capsule/test/good/{n}", "good") for n in (0, 1, 10)),
        *((f"capsule/test/hole/{n}", "hole") for n in (0, 1, 10)),
    ]


def test_table_without_numbers_goes_by_order(tree):
    """Rows that name no scan are taken in the order of the scans."""
    (tree / "capsule/RGB/GT/color/data.csv").write_text("object,a,b,c\ncapsule,1,0,0\ncapsule,1,0,0\ncapsule,1,0,1\n")
    kinds = {s.name: s.defect for s in open_dataset("mulsen", tree)}
    assert [kinds[f"capsule/test/color/{n}"] for n in (0, 1, 10)] == ["good", "good", "color"]


def test_missing_labels_are_refused(tree):
    """Without table and label file a defective scan is an error of that scan."""
    (tree / "capsule/RGB/GT/color/data.csv").unlink()
    sample = samples_of(tree)["capsule/test/color/0"]
    assert sample.defect == "color"
    with pytest.raises(InputRejected, match=r"0\.stl.*no label file"):
        sample.load()


def test_coarse_meshes_are_sampled(tree):
    """A box of eight vertices gives points of its faces, labelled like their nearest corner."""
    path = tree / "capsule/Pointcloud/test/hole/0.stl"
    trimesh.creation.box((10, 10, 10)).export(path)
    (tree / "capsule/Pointcloud/GT/hole/0.txt").write_text("5,5,5\n5,-5,5\n")
    labelled = samples_of(tree)["capsule/test/hole/0"].load()
    x, z = labelled.cloud.xyz[:, 0], labelled.cloud.xyz[:, 2]
    assert len(labelled.cloud) > 10_000
    assert (labelled.defect == ((x > 0) & (z > 0))).all()
