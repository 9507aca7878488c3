"""Eyecandies in its native layout and as converted copy."""

import numpy as np
import pytest

from align3d_cli.datasets.registry import open_dataset
from align3d_cli.errors import InputRejected

SIZE = 512
KINDS = ("bumps", "colors", "dents", "normals")


@pytest.fixture
def tree(tmp_path, write_image):
    """One category: two training scans, one of validation, five of the public and one of the private test."""
    ramp = np.arange(SIZE * SIZE).reshape(SIZE, SIZE)  # every pixel its own value, quick to compress
    colours = np.stack([ramp % 251, ramp % 241, ramp // SIZE % 239], axis=2).astype(np.uint8)
    defects = {"00": (), "01": ("bumps",), "02": ("colors",), "03": ("dents", "colors"), "04": ("normals",)}

    def write(folder, number, kinds, labelled=True):
        write_image(folder / f"{number}_depth.png", (ramp % 65500 + 1).astype(np.uint16))
        (folder / f"{number}_info_depth.yaml").write_text("normalization:\n  max: 2.5\n  min: 0.5\n")
        for light in range(2):
            write_image(folder / f"{number}_image_{light}.png", colours + np.uint8(light))
        write_image(folder / f"{number}_normals.png", np.zeros((SIZE, SIZE, 3), np.uint8))
        if not labelled:
            return
        (folder / f"{number}_metadata.yaml").write_text(f"anomalous: {int(bool(kinds))}\n")
        union = np.zeros((SIZE, SIZE), np.uint8)
        for row, kind in enumerate(KINDS):
            mask = np.zeros((SIZE, SIZE), np.uint8)
            if kind in kinds:
                mask[100 * row : 100 * row + 20, 30:60] = 255
            write_image(folder / f"{number}_{kind}_mask.png", mask)
            union |= mask
        write_image(folder / f"{number}_mask.png", union)

    for number in ("000", "001"):
        write(tmp_path / "Confetto/train/data", number, ())
    write(tmp_path / "Confetto/val/data", "000", ())
    for number, kinds in defects.items():
        write(tmp_path / "Confetto/test_public/data", number, kinds)
    write(tmp_path / "Confetto/test_private/data", "000", (), labelled=False)
    return tmp_path


def test_splits_and_kinds(tree):
    """Colour defects carry their own name, mixed ones all names; the unlabelled private test is left out."""
    found = [(s.name, s.split, s.defect) for s in open_dataset("eyecandies", tree)]
    assert found == [
        ("Confetto/train/000", "train", "good"),
        ("Confetto/train/001", "train", "good"),
        ("Confetto/val/000", "train", "good"),
        ("Confetto/test_public/00", "test", "good"),
        ("Confetto/test_public/01", "test", "bumps"),
        ("Confetto/test_public/02", "test", "colors"),
        ("Confetto/test_public/03", "test", "colors+dents"),
        ("Confetto/test_public/04", "test", "normals"),
    ]


def test_points_labels_and_colours(tree):
    """Depth, colours of the image with all lights and the union mask, pixel by pixel."""
    from PIL import Image

    (sample,) = (s for s in open_dataset("eyecandies", tree) if s.name.endswith("03"))
    labelled = sample.load()
    folder = tree / "Confetto/test_public/data"
    values = np.asarray(Image.open(folder / "03_depth.png"))
    depth = values / 65535 * (2.5 - 0.5) + 0.5
    assert labelled.cloud.grid == (SIZE, SIZE)
    assert np.allclose(labelled.cloud.xyz[:, 2].reshape(SIZE, SIZE), depth, atol=1e-12)
    assert (labelled.cloud.colours == np.asarray(Image.open(folder / "03_image_0.png")).reshape(-1, 3)).all()
    assert (labelled.defect.reshape(SIZE, SIZE) == (np.asarray(Image.open(folder / "03_mask.png")) > 0)).all()
    assert labelled.defect.sum() == 2 * 20 * 30


def test_points_go_back_to_their_pixels(tree):
    """The pinhole camera with f = 711.11 and the centre at 256 sends every point back to its column and row."""
    x, y, z = next(iter(open_dataset("eyecandies", tree))).load().cloud.xyz.reshape(SIZE, SIZE, 3).transpose(2, 0, 1)
    row, column = np.mgrid[:SIZE, :SIZE]
    np.testing.assert_allclose(711.11 * x / z + 256, column, atol=1e-9)
    np.testing.assert_allclose(711.11 * y / z + 256, row, atol=1e-9)


def test_depth_of_zero_is_no_measurement(tree):
    """Where the range of the depth begins at 0, pixels of 0 give no point."""
    data = tree / "Confetto/train/data"
    (data / "000_info_depth.yaml").write_text("normalization:\n  max: 2.5\n  min: -0.5\n")
    xyz = next(iter(open_dataset("eyecandies", tree))).load().cloud.xyz
    z = (np.arange(SIZE * SIZE) % 65500 + 1) / 65535 * 3 - 0.5
    np.testing.assert_array_equal(np.isnan(xyz).all(axis=1), z <= 0)


def test_masks_decide_without_metadata(tree):
    """Without the yaml flag the masks say what is wrong, or the union mask that something is."""
    folder = tree / "Confetto/test_public/data"
    for metadata in folder.glob("*_metadata.yaml"):
        metadata.unlink()
    for kind in KINDS:
        (folder / f"04_{kind}_mask.png").unlink()
    kinds = [s.defect for s in open_dataset("eyecandies", tree, split="test")]
    assert kinds == ["good", "bumps", "colors", "colors+dents", "unnamed"]


def test_depth_without_its_range_is_refused(tree):
    """No range, no unit: the scan is named."""
    (tree / "Confetto/train/data/000_info_depth.yaml").write_text("normalization: {max: 2.5}\n")
    with pytest.raises(InputRejected, match=r"000_depth\.png.*normalization"):
        open_dataset("eyecandies", tree)[0].load()


def test_depth_of_eight_bits_is_refused(tree, write_image):
    """A depth image that lost its 16 bits is not taken for one."""
    write_image(tree / "Confetto/train/data/000_depth.png", np.zeros((SIZE, SIZE), np.uint8))
    with pytest.raises(InputRejected, match="16-bit"):
        open_dataset("eyecandies", tree)[0].load()


def test_yaml_in_one_line_is_read(tree):
    """The range may be written in flow style, too."""
    (tree / "Confetto/train/data/000_info_depth.yaml").write_text("normalization: {min: 1.0e+0, max: 1.5}\n")
    z = open_dataset("eyecandies", tree)[0].load().cloud.xyz[:, 2]
    assert z.min() >= 1 and z.max() <= 1.5


def test_converted_copy_reads_as_mvtec(tmp_path, write_tiff, write_image):
    """A copy in MVTec 3D-AD's layout gives the same kind of samples under the name eyecandies."""
    for place in ("train/good", "test/good", "test/bad"):
        write_tiff(tmp_path / "Lollipop" / place / "xyz/000.tiff", np.ones((8, 9, 3)))
        write_image(tmp_path / "Lollipop" / place / "rgb/000.png", np.zeros((8, 9, 3), np.uint8))
    mask = np.zeros((8, 9), np.uint8)
    mask[2, 3:5] = 255
    write_image(tmp_path / "Lollipop/test/bad/gt/000.png", mask)
    samples = open_dataset("eyecandies", tmp_path)
    assert [(s.name, s.defect) for s in samples][1:] == [
        ("Lollipop/test/bad/000", "bad"),
        ("Lollipop/test/good/000", "good"),
    ]
    assert np.flatnonzero(samples[1].load().defect).tolist() == [2 * 9 + 3, 2 * 9 + 4]
