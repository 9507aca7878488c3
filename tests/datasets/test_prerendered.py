"""Pre-rendered roots: the scans, the authors' pictures of them, and which pixel shows which point."""

import json

import numpy as np
import pytest

from align3d_cli.datasets.registry import open_dataset
from align3d_cli.errors import InputRejected

from ..prerendered_root import (
    HEIGHT,
    SIDE,
    VIEWS,
    WIDTH,
    put_image,
    put_manifest,
    put_pcd,
    put_scan,
    put_views,
    resized,
)

SCANS = (("good", "000"), ("hole", "000"), ("hole", "001"))


@pytest.fixture
def root(tmp_path):
    """A class with three scans; its correspondences beside it."""
    rng = np.random.default_rng(0)
    places = {scan: put_scan(tmp_path, "carrot", *scan, rng) for scan in SCANS}
    return tmp_path, places


def by_name(root, **options):
    return {sample.name: sample for sample in open_dataset("prerendered", root, **options)}


def views_of(sample):
    return sample.given(sample.load().cloud)


def test_scans_labels_and_colours_are_those_of_the_folders(root):
    """Kind by folder, labels above 0 of the mask, colours of the photograph, zeros are no measurement."""
    samples = by_name(root[0])
    assert [(s.name, s.split, s.defect) for s in samples.values()] == [
        ("carrot/test/good/000", "test", "good"),
        ("carrot/test/hole/000", "test", "hole"),
        ("carrot/test/hole/001", "test", "hole"),
    ]
    labelled = samples["carrot/test/hole/000"].load()
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[10:14, 10:14] = True
    assert labelled.cloud.grid == (HEIGHT, WIDTH)
    assert (labelled.defect == expected.ravel()).all()
    assert labelled.cloud.valid.sum() == (HEIGHT - 4) * WIDTH and labelled.cloud.colours is not None
    assert not samples["carrot/test/good/000"].load().defect.any()


def test_rows_of_correspondences_belong_to_the_listed_points_in_their_order(root):
    """Row i of view_k_cor.npy is point nonzero_indices[i] of the scan resized to a picture: x is the column."""
    folder, places = root
    sample = by_name(folder)["carrot/test/hole/001"]
    cloud = sample.load().cloud
    given = sample.given(cloud)
    drawn = np.load(folder / "carrot/test/hole/2d_3d_cor/001/nonzero_indices.npy")
    assert (given.index == drawn).all() and given.n_points == SIDE * SIDE and given.grid == (SIDE, SIDE)
    assert (given.rows == resized(HEIGHT, WIDTH).ravel()[drawn]).all()
    assert (given.xyz == cloud.xyz[given.rows]).all() and np.isfinite(given.xyz).all()
    x, y, visible = np.moveaxis(places["hole", "001"], 2, 0)
    assert (given.pixel_of_point == y * SIDE + x).all() and (given.visible == (visible > 0)).all()


def test_pictures_come_in_lexical_order_and_masks_above_one_half(root):
    """View k of every folder is the same view; 128 of 255 is a defect, 127 is none."""
    given = views_of(by_name(root[0])["carrot/test/hole/000"])
    assert given.pictures[:, 0, 0, 0].tolist() == [10 + k for k in range(VIEWS)]
    assert given.coloured[:, 0, 0, 0].tolist() == [100 + k for k in range(VIEWS)]
    assert given.masks.sum(axis=(1, 2)).tolist() == [3] * VIEWS
    assert all(given.masks[k, k, :3].all() for k in range(VIEWS))
    assert given.preset == "mvtec"


@pytest.mark.parametrize("name", ["carrot_meta.json", "all_meta.json"])
def test_a_manifest_says_which_scans_count_wherever_its_author_kept_them(root, name):
    """What follows the class's last folder in a path is below the class here; scans that it does not name are out."""
    folder, _ = root
    everything = by_name(folder)
    put_manifest(folder, "carrot", SCANS[:2], name)
    samples = by_name(folder)
    assert list(samples) == ["carrot/test/good/000", "carrot/test/hole/000"]
    for name, sample in samples.items():
        mine, plain = sample.load(), everything[name].load()
        np.testing.assert_array_equal(mine.cloud.xyz, plain.cloud.xyz)
        assert (mine.defect == plain.defect).all() and sample.defect == everything[name].defect
        assert (views_of(sample).pixel_of_point == views_of(everything[name]).pixel_of_point).all()


def test_a_manifest_of_other_classes_leaves_the_folders_alone(root):
    """all_meta.json may lack a class that was rendered later."""
    put_manifest(root[0], "bagel", SCANS, "all_meta.json")
    assert len(by_name(root[0])) == 3


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", '{"test": {"carrot": [{"cls_name": "carrot"}]}}', '{"test": {"carrot": [3]}}']
)
def test_a_damaged_manifest_is_named(root, text):
    """It is not passed over: without it other scans would count."""
    (root[0] / "carrot_meta.json").write_text(text)
    with pytest.raises(InputRejected, match=r"carrot_meta\.json: is no manifest of scans .*; restore it, or remove it"):
        by_name(root[0])


def test_a_manifest_whose_paths_do_not_name_the_class_is_named(root):
    """Nothing says where such a path would lie here."""
    put_manifest(root[0], "carrot", SCANS)
    path = root[0] / "carrot_meta.json"
    path.write_text(path.read_text().replace("/carrot/test", "/karotte/test").replace("author/carrot", "author"))
    with pytest.raises(InputRejected, match="does not lie in a folder carrot"):
        by_name(root[0])


def test_eyecandies_drops_a_leading_zero(tmp_path):
    """`rgb/07.png` and `2d_rendering/07` belong to `pcd/7.pcd`, which holds the drawn points of the grid alone."""
    rng, folder = np.random.default_rng(1), tmp_path / "Confetto/test/anomaly"
    drawn = np.sort(rng.choice(SIDE * SIDE, 200, replace=False))
    xyz = rng.random((200, 3)).astype(np.float32)
    marked = np.arange(200) < 20
    put_pcd(folder / "pcd/7.pcd", xyz, np.full(200, 0.7))
    put_pcd(folder / "gt_pcd/7.pcd", xyz, np.where(marked, 0.6, 0.4))
    photograph = rng.integers(0, 256, (2 * SIDE, 2 * SIDE, 3))
    put_image(folder / "rgb/07.png", photograph)
    put_views(folder, "07", drawn, rng)
    (sample,) = by_name(tmp_path).values()
    labelled = sample.load()
    assert sample.name == "Confetto/test/anomaly/7" and labelled.cloud.grid == (SIDE, SIDE)
    assert (np.flatnonzero(labelled.cloud.valid) == drawn).all()
    np.testing.assert_array_equal(labelled.cloud.xyz[drawn], xyz)
    assert (np.flatnonzero(labelled.defect) == drawn[:20]).all()
    assert (labelled.cloud.colours == photograph[::2, ::2].reshape(-1, 3)).all()
    given = sample.given(labelled.cloud)
    assert (given.rows == drawn).all() and given.preset == "eyecandies"


def test_real3d_labels_are_colours_and_every_point_is_drawn(tmp_path):
    """A root of scans without grid lists no points: row i is point i. Colours above one half are defects."""
    rng, folder = np.random.default_rng(2), tmp_path / "shell/test/anomaly"
    xyz = rng.random((SIDE * SIDE, 3)).astype(np.float32)
    put_pcd(folder / "pcd/012_bulge.pcd", xyz, np.full(len(xyz), 0.7))
    put_pcd(folder / "gt_pcd/012_bulge.pcd", xyz, np.where(np.arange(len(xyz)) < 30, 1.0, 0.0))
    places = put_views(folder, "012_bulge", xyz, rng, nonzero=False)
    (sample,) = by_name(tmp_path).values()
    labelled = sample.load()
    assert labelled.cloud.grid is None and labelled.cloud.colours is None
    assert (labelled.defect == (np.arange(len(xyz)) < 30)).all()
    given = sample.given(labelled.cloud)
    assert given.grid is None and given.preset == "real3d" and (given.rows == np.arange(len(xyz))).all()
    assert (given.pixel_of_point == places[:, :, 1] * SIDE + places[:, :, 0]).all()
    (folder / "gt_pcd/012_bulge.pcd").unlink()
    (sample,) = by_name(tmp_path).values()
    with pytest.raises(InputRejected, match=r"012_bulge\.pcd: no label file"):
        sample.load()


def test_cogeoad_keeps_both_pictures_in_one_folder_and_its_first_nine_views_count(tmp_path):
    """uni_view_k.png is grey, rgb_view_k.png coloured; of 20 views 0 to 8 count, not 0, 1, 10, 11, .."""
    rng = np.random.default_rng(3)
    places = put_scan(
        tmp_path, "bagel", "hole", "000", rng, views=20, grey="uni_view_{}", colour="rgb_view_{}", depth=False
    )
    (sample,) = by_name(tmp_path).values()
    given = views_of(sample)
    assert given.pictures[:, 0, 0, 0].tolist() == [10 + k for k in range(9)]
    assert given.coloured[:, 0, 0, 0].tolist() == [100 + k for k in range(9)]
    assert all(given.masks[k, k, :3].all() for k in range(9))
    assert (given.pixel_of_point == (places[:9, :, 1] * SIDE + places[:9, :, 0])).all()


SCAN_PARTS = ("xyz/000.tiff", "gt/000.png", "rgb/000.png")
VIEW_PARTS = (
    *("2d_rendering/000/view_3.png", "2d_rgb_rendering/000/view_3.png", "2d_gt/000/view_3_gt.png"),
    *("2d_3d_cor/000/view_3_cor.npy", "2d_3d_cor/000/nonzero_indices.npy"),
)


@pytest.mark.parametrize("part", [*SCAN_PARTS, *VIEW_PARTS])
@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\nnot one", "half"])
def test_empty_and_damaged_files_are_named(root, part, content):
    """A published set holds files of 0 bytes: such a scan is named, and never scored from what is left."""
    path = root[0] / "carrot/test/hole" / part
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    sample = by_name(root[0])["carrot/test/hole/000"]
    with pytest.raises(InputRejected, match=rf"{path.name}: .*;") as refused:
        views_of(sample)
    assert content or "0 bytes" in str(refused.value)


@pytest.mark.parametrize(
    ("part", "finding"),
    [
        ("2d_rendering/000/view_3.png", "8 in .*2d_rendering"),
        ("2d_rgb_rendering/000/view_3.png", "2d_rgb_rendering.*: 8 views, 9 in"),
        ("2d_gt/000/view_3_gt.png", "2d_gt.*: 8 views, 9 in"),
        ("2d_3d_cor/000/view_3_cor.npy", "2d_3d_cor.*: 8 views, 9 in"),
        ("2d_3d_cor/000/nonzero_indices.npy", "nonzero_indices.npy: no such file"),
    ],
)
def test_a_view_that_is_missing_in_one_folder_is_named(root, part, finding):
    """Counting on would pair all later views with their neighbours."""
    (root[0] / "carrot/test/hole" / part).unlink()
    with pytest.raises(InputRejected, match=finding):
        views_of(by_name(root[0])["carrot/test/hole/000"])


def test_views_of_different_numbers_are_not_paired(root):
    """Nine files each, but another one is missing in either folder."""
    kind = root[0] / "carrot/test/hole"
    (kind / "2d_3d_cor/000/view_3_cor.npy").rename(kind / "2d_3d_cor/000/view_9_cor.npy")
    with pytest.raises(InputRejected, match=r"view_4_cor\.npy: stands beside view_3\.png, a view is missing"):
        views_of(by_name(root[0])["carrot/test/hole/000"])


@pytest.mark.parametrize("folder", ["2d_rendering", "2d_3d_cor"])
def test_a_scan_without_views_is_still_drawn_by_us(root, folder):
    """Its scan and labels can be read; only the authors' views are refused."""
    import shutil

    shutil.rmtree(root[0] / "carrot/test/hole" / folder / "000")
    sample = by_name(root[0])["carrot/test/hole/000"]
    cloud = sample.load().cloud
    with pytest.raises(InputRejected, match=rf"{folder}: nothing of carrot/test/hole/000"):
        sample.given(cloud)


def changed(values, row, column, value):
    values = values.astype(float)
    values[row, column] = value
    return values


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda v: v[1:], "rows x, y, visible are expected"),
        (lambda v: v[:, :2], "rows x, y, visible are expected"),
        (lambda v: changed(v, 5, 0, SIDE), f"to {SIDE} lie outside pictures of {SIDE} pixels"),
        (lambda v: changed(v, 5, 1, -1), "places from -1"),
        (lambda v: changed(v, 5, 2, np.nan), "values that are no numbers"),
        (lambda v: v.astype(str), "holds no numbers"),
    ],
)
def test_correspondences_that_cannot_be_are_named(root, change, finding):
    """Other rows than points, places outside the picture, no numbers."""
    path = root[0] / "carrot/test/hole/2d_3d_cor/000/view_5_cor.npy"
    np.save(path, change(np.load(path)))
    with pytest.raises(InputRejected, match=rf"view_5_cor\.npy: .*{finding}"):
        views_of(by_name(root[0])["carrot/test/hole/000"])


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda v: np.append(v[:-1], SIDE * SIDE), "names no points of a grid"),
        (lambda v: np.append(v[:-1], v[0]), "names a point twice"),
        (lambda v: np.append(0, v[1:]), "1 of .* drawn points are not measured in 000.tiff"),
    ],
)
def test_drawn_points_that_cannot_be_are_named(root, change, finding):
    """Outside the grid, twice, or where the scan has no measurement."""
    path = root[0] / "carrot/test/hole/2d_3d_cor/000/nonzero_indices.npy"
    np.save(path, change(np.load(path)))
    with pytest.raises(InputRejected, match=finding):
        views_of(by_name(root[0])["carrot/test/hole/000"])


def test_a_mask_says_which_points_are_listed_too(root):
    """The list may be one flag a place of the grid instead of numbers."""
    path = root[0] / "carrot/test/hole/2d_3d_cor/000/nonzero_indices.npy"
    drawn = np.load(path)
    plain = views_of(by_name(root[0])["carrot/test/hole/000"])
    np.save(path, np.isin(np.arange(SIDE * SIDE), drawn))
    assert (views_of(by_name(root[0])["carrot/test/hole/000"]).rows == plain.rows).all()


def test_manifest_entries_of_files_that_are_missing_are_named_when_they_are_read(root):
    """A manifest counts a scan that is not there: it fails by name, it does not vanish from the mean."""
    put_manifest(root[0], "carrot", [*SCANS, ("hole", "007")])
    sample = by_name(root[0])["carrot/test/hole/007"]
    with pytest.raises(InputRejected, match=r"007\.tiff: cannot be read"):
        sample.load()
    assert json.loads((root[0] / "carrot_meta.json").read_text())["train"] == {}
