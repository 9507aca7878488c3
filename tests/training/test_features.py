"""The feature store: what comes out is what went in, nothing is mixed, nothing is half written."""

import json
import os
import resource
import subprocess
import sys
import time

import pytest
import torch

from align3d_cli.errors import EnvironmentMissing, InputRejected
from align3d_cli.training.batches import feature_pairs, labelled_views, masks_at, pixels_at
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.sample_features import SampleFeatures
from align3d_cli.training.tensor_file import write_checked

CPU = torch.device("cpu")


def sample(
    points: int = 21, views: int = 2, tokens: int = 5, dim: int = 8, size: int = 9, rgb: bool = True
) -> SampleFeatures:
    rng = torch.Generator().manual_seed(points)
    features = {
        name: torch.randn(views, *shape, generator=rng)
        for name, shape in (
            ("render_global", (dim,)),
            ("render_tokens", (tokens, dim)),
            ("rgb_global", (dim,)),
            ("rgb_tokens", (tokens, dim)),
        )
    }
    features = {name: torch.nn.functional.normalize(value, dim=-1) for name, value in features.items()}
    if not rgb:
        features["rgb_global"] = features["rgb_tokens"] = None
    masks = torch.rand(views, size, size, generator=rng) < 0.3
    return SampleFeatures(
        **features,
        view_masks=masks,
        view_labels=masks.flatten(1).any(dim=1),
        label=True,
        pixel_of_point=torch.randint(-1, size * size, (views, points), generator=rng, dtype=torch.int32),
        visible=torch.rand(views, points, generator=rng) < 0.5,
        defect=torch.rand(points, generator=rng) < 0.2,
    )


def test_a_sample_comes_back_as_it_was_stored_up_to_half_precision(tmp_path):
    """Labels and geometry come back exactly, features within float16 rounding."""
    store, given = FeatureStore(tmp_path / "store", {"a": 1}), sample()
    store.put("cat/test/hole/001", given)
    found = store.get("cat/test/hole/001")
    for name in ("view_masks", "view_labels", "pixel_of_point", "visible", "defect"):
        assert torch.equal(found[name], getattr(given, name)), name
    for name in ("render_global", "render_tokens", "rgb_global", "rgb_tokens"):
        assert found[name].dtype == torch.float16
        assert (found[name].float() - getattr(given, name)).abs().max() < 1e-3, name
    assert found["label"] is True


def test_only_the_asked_fields_are_read(tmp_path):
    """Stage 2 reads no coloured features and stage 1 no labels."""
    store = FeatureStore(tmp_path, {})
    store.put("x", sample())
    assert set(store.get("x", ("render_global", "label"))) == {"render_global", "label"}


def test_names_that_look_alike_as_files_are_kept_apart(tmp_path):
    """Two samples whose names differ only in characters that a file name cannot have get two files."""
    store = FeatureStore(tmp_path, {})
    store.put("a/b", sample(points=3))
    store.put("a b", sample(points=4))
    assert (len(store.get("a/b")["defect"]), len(store.get("a b")["defect"])) == (3, 4)


def test_a_store_refuses_other_settings_and_names_the_difference(tmp_path):
    """Features of other weights or views are never mixed into a store."""
    FeatureStore(tmp_path, {"encoder": {"weights": "aaa"}, "views": 9})
    with pytest.raises(InputRejected, match=r"encoder\.weights: aaa there, bbb asked"):
        FeatureStore(tmp_path, {"encoder": {"weights": "bbb"}, "views": 9})


def test_a_store_opens_again_under_the_same_settings(tmp_path):
    """A second run finds the samples of the first; key order does not matter."""
    FeatureStore(tmp_path, {"a": 1, "b": (2, 3)}).put("x", sample())
    again = FeatureStore(tmp_path, {"b": [2, 3], "a": 1})
    assert again.has("x") and not again.has("y")


def test_a_sample_without_colour_does_not_count_for_stage_1(tmp_path):
    """The same store serves the branch without colour and is completed when colour is asked for."""
    store = FeatureStore(tmp_path, {})
    store.put("x", sample(rgb=False))
    assert store.has("x") and not store.has("x", rgb=True)
    store.put("x", sample(rgb=True))
    assert store.has("x", rgb=True)


def test_meta_json_says_what_the_features_are(tmp_path):
    """A person can read what a store holds."""
    store = FeatureStore(tmp_path, {"encoder": "tiny"})
    meta = json.loads((tmp_path / "meta.json").read_text())
    assert meta["identity"] == {"encoder": "tiny"} and meta["hash"] == store.hash


def test_a_damaged_feature_file_is_named(tmp_path):
    """A file cut short from outside gives its path and the next step, no traceback of the library."""
    store = FeatureStore(tmp_path, {})
    store.put("x", sample())
    store.path("x").write_bytes(store.path("x").read_bytes()[:50])
    with pytest.raises(InputRejected, match=f"{store.path('x').name}.*remove it and run again"):
        store.get("x")


def test_bits_flipped_in_a_feature_file_are_noticed(tmp_path):
    """One bit at 200 places of a file, in what is read: never features, always the file and the next step."""
    store = FeatureStore(tmp_path, {})
    store.put("x", sample())
    path = store.path("x")
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 200)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(InputRejected, match=f"{path.name}: .*; remove it and run again"):
            store.get("x")


def test_a_file_of_something_else_is_no_sample(tmp_path):
    """A whole file with other facts, and a file that is not there: the same next step."""
    store = FeatureStore(tmp_path, {})
    with pytest.raises(InputRejected, match="remove it and run again"):
        store.get("x")
    write_checked(store.path("x"), {"render_global": torch.ones(2)}, {"format": 2})
    with pytest.raises(InputRejected, match="holds no features of a sample; remove it and run again"):
        store.get("x")


@pytest.mark.parametrize("text", ["[1, 2]", "3", "not json", '{"format": 1}', '{"format": 2, "identity": []}', "\xff"])
def test_a_store_that_says_nothing_sensible_of_itself_is_refused(tmp_path, text):
    """Whatever meta.json holds: one line that names the store and offers another."""
    (tmp_path / "meta.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputRejected, match=r".*--store$") as refused:
        FeatureStore(tmp_path, {"a": 1})
    assert str(tmp_path) in str(refused.value) and "\n" not in str(refused.value)


def test_a_place_that_cannot_hold_a_store_is_told(tmp_path):
    """A file where the store's folder should be: the environment's fault, exit code 5, no traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentMissing, match="file"):
        FeatureStore(tmp_path / "file" / "store", {})


def test_a_disk_that_takes_no_more_is_told_and_leaves_no_half_file(tmp_path):
    """Writing stops after 1000 bytes, as on a full disk: exit code 5, the file is named, nothing of it stays."""
    store = FeatureStore(tmp_path, {})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(EnvironmentMissing, match=f"{store.path('x').name}: cannot be written") as refused:
            store.put("x", sample())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused.value.exit_code == 5 and list(store.samples.iterdir()) == []


def test_partial_files_of_killed_runs_are_swept_once_nobody_writes_them(tmp_path):
    """A partial file untouched for an hour goes, one of this minute may still be growing and stays."""
    store = FeatureStore(tmp_path, {})
    store.put("x", sample())
    old, young = (store.samples / f".x.{digit * 16}.part" for digit in "ab")
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 3600,) * 2)
    store.sweep()
    assert store.has("x") and young.exists() and not old.exists()


def test_a_size_mismatch_between_views_is_a_bug_not_a_file(tmp_path):
    """Features of 2 views with masks of 3 are refused before anything is written."""
    given = sample()
    with pytest.raises(ValueError, match="disagree"):
        SampleFeatures(
            **{n: getattr(given, n) for n in given.__slots__ if n != "view_masks"}, view_masks=torch.zeros(3, 9, 9) > 0
        )


def test_batches_are_unit_length_again_and_fill_up_missing_points(tmp_path):
    """Samples of 3 and 21 points stack; the added points are seen by no view."""
    store = FeatureStore(tmp_path, {})
    store.put("small", sample(points=3))
    store.put("large", sample(points=21))
    batch = labelled_views(store, ["small", "large"], None, CPU)
    assert batch.visible.shape == (2, 2, 21) and not batch.visible[0, :, 3:].any()
    assert batch.pixel_of_point.min() >= 0
    pairs = feature_pairs(store, ["small", "large"], CPU)
    for features in (batch.render_tokens, pairs.rgb_global):
        assert torch.allclose(features.norm(dim=-1), torch.ones(features.shape[:-1]), atol=1e-6)


def test_a_smaller_map_keeps_a_thin_defect():
    """A single defect pixel survives the step from 8 to 4 pixels, in the pixel that contains it."""
    masks = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    masks[0, 0, 5, 2] = True
    small = masks_at(masks, 4)
    assert small.sum() == 1 and small[0, 0, 2, 1] == 1
    assert pixels_at(torch.tensor([5 * 8 + 2]), 8, 4).tolist() == [2 * 4 + 1]


MEMORY_PROBE = """
import resource, sys, torch
from align3d_cli.training.batches import feature_pairs
from align3d_cli.training.features import FeatureStore
store = FeatureStore(sys.argv[1], {})
names = [str(i) for i in range(int(sys.argv[2]))]
for start in range(0, len(names), 2):
    feature_pairs(store, names[start : start + 2], torch.device("cpu"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_samples(tmp_path):
    """Reading 40 samples of 4.5 MB in batches takes no more memory than reading 8 of them, within one sample's size."""
    store, big = FeatureStore(tmp_path, {}), sample(views=9, tokens=257, dim=256, size=64)
    for i in range(40):
        store.put(str(i), big) if i == 0 else os.link(store.path("0"), store.path(str(i)))
    peaks = []
    for count in ("8", "40"):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY_PROBE, str(tmp_path), count], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout) * (1 if sys.platform == "darwin" else 1024))
    assert peaks[1] - peaks[0] < 5_000_000
