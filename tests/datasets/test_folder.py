"""Own folders of scans, with labels in any of the forms they may have."""

import numpy as np
import pytest
import trimesh

from align3d_cli.datasets.registry import open_dataset
from align3d_cli.errors import InputRejected


@pytest.fixture
def tree(tmp_path, write_pcd, write_tiff, surface):
    """A root `parts` with good scans and two kinds of defects, no labels yet."""
    root = tmp_path / "parts"
    write_pcd(root / "good/a.pcd", surface(200, 0)[0])
    write_pcd(root / "dent/a.pcd", surface(200, 1)[0])
    write_pcd(root / "dent/b.pcd", surface(200, 2)[0])
    write_tiff(root / "scratch/c.tiff", np.random.default_rng(0).random((6, 7, 3)) + 1)
    (root / "dent/notes.md").write_text("not a scan")
    return root


def load(root, name):
    (sample,) = (s for s in open_dataset("folder", root) if s.name == f"parts/{name}")
    return sample, sample.load()


def test_folders_are_kinds(tree):
    """Every sub-folder is a kind of defect, all scans are tests, other files are passed over."""
    found = [(s.name, s.split, s.defect, s.point_labels) for s in open_dataset("folder", tree)]
    assert found == [
        ("parts/dent/a.pcd", "test", "dent", False),
        ("parts/dent/b.pcd", "test", "dent", False),
        ("parts/good/a.pcd", "test", "good", True),
        ("parts/scratch/c.tiff", "test", "scratch", False),
    ]


def test_sub_folders_may_be_categories(tree):
    """Above such a folder, every sub-folder that is one becomes a category of its own; the rest is passed over."""
    (tree.parent / "notes").mkdir()
    samples = open_dataset("folder", tree.parent)
    assert {s.category for s in samples} == {"parts"}
    assert len(samples) == 4


@pytest.mark.parametrize("place", ["gt/dent", "GT/dent", "gt", "dent/gt"])
def test_labels_as_array(tree, surface, place):
    """One number a point in .npy, wherever the gt folder is."""
    defect = surface(200, 1)[1]
    (tree / place).mkdir(parents=True)
    np.save(tree / place / "a.npy", defect.astype(np.uint8) * 3)
    sample, labelled = load(tree, "dent/a.pcd")
    assert sample.point_labels and (labelled.defect == defect).all()
    assert [s.point_labels for s in open_dataset("folder", tree)] == [True, False, True, False]


def test_labels_as_rows(tree, surface):
    """Rows x y z label in any order, or the defective points alone."""
    xyz, defect = surface(200, 1)
    (tree / "gt/dent").mkdir(parents=True)
    np.savetxt(tree / "gt/dent/a.txt", np.column_stack([xyz, defect])[::-1])
    xyz_b, defect_b = surface(200, 2)
    np.savetxt(tree / "gt/dent/b.txt", xyz_b[defect_b])
    assert (load(tree, "dent/a.pcd")[1].defect == defect).all()
    assert (load(tree, "dent/b.pcd")[1].defect == defect_b).all()


def test_labels_as_mask(tree, write_image):
    """A mask image for an organised scan; for an unorganised one it is refused."""
    mask = np.zeros((6, 7), np.uint8)
    mask[1:3, 2:5] = 1
    write_image(tree / "gt/scratch/c.png", mask)
    assert (load(tree, "scratch/c.tiff")[1].defect.reshape(6, 7) == (mask > 0)).all()
    write_image(tree / "gt/dent/a.png", mask)
    with pytest.raises(InputRejected, match=r"a\.png.*organised"):
        load(tree, "dent/a.pcd")


def test_labels_of_mesh_vertices(tree):
    """A mesh labelled at its vertices gives its sampled points the label of the nearest vertex."""
    mesh = trimesh.creation.icosphere(subdivisions=3)
    (tree / "gt/dent").mkdir(parents=True)
    mesh.export(tree / "dent/ball.off")
    mesh.export(tree / "dent/ball2.off")
    cap = mesh.vertices[:, 2] > 0.6
    np.save(tree / "gt/dent/ball.npy", cap)
    np.savetxt(tree / "gt/dent/ball2.txt", mesh.vertices[cap])
    for name in ("ball", "ball2"):
        _, labelled = load(tree, f"dent/{name}.off")
        z = labelled.cloud.xyz[:, 2]
        assert labelled.defect[z > 0.75].all() and not labelled.defect[z < 0.45].any()


def test_array_of_another_length_is_refused(tree):
    """Labels for another number of points are named with both numbers."""
    (tree / "gt").mkdir()
    np.save(tree / "gt/a.npy", np.zeros(7, np.uint8))
    with pytest.raises(InputRejected, match="7 labels for 200 points"):
        load(tree, "dent/a.pcd")


def test_arrays_that_would_run_code_are_refused(tree):
    """A pickled array is not opened."""
    (tree / "gt").mkdir()
    np.save(tree / "gt/a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputRejected, match="not an array of numbers"):
        load(tree, "dent/a.pcd")
