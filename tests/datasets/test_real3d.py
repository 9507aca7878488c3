"""Real3D-AD and Anomaly-ShapeNet: scans in pcd, labels in text rows with every irregularity."""

import numpy as np
import pytest

from align3d_cli.datasets.registry import open_dataset
from align3d_cli.errors import InputRejected


def write_rows(path, xyz, defect, separator=" ", digits=6):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        separator.join([*(f"{v:.{digits}f}" for v in point), str(int(d))]) for point, d in zip(xyz, defect, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def real3d(tmp_path, write_pcd, surface):
    """`fish` with spaces and `gt`, `shell` with commas, `GT` and ascii scans."""
    for category, separator, gt in (("fish", " ", "gt"), ("shell", ",", "GT")):
        ascii = category == "shell"
        for number, name in enumerate(("1_template", f"{category}_prototype2", "3_template")):
            write_pcd(tmp_path / category / "train" / f"{name}.pcd", surface(400, number)[0], ascii=ascii)
        for number, name in enumerate(("002_good", "10_good_cut", "3_bulge", "11_sink_cut", "12_bulge_copy")):
            xyz, defect = surface(500, 10 + number)
            write_pcd(tmp_path / category / "test" / f"{name}.pcd", xyz, ascii=ascii)
            if "good" not in name:
                write_rows(tmp_path / category / gt / f"{name}.txt", xyz, defect, separator)
    return tmp_path


def by_name(name, root, **options):
    return {s.name: s for s in open_dataset(name, root, **options)}


def test_every_label_is_read_back(real3d, surface):
    """Space- and comma-separated rows, gt and GT, binary and ascii scans: all labels, normal scans without any."""
    samples = by_name("real3d", real3d)
    for category in ("fish", "shell"):
        for number, name in enumerate(("002_good", "10_good_cut", "3_bulge", "11_sink_cut", "12_bulge_copy")):
            xyz, defect = surface(500, 10 + number)
            labelled = samples[f"{category}/test/{name}"].load()
            assert np.allclose(labelled.cloud.xyz, xyz, atol=1e-5)
            assert (labelled.defect == (defect & ("good" not in name))).all()
            assert labelled.cloud.unit == "mm"
        assert not samples[f"{category}/train/1_template"].load().defect.any()


def test_names_give_split_and_kind(real3d):
    """Templates and prototypes train; `good` anywhere in the name is normal; cut and copy are no kinds; 3 before 10."""
    found = [(s.name, s.split, s.defect) for s in open_dataset("real3d", real3d, categories=["fish"])]
    assert found == [
        ("fish/train/fish_prototype2", "train", "good"),
        ("fish/train/1_template", "train", "good"),
        ("fish/train/3_template", "train", "good"),
        ("fish/test/002_good", "test", "good"),
        ("fish/test/3_bulge", "test", "bulge"),
        ("fish/test/10_good_cut", "test", "good"),
        ("fish/test/11_sink_cut", "test", "sink"),
        ("fish/test/12_bulge_copy", "test", "bulge"),
    ]


def test_shuffled_rows_and_a_row_too_many(real3d, surface):
    """Rows in another order, and one more row than points, still give every point its label."""
    xyz, defect = surface(500, 12)
    order = np.random.default_rng(0).permutation(500)
    path = real3d / "fish/gt/3_bulge.txt"
    write_rows(path, xyz[order], defect[order])
    assert (by_name("real3d", real3d)["fish/test/3_bulge"].load().defect == defect).all()
    write_rows(path, np.vstack([xyz, [[40.0, 40.0, 0.0]]]), np.append(defect, True))
    assert (by_name("real3d", real3d)["fish/test/3_bulge"].load().defect == defect).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "x y z label\n" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(" ", "\t"),
        lambda text: text.replace(" ", ", "),
        lambda text: text.replace("\n", " \n") + "\n\n",
        lambda text: "\ufeff" + text.replace(" 1\n", " 1.0\n"),
    ],
    ids=["header", "crlf", "tabs", "comma-space", "blanks", "bom-floats"],
)
def test_rows_as_tools_write_them(real3d, surface, change):
    """Header line, Windows line ends, tabs, blanks, a byte order mark: the same labels."""
    path = real3d / "fish/gt/3_bulge.txt"
    path.write_bytes(change(path.read_text()).encode())
    assert (by_name("real3d", real3d)["fish/test/3_bulge"].load().defect == surface(500, 12)[1]).all()


def test_rounded_rows_keep_their_labels(real3d, surface):
    """Rows written with two digits only are still matched to their points."""
    xyz, defect = surface(500, 12)
    write_rows(real3d / "fish/gt/3_bulge.txt", xyz[::-1], defect[::-1], digits=2)
    got = by_name("real3d", real3d)["fish/test/3_bulge"].load().defect
    assert (got == defect).all()


def test_points_and_rows_without_place_are_passed_over(real3d, write_pcd, surface):
    """A point that is not finite is not defective, a row that is not finite labels nothing."""
    xyz, defect = surface(500, 12)
    rows = xyz.copy()
    rows[7] = np.nan
    xyz[defect.argmax()] = np.nan
    write_pcd(real3d / "fish/test/3_bulge.pcd", xyz)
    write_rows(real3d / "fish/gt/3_bulge.txt", rows, defect)
    got = by_name("real3d", real3d)["fish/test/3_bulge"].load().defect
    assert not got[defect.argmax()] and got.sum() == defect.sum() - 1


@pytest.mark.parametrize(
    ("content", "finding"),
    [("", "no rows"), ("1 2 3\n4 5 6\n", "3 columns"), ("1 2 3 0\n1 2\n", "line 2 has 2 numbers, the first row has 4")],
)
def test_unusable_rows_are_refused(real3d, content, finding):
    """An empty, short or ragged label file is named with what is wrong."""
    (real3d / "fish/gt/3_bulge.txt").write_text(content)
    with pytest.raises(InputRejected, match=rf"3_bulge\.txt.*{finding}"):
        by_name("real3d", real3d)["fish/test/3_bulge"].load()


def test_labels_of_another_scan_are_refused(real3d, surface):
    """Rows that lie elsewhere than the points are not matched to them."""
    xyz, defect = surface(500, 12)
    write_rows(real3d / "fish/gt/3_bulge.txt", xyz + 100, defect)
    with pytest.raises(InputRejected, match="not to another"):
        by_name("real3d", real3d)["fish/test/3_bulge"].load()


def test_missing_labels_are_refused(real3d):
    """A defective scan without labels is an error of that scan, never a normal one."""
    (real3d / "fish/gt/3_bulge.txt").unlink()
    with pytest.raises(InputRejected, match=r"3_bulge\.pcd.*no label file"):
        by_name("real3d", real3d)["fish/test/3_bulge"].load()


@pytest.fixture
def shapenet(tmp_path, write_pcd, surface):
    """One class with shuffled rows, one row more and the typo `crak` in the scan or in the label file."""
    folder = tmp_path / "dataset/pcd/cap3"
    write_pcd(folder / "train/cap3_template0.pcd", surface(300)[0])
    for number, name in enumerate(("positive0", "bulge1", "crak0", "crak2", "concavity10")):
        xyz, defect = surface(300, number)
        write_pcd(folder / f"test/cap3_{name}.pcd", xyz)
        order = np.random.default_rng(number).permutation(300)
        rows, labels = np.vstack([xyz[order], xyz[:1]]), np.append(defect[order], defect[0])
        if name != "positive0":
            write_rows(folder / f"GT/cap3_{name.replace('crak2', 'crack2')}.txt", rows, labels, ",")
    return tmp_path


def test_anomaly_shapenet_labels(shapenet, surface):
    """Rows in another order, a row too many and both spellings of crack: all labels are read back."""
    for root in (shapenet, shapenet / "dataset/pcd"):
        samples = by_name("anomaly-shapenet", root)
        for number, name in enumerate(("positive0", "bulge1", "crak0", "crak2", "concavity10")):
            expected = surface(300, number)[1] & (name != "positive0")
            assert (samples[f"cap3/test/cap3_{name}"].load().defect == expected).all()


def test_anomaly_shapenet_names(shapenet):
    """`positive` is normal, crak counts as crack, templates train."""
    found = {s.name.split("/", 1)[1]: (s.split, s.defect) for s in open_dataset("anomaly-shapenet", shapenet)}
    assert found == {
        "train/cap3_template0": ("train", "good"),
        "test/cap3_bulge1": ("test", "bulge"),
        "test/cap3_concavity10": ("test", "concavity"),
        "test/cap3_crak0": ("test", "crack"),
        "test/cap3_crak2": ("test", "crack"),
        "test/cap3_positive0": ("test", "good"),
    }


def test_label_file_by_number_when_kinds_differ(tmp_path, write_pcd, surface):
    """2_concavity.pcd goes with 2_sink.txt, as the data set's page has it, when no other scan claims the file."""
    xyz, defect = surface(200)
    for name in ("1_bulge", "2_concavity", "12_concavity", "3_positive"):
        write_pcd(tmp_path / "bag0/test" / f"{name}.pcd", xyz)
    write_rows(tmp_path / "bag0/GT/1_bulge.txt", xyz, ~defect, ",")
    write_rows(tmp_path / "bag0/GT/2_sink.txt", xyz, defect, ",")
    samples = by_name("anomaly-shapenet", tmp_path)
    assert (samples["bag0/test/2_concavity"].load().defect == defect).all()
    with pytest.raises(InputRejected, match="no label file"):
        samples["bag0/test/12_concavity"].load()
