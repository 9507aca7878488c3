"""Opening data sets by name: roots, categories, limits, and what is said when nothing is there."""

import numpy as np
import pytest

from align3d_cli.clouds.labelled import Sample
from align3d_cli.datasets.registry import AUXILIARY, DATA_SETS, NAMES, first_balanced, open_dataset
from align3d_cli.errors import EnvironmentMissing, UsageError


@pytest.fixture
def tree(tmp_path, write_tiff):
    """Two MVTec-like categories with 5 good scans and 3 of each of two defects."""
    for category in ("bagel", "carrot"):
        for kind, n in (("good", 5), ("crack", 3), ("hole", 3)):
            for number in range(n):
                write_tiff(tmp_path / category / "test" / kind / "xyz" / f"{number:03d}.tiff", np.ones((2, 2, 3)))
        write_tiff(tmp_path / category / "train/good/xyz/000.tiff", np.ones((2, 2, 3)))
    return tmp_path


def test_root_by_argument_or_variable(tree, monkeypatch):
    """--root wins over ALIGN3D_DATA; either may be the data set or a folder that holds it."""
    assert len(open_dataset("mvtec3d", tree)) == 24
    monkeypatch.setenv("ALIGN3D_DATA", str(tree))
    assert len(open_dataset("mvtec3d")) == 24
    assert {s.category for s in open_dataset("mvtec3d", tree / "carrot")} == {"carrot"}
    tree.rename(tree.parent / "mvtec3d")
    assert len(open_dataset("mvtec3d", tree.parent)) == 24


@pytest.mark.parametrize("name", sorted(DATA_SETS))
def test_missing_data_says_what_to_get_and_how_it_looks(name, tmp_path, monkeypatch):
    """No root, a root that is not there, an empty root: exit 5 with source, licence and tree."""
    monkeypatch.delenv("ALIGN3D_DATA", raising=False)
    data_set = DATA_SETS[name]
    for root in (None, tmp_path / "nowhere", tmp_path):
        with pytest.raises(EnvironmentMissing) as caught:
            open_dataset(name, root)
        text = str(caught.value)
        assert caught.value.exit_code == 5 and data_set.tree in text
        assert root is None or str(root) in text
        assert name == "folder" or (data_set.source in text and data_set.licence in text)


def test_categories_are_kept_in_the_order_asked_for(tree):
    """--category picks; an unknown one is a usage error that lists what there is."""
    samples = open_dataset("mvtec3d", tree, categories=["carrot", "bagel", "carrot"], split="train")
    assert [s.category for s in samples] == ["carrot", "bagel"]
    with pytest.raises(UsageError, match="no category bagle in mvtec3d; there are: bagel, carrot"):
        open_dataset("mvtec3d", tree, categories=["bagle"])


def test_limit_is_per_category_and_balanced(tree):
    """--limit 4: two good scans and one of each kind of defect in every category."""
    samples = open_dataset("mvtec3d", tree, limit=4, split="test")
    expected = ["crack/000", "good/000", "good/001", "hole/000"]
    assert [s.name for s in samples] == [f"{c}/test/{n}" for c in ("bagel", "carrot") for n in expected]


@pytest.mark.parametrize(
    ("good", "defective", "limit", "expected"),
    [(5, 5, 5, (3, 2)), (1, 5, 4, (1, 3)), (5, 1, 4, (3, 1)), (2, 2, 9, (2, 2)), (3, 3, 1, (1, 0)), (0, 3, 1, (0, 1))],
)
def test_limit_fills_up_from_the_other_side(good, defective, limit, expected):
    """Where one side runs out the other fills up, never beyond the limit."""
    kinds = ["good"] * good + ["hole"] * defective
    samples = [Sample(str(k), "c", "test", kind, lambda: None) for k, kind in enumerate(kinds)]
    kept = first_balanced(samples, limit)
    assert (sum(not s.anomalous for s in kept), sum(s.anomalous for s in kept)) == expected
    assert [int(s.name) for s in kept] == sorted(int(s.name) for s in kept)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "mvtec"}, "no data set 'mvtec'; there are: mvtec3d"),
        ({"name": "mvtec3d", "split": "validation"}, "no split 'validation'"),
        ({"name": "mvtec3d", "limit": 0}, "limit of 0"),
    ],
)
def test_impossible_calls_are_usage_errors(tree, options, message):
    """Unknown names and empty limits are answered with what there is."""
    with pytest.raises(UsageError, match=message):
        open_dataset(root=tree, **options)


def test_auxiliary_categories_are_the_fields():
    """One-vs-rest trains on the categories of the papers."""
    assert AUXILIARY["mvtec3d"] == ("carrot", "cookie", "dowel")
    assert AUXILIARY["eyecandies"] == ("Confetto", "LicoriceSandwich", "PeppermintCandy")
    assert AUXILIARY["real3d"] == ("shell", "starfish", "seahorse")
    assert (
        NAMES
        == (*DATA_SETS, "synthetic")
        == (
            *("mvtec3d", "eyecandies", "real3d", "anomaly-shapenet", "mulsen", "3d-adam", "minishift"),
            *("prerendered", "folder", "synthetic"),
        )
    )


def test_synthetic_gives_held_out_families_by_default():
    """Without further words the families no model was trained on, half of the scans good, nothing made yet."""
    from align3d_cli.synthetic import HELD_OUT_FAMILIES, TRAIN_FAMILIES

    samples = open_dataset("synthetic", limit=4)
    assert {s.category for s in samples} == set(HELD_OUT_FAMILIES) and {s.split for s in samples} == {"test"}
    assert len(samples) == 4 * len(HELD_OUT_FAMILIES) == 2 * sum(s.anomalous for s in samples)
    assert len({s.name for s in samples}) == len(samples)
    assert {s.category for s in open_dataset("synthetic", split="train", limit=1)} == set(TRAIN_FAMILIES)
    assert set(AUXILIARY["synthetic"]) <= set(HELD_OUT_FAMILIES)


def test_synthetic_scans_do_not_depend_on_what_else_is_asked_for():
    """The same seed, family and number give the same scan, whatever the limit and the other categories."""
    few = open_dataset("synthetic", categories=["cookie"], limit=2, seed=3)
    more = open_dataset("synthetic", limit=6, seed=3)
    assert [s.name for s in few] == [s.name for s in more if s.category == "cookie"][:2]
    again, other = (open_dataset("synthetic", categories=["cookie"], limit=1, seed=s)[0].load() for s in (3, 4))
    first = few[0].load()
    assert (first.cloud.xyz[first.cloud.valid] == again.cloud.xyz[again.cloud.valid]).all()
    assert len(first.cloud) != len(other.cloud) or not np.array_equal(first.cloud.valid, other.cloud.valid)


def test_synthetic_families_by_name():
    """A training family can be asked for; an unknown one is a usage error."""
    assert {s.split for s in open_dataset("synthetic", categories=["gear"], limit=2)} == {"train"}
    with pytest.raises(UsageError, match="no category unicorn in synthetic"):
        open_dataset("synthetic", categories=["unicorn"])
