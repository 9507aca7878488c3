"""Bundles on disk: what is saved comes back, and nothing else is accepted."""

import json

import pytest
import torch
from safetensors.torch import save_file

from align3d_cli.errors import EnvironmentMissing, UsageError, WeightsRejected
from align3d_cli.model.bundle import (
    Bundle,
    Calibration,
    Scoring,
    ViewSettings,
    load_bundle,
    require_branches,
    save_bundle,
)


@pytest.fixture
def bundle() -> Bundle:
    return Bundle(
        name="tiny",
        encoder={"name": "lite", "image_size": 64},
        tensors={"text.rendering": torch.eye(2, 8), "aligner.global_mlp.input.bias": torch.arange(8.0)},
        views=ViewSettings("front:3", 3, 64, "fitted", "geometry"),
        scoring=Scoring(object_form="max"),
        calibration=Calibration(slope=2.0, threshold=0.7),
        record={"seed": 3},
    )


def test_a_bundle_comes_back_as_it_was_saved(bundle, tmp_path):
    """Tensors and all settings survive; the hash is that of the file."""
    saved = save_bundle(tmp_path / "tiny.safetensors", bundle)
    loaded = load_bundle(tmp_path / "tiny.safetensors")
    assert (loaded.views, loaded.scoring, loaded.calibration) == (bundle.views, bundle.scoring, bundle.calibration)
    assert (loaded.encoder, loaded.record, loaded.sha256) == (bundle.encoder, bundle.record, saved.sha256)
    assert torch.equal(loaded.part("aligner")["global_mlp.input.bias"], torch.arange(8.0))
    assert loaded.branches == ("rendering",)


def test_a_changed_file_is_refused_where_a_manifest_names_its_hash(bundle, tmp_path):
    """One flipped byte is found before anything is parsed."""
    path = tmp_path / "tiny.safetensors"
    saved = save_bundle(path, bundle)
    (tmp_path / "manifest.json").write_text(json.dumps({"files": {path.name: {"sha256": saved.sha256}}}))
    assert load_bundle(path).sha256 == saved.sha256
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsRejected, match="SHA-256"):
        load_bundle(path)


def test_what_is_not_a_bundle_is_refused(tmp_path):
    """Random bytes are no model, a missing name says how to list what is there."""
    (tmp_path / "noise.safetensors").write_bytes(b"noise" * 100)
    with pytest.raises(WeightsRejected, match="not an align3d model"):
        load_bundle(tmp_path / "noise.safetensors")
    for settings in ({"format": 1}, {"format": 1, "name": "x", "views": {"sides": 3}}, [], 7, {"format": 99}):
        metadata = {"align3d": json.dumps(settings)}
        save_file({"x": torch.zeros(1)}, tmp_path / "odd.safetensors", metadata=metadata)
        with pytest.raises(WeightsRejected, match=r"odd\.safetensors: "):
            load_bundle(tmp_path / "odd.safetensors")
    with pytest.raises(EnvironmentMissing, match="weights list"):
        load_bundle("no-such-model")


def test_a_bundle_without_prompts_cannot_score(bundle):
    """An aligner alone is told to go through prompt-train first."""
    partial = Bundle("half", bundle.encoder, {"aligner.x": torch.zeros(1)})
    with pytest.raises(UsageError, match="prompt-train"):
        require_branches(partial)


def test_a_bundle_that_cannot_be_written_says_where(tmp_path, bundle):
    """A file where a folder should be: one line with the path, and nothing is left behind."""
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(EnvironmentMissing, match=r"/file: cannot be made"):
        save_bundle(tmp_path / "file" / "model.safetensors", bundle)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
