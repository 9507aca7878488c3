"""3D-ADAM and MiniShift in their layouts."""

import numpy as np
import pytest

from align3d_cli.datasets.registry import open_dataset
from align3d_cli.errors import InputRejected


def test_3d_adam_has_its_masks_in_ground_truth(tmp_path, write_tiff, write_image):
    """The layout of MVTec 3D-AD otherwise; names carry a letter, kinds an underscore."""
    xyz = np.dstack([*np.mgrid[:20, :24], np.full((20, 24), 5.0)])
    mask = np.zeros((20, 24), np.uint8)
    mask[4:8, 4:9] = 255
    for place in ("train/good", "test/good", "test/under_extrusion"):
        write_tiff(tmp_path / "ADAM3D/helicalgear1" / place / "xyz/001_C.tiff", xyz)
        write_image(tmp_path / "ADAM3D/helicalgear1" / place / "rgb/001_C.png", np.zeros((20, 24, 3), np.uint8))
    write_image(tmp_path / "ADAM3D/helicalgear1/test/under_extrusion/ground_truth/001_C.png", mask)
    samples = {s.name: s for s in open_dataset("3d-adam", tmp_path)}
    assert [s.defect for s in samples.values()] == ["good", "good", "under_extrusion"]
    labelled = samples["helicalgear1/test/under_extrusion/001_C"].load()
    assert (labelled.defect.reshape(20, 24) == (mask > 0)).all() and labelled.cloud.colours is not None


@pytest.mark.parametrize("separator", [" ", ","])
def test_minishift_has_its_labels_in_the_last_column(tmp_path, surface, separator):
    """`<category>/test/<kind>/*.txt`, rows x y z label; a good scan may have no label."""
    xyz, defect = surface(400)
    for place, rows in {
        "train/good/0": xyz,
        "test/good/1": np.column_stack([xyz, np.zeros(400)]),
        "test/scratch/2": np.column_stack([xyz, defect]),
    }.items():
        path = tmp_path / "MiniShift/Capsule" / f"{place}.txt"
        path.parent.mkdir(parents=True)
        np.savetxt(path, rows, delimiter=separator)
    samples = open_dataset("minishift", tmp_path)
    assert [(s.name, s.split, s.defect) for s in samples] == [
        ("Capsule/train/good/0", "train", "good"),
        ("Capsule/test/good/1", "test", "good"),
        ("Capsule/test/scratch/2", "test", "scratch"),
    ]
    found = [sample.load() for sample in samples]
    np.testing.assert_allclose(found[2].cloud.xyz, xyz)
    assert (found[2].defect == defect).all() and not found[0].defect.any() and not found[1].defect.any()


@pytest.mark.parametrize(("text", "finding"), [("", "holds no rows"), ("1 2 3\n4 5 6\n", "has 3 columns, x y z label")])
def test_minishift_scans_without_labels_are_named(tmp_path, text, finding):
    """A defective scan whose defect nobody marked is not all good."""
    path = tmp_path / "Capsule/test/scratch/2.txt"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (sample,) = open_dataset("minishift", tmp_path)
    with pytest.raises(InputRejected, match=finding):
        sample.load()
