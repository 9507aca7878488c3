"""Bundles on disk: what is saved comes back, and nothing else is accepted."""

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from align3d_cli.errors import Align3DError, EnvironmentMissing, UsageError, WeightsRejected
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.bundle import Bundle, load_bundle, require_branches, save_bundle
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.inspector import Inspector
from align3d_cli.model.settings import ScoringSettings
from align3d_cli.render.settings import ViewSettings


def aligner_tensors(dim: int) -> dict[str, torch.Tensor]:
    return {f"aligner.{key}": value.detach() for key, value in Aligner(dim, seed=0).state_dict().items()}


@pytest.fixture
def bundle() -> Bundle:
    return Bundle(
        name="tiny",
        encoder={"name": "lite", "image_size": 64},
        tensors={"text.rendering": torch.eye(2, 8)} | aligner_tensors(8),
        views=ViewSettings("front:3", 3, 64, "fitted"),
        scoring=ScoringSettings(object_form="max"),
        calibration=Calibration(slope=2.0, threshold=0.7),
        record={"seed": 3, "losses": {1: 0.5, 10: 0.25, 2: 0.125}, "betas": (0.5, 0.999)},
    )


def stated(path: Path) -> dict[str, Any]:
    """The settings in a file's header."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["align3d"])


def rewritten(path: Path, to: Path, facts: object, tensors: dict[str, torch.Tensor] | None = None) -> Path:
    """A copy of a file with other settings or tensors."""
    text = facts if isinstance(facts, str) else json.dumps(facts)
    save_file(load_file(path) if tensors is None else tensors, to, metadata={"align3d": text})
    return to


def test_a_bundle_comes_back_as_it_was_saved(bundle, tmp_path):
    """Tensors and all settings survive; the hash is that of the file."""
    saved = save_bundle(tmp_path / "tiny.safetensors", bundle)
    loaded = load_bundle(tmp_path / "tiny.safetensors")
    assert (loaded.views, loaded.scoring, loaded.calibration) == (bundle.views, bundle.scoring, bundle.calibration)
    assert (loaded.encoder, loaded.sha256) == (bundle.encoder, saved.sha256)
    assert loaded.record == json.loads(json.dumps(bundle.record))
    assert torch.equal(loaded.part("aligner")["global_mlp.input.bias"], bundle.tensors["aligner.global_mlp.input.bias"])
    assert loaded.branches == ("rendering",)


def test_a_bundle_can_be_saved_again_and_again(bundle, tmp_path):
    """The same content makes the same bytes."""
    first = save_bundle(tmp_path / "one.safetensors", bundle)
    again = save_bundle(tmp_path / "two.safetensors", load_bundle(tmp_path / "one.safetensors"))
    assert first.sha256 == again.sha256


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


def test_a_flipped_bit_anywhere_is_found_without_a_manifest(bundle, tmp_path):
    """In tensors, settings or layout: refused in one line, or it changed nothing (a blank of the padding)."""
    path = save_bundle(tmp_path / "tiny.safetensors", bundle).path
    assert path is not None
    whole, flipped = path.read_bytes(), tmp_path / "flipped.safetensors"
    before, found = load_bundle(path), 0
    for at in range(0, len(whole), 7):
        flipped.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            after = load_bundle(flipped)
        except WeightsRejected as error:
            found += 1
            assert "\n" not in str(error) and str(flipped) in str(error)
        else:
            assert replace(after, tensors={}, path=None, sha256=None) == replace(
                before, tensors={}, path=None, sha256=None
            )
            assert all(torch.equal(value, before.tensors[key]) for key, value in after.tensors.items())
    assert found > 0.99 * len(whole) / 7
    data_at = 8 + struct.unpack("<Q", whole[:8])[0]
    flipped.write_bytes(whole[:data_at] + bytes([whole[data_at] ^ 1]) + whole[data_at + 1 :])
    with pytest.raises(WeightsRejected, match="damaged or edited"):
        load_bundle(flipped)


def test_an_edited_threshold_is_found(bundle, tmp_path):
    """The checksum covers the settings too."""
    path = save_bundle(tmp_path / "tiny.safetensors", bundle).path
    facts = stated(path)
    facts["calibration"]["threshold"] = 0.9
    with pytest.raises(WeightsRejected, match="damaged or edited"):
        load_bundle(rewritten(path, tmp_path / "edited.safetensors", facts))


def older(path: Path) -> dict[str, Any]:
    """The settings of a file as they were written before there were checksums."""
    facts = stated(path)
    del facts["sha256"]
    return facts


def test_older_models_are_read_by_the_names_of_today(bundle, tmp_path):
    """No checksum, a style among the views; the calibration of no scan, which had a threshold, is none."""
    path, to = save_bundle(tmp_path / "tiny.safetensors", bundle).path, tmp_path / "older.safetensors"
    facts = older(path)
    facts["views"]["style"] = "geometry"
    assert load_bundle(rewritten(path, to, facts)).calibration == bundle.calibration
    facts["calibration"] = {"slope": 1.0, "offset": 0.0, "threshold": 0.5, "false_alarm_rate": None}
    read = load_bundle(rewritten(path, to, facts))
    assert read.views == bundle.views and read.calibration == Calibration() and not read.calibration.calibrated
    facts["calibration"]["false_alarm_rate"] = 0.1
    assert load_bundle(rewritten(path, to, facts)).calibration.calibrated


def test_the_shipped_model_states_its_checksum_and_is_calibrated():
    """Checksum, views in the scan's own frame, and a threshold."""
    shipped = load_bundle()
    assert "sha256" in stated(shipped.path) and shipped.calibration.threshold == pytest.approx(0.6904, abs=1e-3)
    assert (shipped.views.frame, shipped.views.blend) == ("scan", "gradual")


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("views", {"sides": 3}),
        ("views", {"size_px": "64"}),
        ("views", {"preset": "sphere:1000000"}),
        ("views", {"camera": None}),
        ("scoring", {"temperature": 0}),
        ("scoring", {"object_form": "tpo"}),
        ("scoring", {"temperature": float("nan")}),
        ("scoring", {"temperature": 10**400}),
        ("calibration", {"threshold": 2}),
        ("calibration", {"colour_low": 3.0}),
        ("calibration", {"slope": True}),
        ("encoder", {"name": 7}),
        ("encoder", {"name": "ViT-L-14", "settings": {"vv_blocks": -1}}),
        ("encoder", {"name": "ViT-L-14", "setings": {}}),
        ("encoder", {"name": "ViT-L-14", "config": "small"}),
    ],
)
def test_settings_that_cannot_be_are_refused(bundle, tmp_path, section, changes):
    """Unknown names, words for numbers, values out of range, in a model without a checksum: one line with the file."""
    path = save_bundle(tmp_path / "tiny.safetensors", bundle).path
    facts = older(path)
    facts[section] = (facts[section] | changes) if section != "encoder" else changes
    with pytest.raises(WeightsRejected) as refused:
        load_bundle(rewritten(path, tmp_path / "odd.safetensors", facts))
    assert str(refused.value).startswith(str(tmp_path / "odd.safetensors")) and "\n" not in str(refused.value)
    assert refused.value.exit_code == 5


@pytest.mark.parametrize(
    "change",
    [
        {"text.rendering": torch.ones(3, 8)},
        {"text.rendering": torch.ones(8)},
        {"text.rendering": torch.ones(())},
        {"text.rendering": torch.ones(2, 9)},
        {"text.rendering": torch.ones(2, 8, dtype=torch.int64)},
        {"text.rendering": torch.full((2, 8), float("nan"))},
        {"text.other": torch.ones(2, 8)},
        {"stem.weight": torch.ones(2)},
        {"aligner.global_mlp.input.weight": torch.ones(8, 9)},
        {"aligner.extra": torch.ones(8)},
        {"encoder.stem": torch.tensor([float("inf")])},
    ],
)
def test_tensors_that_do_not_belong_are_refused(bundle, tmp_path, change):
    """Other names, shapes and types, and values that are no numbers."""
    path = save_bundle(tmp_path / "tiny.safetensors", bundle).path
    with pytest.raises(WeightsRejected, match=r"odd\.safetensors: not an align3d model \(tensor "):
        load_bundle(rewritten(path, tmp_path / "odd.safetensors", older(path), load_file(path) | change))


def test_parts_without_each_other_are_refused(bundle, tmp_path):
    """RGB prompts without their aligner, an aligner of which a tensor is missing."""
    path, to = save_bundle(tmp_path / "tiny.safetensors", bundle).path, tmp_path / "odd.safetensors"
    tensors = load_file(path)
    with pytest.raises(WeightsRejected, match="without the aligner"):
        load_bundle(rewritten(path, to, older(path), {"text.rgb": torch.eye(2, 8)}))
    del tensors["aligner.local_mlp.output.bias"]
    with pytest.raises(WeightsRejected, match="is missing"):
        load_bundle(rewritten(path, to, older(path), tensors))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = ("", "format", "name", "encoder", "views", "scoring", "calibration", "record", "sha256", "more")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=JSON, missing=st.sampled_from((None, *PLACES)))
def test_any_json_in_the_header_is_a_model_or_refused(bundle, tmp_path, place, value, missing):
    """Whatever stands where: a bundle, or WeightsRejected in one line that names the file."""
    path, to = tmp_path / "tiny.safetensors", tmp_path / "odd.safetensors"
    facts = older(save_bundle(path, bundle).path)
    facts = value if place == "" else facts | {place: value}
    if isinstance(facts, dict):
        facts.pop(missing, None)
    try:
        assert load_bundle(rewritten(path, to, facts)).views == bundle.views or place == "views"
    except WeightsRejected as error:
        assert str(error).startswith(str(to)) and "\n" not in str(error)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"format": 1' + "0" * 5000 + "}", "nul", "7"])
def test_a_header_that_is_no_json_object_is_refused(bundle, tmp_path, text):
    """Cut off, without an end, with numbers beyond measure."""
    path = save_bundle(tmp_path / "tiny.safetensors", bundle).path
    with pytest.raises(WeightsRejected, match="not an align3d model"):
        load_bundle(rewritten(path, tmp_path / "odd.safetensors", text))


def test_what_is_not_a_bundle_is_refused(tmp_path):
    """Random bytes are no model, nor is a file of tensors; a missing name says how to list what is there."""
    (tmp_path / "noise.safetensors").write_bytes(b"noise" * 100)
    save_file({"x": torch.zeros(1)}, tmp_path / "plain.safetensors")
    for name in ("noise", "plain"):
        with pytest.raises(WeightsRejected, match=rf"{name}\.safetensors: not an align3d model"):
            load_bundle(tmp_path / f"{name}.safetensors")
    with pytest.raises(EnvironmentMissing, match="weights list"):
        load_bundle("no-such-model")


@pytest.mark.parametrize(
    "encoder",
    [
        {"name": "lite", "variant": "lite9"},
        {"name": "lite", "image_size": "64"},
        {"name": "lite", "width": -1},
        {"name": "lite", "colour": "red"},
        {"name": "lite"},
        {"name": "ViT-none"},
        {"name": "odd", "config": {"embed_dim": 8}, "random_seed": 0},
        {"name": "odd", "config": {"vision_cfg": 3, "text_cfg": {}}, "random_seed": 0},
    ],
)
def test_a_tower_that_cannot_be_is_refused(bundle, encoder):
    """Settings and tensors that make no image tower, when it is built: one line, never a traceback."""
    with pytest.raises(Align3DError) as refused:
        Inspector(replace(bundle, encoder=encoder))
    assert "\n" not in str(refused.value)


def test_views_and_prompts_must_fit_the_tower():
    """The shipped model with views of another size, or with prompts of another space, scores nothing."""
    shipped = load_bundle()
    with pytest.raises(WeightsRejected, match="its views have 64 px, its image tower reads 320 px"):
        Inspector(replace(shipped, views=replace(shipped.views, size_px=64)))
    odd = {"text.rendering": torch.eye(2, 8)}
    with pytest.raises(WeightsRejected, match=r"prompts have shape \(2, 8\), its image tower needs \(2, 128\)"):
        Inspector(replace(shipped, tensors=shipped.tensors | odd))


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


@pytest.mark.parametrize(("before", "now"), [(True, "always"), (False, "never")])
def test_models_with_one_switch_for_both_smoothings_keep_their_scores(bundle, tmp_path, before, now):
    """What `smooth_fused` said, true or false, of both maps holds for both, also in the profile of the record."""
    record = {"profile": {"name": "mine", "scoring": {"smooth_fused": before}}}
    saved = save_bundle(tmp_path / "new.safetensors", replace(bundle, record=record))
    facts = stated(saved.path)
    del facts["sha256"], facts["scoring"]["smooth_object"]
    facts["scoring"]["smooth_fused"] = before
    loaded = load_bundle(rewritten(saved.path, tmp_path / "old.safetensors", facts))
    assert (loaded.scoring.smooth_fused, loaded.scoring.smooth_object) == (now, now)
    assert loaded.record["profile"]["scoring"] == {"smooth_fused": now, "smooth_object": now}
    assert (loaded.views.input, loaded.views.pixels) == ("all points", "exact")
