"""MVTec 3D-AD and data in its layout."""

import numpy as np
import pytest

from align3d_cli.datasets.registry import open_dataset
from align3d_cli.errors import InputRejected


def scan(height, width, seed=0):
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:height, :width]
    xyz = np.stack([column * 1e-3, row * 1e-3, 0.3 + 1e-3 * rng.random((height, width))], axis=2)
    xyz[0, 0] = 0  # no measurement
    return xyz


@pytest.fixture
def tree(tmp_path, write_tiff, write_image):
    """Two categories of different image size; a mask that encodes the class, a missing one, one with alpha."""
    rng = np.random.default_rng(1)
    for category, (height, width) in {"bagel": (20, 24), "tire": (30, 18)}.items():
        for place in ("train/good/000", "validation/good/000", "test/good/000", "test/hole/000", "test/hole/001"):
            folder, number = (tmp_path / category / place).parent, place[-3:]
            write_tiff(folder / "xyz" / f"{number}.tiff", scan(height, width))
            write_image(folder / "rgb" / f"{number}.png", rng.integers(0, 256, (height, width, 3), np.uint8))
        mask = np.zeros((height, width), np.uint8)
        write_image(tmp_path / category / "test/good/gt/000.png", mask)
        mask[0, :5] = 1
        mask[4:8, 4:9] = 3
        write_image(tmp_path / category / "test/hole/gt/000.png", mask)
    return tmp_path


def test_every_label_is_read_back(tree):
    """Masks are read at every pixel, low class values are defects, invalid pixels keep their label."""
    samples = {s.name: s for s in open_dataset("mvtec3d", tree)}
    assert list(samples) == [
        f"{c}/{p}"
        for c in ("bagel", "tire")
        for p in ("train/good/000", "validation/good/000", "test/good/000", "test/hole/000", "test/hole/001")
    ]
    for category, shape in {"bagel": (20, 24), "tire": (30, 18)}.items():
        labelled = samples[f"{category}/test/hole/000"].load()
        expected = np.zeros(shape, bool)
        expected[0, :5] = expected[4:8, 4:9] = True
        assert labelled.cloud.grid == shape
        assert (labelled.defect.reshape(shape) == expected).all()
        assert not labelled.cloud.valid[0] and labelled.defect[0]
        assert labelled.cloud.valid[1:].all()
        assert not samples[f"{category}/test/good/000"].load().defect.any()


def test_missing_mask_means_all_normal(tree):
    """A defective scan without a mask is anomalous as an object and has no defective point."""
    (sample,) = (s for s in open_dataset("mvtec3d", tree, categories=["tire"]) if s.name.endswith("hole/001"))
    assert sample.anomalous and not sample.load().defect.any()


def test_splits_and_kinds(tree):
    """Train and validation are train, the folder names the defect."""
    samples = open_dataset("mvtec3d", tree, categories=["bagel"])
    assert [s.split for s in samples] == ["train", "train", "test", "test", "test"]
    assert [s.defect for s in samples] == ["good", "good", "good", "hole", "hole"]
    assert [s.anomalous for s in samples] == [False, False, False, True, True]


def test_photograph_gives_the_colours(tree):
    """The rgb image beside the scan colours its points, row by row."""
    from PIL import Image

    sample = open_dataset("mvtec3d", tree, categories=["bagel"], split="train")[0]
    pixels = np.asarray(Image.open(tree / "bagel/train/good/rgb/000.png"))
    assert (sample.load().cloud.colours == pixels.reshape(-1, 3)).all()


def test_scan_without_photograph_has_no_colours(tree):
    """Colour is optional."""
    (tree / "bagel/train/good/rgb/000.png").unlink()
    assert open_dataset("mvtec3d", tree, split="train")[0].load().cloud.colours is None


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_masks_of_any_image_mode(tree, mode):
    """A mask is what is not black, also as palette, colour or 16-bit image; opaque alpha is no defect."""
    from PIL import Image

    expected = np.zeros((20, 24), bool)
    expected[2:5, 3:7] = True
    grey = Image.fromarray(expected.astype(np.uint8) * 255)
    image = Image.fromarray(expected.astype(np.uint16) * 7) if mode == "I;16" else grey.convert(mode)
    image.save(tree / "bagel/test/hole/gt/000.png")
    (sample,) = (s for s in open_dataset("mvtec3d", tree) if s.name == "bagel/test/hole/000")
    assert (sample.load().defect.reshape(20, 24) == expected).all()


@pytest.mark.parametrize("part", ["gt", "rgb"])
def test_images_of_another_size_are_refused(tree, write_image, part):
    """A mask or photograph that is not aligned with the scan is named, not resized."""
    write_image(tree / f"bagel/test/hole/{part}/000.png", np.zeros((10, 12), np.uint8))
    (sample,) = (s for s in open_dataset("mvtec3d", tree) if s.name == "bagel/test/hole/000")
    with pytest.raises(InputRejected, match=r"000\.png.* has 10 x 12 pixels, the scan 20 x 24"):
        sample.load()


def test_real_road_tiles(shared_data):
    """The pothole tiles read as one category `road`: 40 scans, labels where the masks have them."""
    from PIL import Image

    samples = open_dataset("mvtec3d", shared_data / "pothole")
    assert len(samples) == 40 and {s.category for s in samples} == {"road"}
    assert {s.defect for s in samples} == {"good", "pothole"}
    sample = samples[-1]
    labelled = sample.load()
    mask = shared_data / "pothole" / "road/test/pothole/gt" / f"{sample.name.split('/')[-1]}.png"
    assert (labelled.defect.reshape(labelled.cloud.grid) == (np.asarray(Image.open(mask)) > 0)).all()
    assert labelled.cloud.colours is not None and labelled.defect.any()
